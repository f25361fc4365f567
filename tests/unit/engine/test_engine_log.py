"""What is stored of the engine's log: never a prompt, never a key."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from desktop.core.engine.allocations import MIB, MemoryReader, device_of
from desktop.core.engine.enginelog import EngineLog, log_name
from desktop.core.engine.loglines import LIMIT, Line, Scrubber, parse_line, redact

DATA = Path(__file__).parents[2] / "data" / "engine"
KEY = "secret1234567"


def stored(name: str, *, ready: bool = False) -> list[str]:
    scrubber, kept = Scrubber(KEY), []
    scrubber.ready = ready
    for raw in (DATA / name).read_bytes().splitlines():
        line = parse_line(raw)
        if line is None:
            continue
        if line.kind == "state" and line.data.get("state") == "ready":
            scrubber.ready = True
        text = scrubber.text(line)
        if text is not None:
            kept.append(text)
    return kept


def test_no_prompt_and_no_key_is_stored() -> None:
    raw = (DATA / "log_requests_with_marker.out").read_bytes()
    raw_errors = (DATA / "log_requests_with_marker.err").read_bytes()
    assert b"XYZZY" in raw and b"XYZZY" in raw_errors and KEY[-4:].encode() in raw
    out = stored("log_requests_with_marker.out")
    err = stored("log_requests_with_marker.err", ready=True)
    everything = "\n".join(out + err)
    assert "XYZZY" not in everything
    assert KEY[-4:] not in everything


def test_what_helps_is_stored() -> None:
    kept = "\n".join(stored("log_requests_with_marker.out"))
    assert "prompt eval time" in kept
    assert "stop processing: n_tokens" in kept
    assert "a request was refused with code 500" in kept
    assert "CPU KV buffer size" in kept


def test_lines_that_could_carry_a_text_are_withheld_once_ready() -> None:
    scrubber = Scrubber(KEY)
    scrubber.ready = True
    for text in (
        "anthropic string not as expected: my secret prompt",
        "srv  server_strea: conv_id=my secret prompt",
        "slot   operator(): id  0 | task 3 | old: ... my secret prompt",
        "my secret prompt",
        "common_chat_parse: my secret prompt",
    ):
        for level in ("info", "warn", "error"):
            assert scrubber.text(Line("log", text, level)) is None
    kept = scrubber.text(Line("text", "GGML_ASSERT(x) failed: 'my secret prompt"))
    assert kept is not None and "secret" not in kept
    assert scrubber.withheld == 15


def test_quotes_are_taken_out_closed_or_not() -> None:
    assert redact("last read: '\"hello'") == "last read: (…)"
    assert redact('read "abc') == "read "
    assert redact("two\nlines") == "two"


def test_the_key_is_replaced_and_lines_are_bounded() -> None:
    scrubber = Scrubber(KEY)
    text = scrubber.text(Line("text", f"a {KEY} b \x1b[31mred\x07" + "x" * 10_000))
    assert text is not None
    assert KEY not in text and "\x1b" not in text and len(text) <= LIMIT


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(raw: bytes) -> None:
    for prefix in (b"", b"{", b"cmd_child_to_router:state:", b'{"type":"log","msg":'):
        line = parse_line(prefix + raw)
        if line is not None:
            Scrubber(KEY).text(line)


def test_deep_nesting_and_wrong_shapes() -> None:
    assert parse_line(b"[" * 100_000) is not None
    assert parse_line(b'{"a":' * 100_000) is not None
    line = parse_line(b'{"type":"fit_memory_breakdown","data":[]}')
    assert line is not None and line.kind == "text"
    assert parse_line(b"cmd_child_to_router:state:{}") == Line("state")


def test_memory_of_a_recorded_load() -> None:
    reader = MemoryReader()
    for raw in (DATA / "log_load_and_exit.out").read_bytes().splitlines():
        line = parse_line(raw)
        if line is not None:
            reader.feed(line.text)
    (cpu,) = reader.devices(tensor_bytes=1_509_120)
    assert cpu.name == "CPU"
    assert cpu.weights_bytes == 1_509_120  # not the span of the file as well as the repacked copy
    assert cpu.kv_bytes == 8 * MIB
    assert abs(cpu.compute_bytes - 5.52 * MIB) < 0.02 * MIB
    assert cpu.total_bytes == sum((cpu.weights_bytes, cpu.kv_bytes, cpu.compute_bytes))


def test_memory_on_several_devices() -> None:
    reader = MemoryReader()
    for text in (
        "load_tensors:   CPU_Mapped model buffer size =   100.00 MiB",
        "load_tensors:        CUDA0 model buffer size =   900.00 MiB",
        "llama_kv_cache:      CUDA0 KV buffer size =    64.00 MiB",
        "llama_memory_recurrent:      CUDA0 RS buffer size =    6.00 MiB",
        "llama_context:  CUDA_Host  output buffer size =     1.00 MiB",
        "sched_reserve:      CUDA0 compute buffer size =   300.00 MiB",
        "sched_reserve:  CUDA_Host compute buffer size =    10.00 MiB",
    ):
        reader.feed(text)
    devices = {d.name: d for d in reader.devices()}
    assert devices["CUDA0"].kv_bytes == 70 * MIB
    assert devices["CUDA0"].total_bytes == 1270 * MIB
    assert devices["CPU"].compute_bytes == 11 * MIB


def test_what_is_loaded_beside_a_model_is_counted_with_it() -> None:
    reader = MemoryReader()
    for text in (
        "load_hparams: model size:         640.00 MiB",  # while its need is estimated
        "print_info: file size   = 90.00 MiB (8.50 BPW) ",
        "load_tensors: loading model tensors, this can take a while... (load_mode = mmap)",
        "load_tensors:   CPU_Mapped model buffer size =   100.00 MiB",
        "load_tensors:   CPU_REPACK model buffer size =    40.00 MiB",
        "llama_adapter_lora_init_impl: CPU_Mapped LoRA buffer size =     3.00 MiB",
        "llama_context: constructing llama_context",
        "llama_context:        CPU  output buffer size =     0.50 MiB",
        "llama_kv_cache:        CPU KV buffer size =    32.00 MiB",
        "sched_reserve:        CPU compute buffer size =     7.00 MiB",
        "sched_reserve:        CPU compute buffer size =     8.00 MiB",  # reserved once more
        "common_speculative_init_result: loading draft model '/m/d.gguf'",
        "print_info: file size   = 0.01 GiB (8.50 BPW) ",
        "load_tensors: loading model tensors, this can take a while... (load_mode = mmap)",
        "load_tensors:   CPU_Mapped model buffer size =    10.00 MiB",
        "llama_context: constructing llama_context",
        "llama_kv_cache:        CPU KV buffer size =     4.00 MiB",
        "sched_reserve:        CPU compute buffer size =     2.00 MiB",
        "clip_ctx: CLIP using CPU backend",
        "load_hparams: model size:         640.00 MiB",
        "reserve_compute_meta:        CPU compute buffer size =    11.00 MiB",
    ):
        reader.feed(text)
    (cpu,) = reader.devices(tensor_bytes=90 * MIB)
    assert cpu.weights_bytes == (90 + 3 + 10 + 640) * MIB
    assert cpu.kv_bytes == 36 * MIB
    assert cpu.compute_bytes == round((0.5 + 8 + 2 + 11) * MIB)


def test_a_second_context_of_a_model_is_no_repeated_reservation() -> None:
    reader = MemoryReader()
    for _ in range(2):  # a model that proposes tokens itself has two
        reader.feed("llama_context: constructing llama_context")
        reader.feed("sched_reserve:      CUDA0 compute buffer size =    30.00 MiB")
    (gpu,) = reader.devices()
    assert (gpu.name, gpu.compute_bytes) == ("CUDA0", 60 * MIB)


def test_names_of_buffers() -> None:
    for name in ("CPU", "CPU_Mapped", "CPU_REPACK", "CUDA_Host", "Vulkan_Host", "Host"):
        assert device_of(name) == "CPU"
    assert device_of("MTL0_Mapped") == "MTL0"
    assert device_of("RPC0[10.0.0.1:50052]") == "RPC0[10.0.0.1:50052]"


def test_the_file_rotates_and_the_ring_forgets(tmp_path: Path) -> None:
    log = EngineLog(tmp_path / "logs" / log_name("a/b:q4"), limit_bytes=1000)
    for number in range(3000):
        log.add(f"line {number}")
    assert len(log.lines()) == 2000
    assert log.lines(1) == ["line 2999"]
    assert log.path is not None and log.path.name == "engine-a_b_q4.log"
    old = log.path.with_name(log.path.name + ".1")
    assert log.path.stat().st_size <= 1000 and old.stat().st_size <= 1000
    assert "line 2999" in log.path.read_text()


def test_a_disk_that_fails_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = EngineLog(tmp_path / "file" / "engine.log")
    log.add("still here")
    assert log.disk_error and log.lines()[-1] == "still here"
