"""The header parser on right, wrong and hostile headers."""

from __future__ import annotations

import ctypes
import mmap
import struct
import sysconfig
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf import cursor, header
from desktop.core.gguf.header import NeedMoreBytes, Skipped, parse_header
from desktop.core.gguf.local import read_header
from desktop.core.gguf.summary import summarize
from desktop.core.gguf.tensor_types import REMOVED_TYPES, TENSOR_TYPES
from tests.helpers.gguf_files import (
    ARR,
    BOOL,
    F32,
    I32,
    STR,
    U8,
    U32,
    U64,
    Gguf,
    TensorSpec,
    pair,
    text,
    tiny_llama,
    write_tiny_llama,
)

REFUSALS = {
    ErrorCode.GGUF_EMPTY,
    ErrorCode.GGUF_NOT_GGUF,
    ErrorCode.GGUF_VERSION,
    ErrorCode.GGUF_TRUNCATED,
    ErrorCode.GGUF_HOSTILE,
    ErrorCode.GGUF_TYPE_UNKNOWN,
}


def parse(raw: bytes) -> header.Header:
    return parse_header(raw, len(raw))


def refusal(raw: bytes) -> AppError:
    with pytest.raises(AppError) as caught:
        parse(raw)
    return caught.value


def hostile(made: Gguf) -> str:
    error = refusal(made.to_bytes())
    assert error.code is ErrorCode.GGUF_HOSTILE
    return str(error.params["reason"])


def test_a_llama_is_read_whole() -> None:
    made = tiny_llama(name="Tiny Llama", n_layers=3)
    parsed = parse(made.to_bytes())
    assert parsed.version == 3
    assert parsed.values["general.name"] == "Tiny Llama"
    assert parsed.values["llama.block_count"] == 3
    assert parsed.values["tokenizer.ggml.tokens"] == Skipped(8, 300)
    assert [tensor.name for tensor in parsed.tensors] == [spec.name for spec in made.tensors]
    assert all(
        tensor.size_bytes == spec.size
        for tensor, spec in zip(parsed.tensors, made.tensors, strict=True)
    )


def test_what_the_gguf_package_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "written.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("By the package")
    writer.add_languages(["en", "ja"])
    writer.add_custom_alignment(64)
    writer.add_tensor("token_embd.weight", numpy.ones((3, 64), dtype=numpy.float16))
    writer.add_tensor("blk.0.attn_q.weight", numpy.ones((5, 32), dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    parsed = read_header(path)
    assert parsed.alignment == 64
    assert parsed.values["general.languages"] == ("en", "ja")
    assert [(tensor.dims, tensor.type.name) for tensor in parsed.tensors] == [
        ((64, 3), "F16"),
        ((32, 5), "F32"),
    ]
    assert parsed.file_size == path.stat().st_size


def test_version_2_is_read_and_others_are_named() -> None:
    made = tiny_llama()
    made.version = 2
    assert parse(made.to_bytes()).version == 2
    for version, shown in ((1, "1"), (4, "4"), (0, "0"), (0x03000000, "3 in big-endian")):
        made.version = version
        error = refusal(made.to_bytes())
        assert error.code is ErrorCode.GGUF_VERSION
        assert shown in error.cause


def test_other_files_are_told_apart() -> None:
    assert refusal(b"").code is ErrorCode.GGUF_EMPTY
    assert refusal(b"PK\x03\x04" + bytes(100)).code is ErrorCode.GGUF_NOT_GGUF
    assert refusal(b"<html>").code is ErrorCode.GGUF_NOT_GGUF
    assert refusal(b"GG").code is ErrorCode.GGUF_TRUNCATED
    assert refusal(b"GGUF\x03\0").code is ErrorCode.GGUF_TRUNCATED


def test_every_truncation_says_what_is_missing() -> None:
    raw = tiny_llama(n_layers=1).to_bytes()
    header_size = len(tiny_llama(n_layers=1).header())
    for size in [*range(4, header_size, 97), header_size, len(raw) - 1]:
        error = refusal(raw[:size])
        assert error.code is ErrorCode.GGUF_TRUNCATED, size
        assert error.params["have_bytes"] == size
        assert size < error.params["need_bytes"] <= len(raw)
    assert refusal(raw[:-1]).params["need_bytes"] == len(raw)


def test_a_remote_header_is_read_by_asking_for_more() -> None:
    raw = tiny_llama().to_bytes()
    whole, have, rounds = parse(raw), 16, 0
    while True:
        rounds += 1
        try:
            parsed = parse_header(raw[:have], len(raw))
            break
        except NeedMoreBytes as more:
            assert have < more.count <= len(raw)
            have = max(more.count, 2 * have)
    assert parsed == whole
    assert 3 < rounds < 20


@pytest.mark.parametrize(
    ("count", "code"),
    [
        (100, ErrorCode.GGUF_TRUNCATED),
        (1 << 40, ErrorCode.GGUF_HOSTILE),
        (1 << 63, ErrorCode.GGUF_HOSTILE),
        ((1 << 64) - 1, ErrorCode.GGUF_HOSTILE),
    ],
)
@pytest.mark.parametrize(
    "build",
    [
        lambda n: b"GGUF" + struct.pack("<IQQ", 3, n, 0) + b"\0" * 64,
        lambda n: b"GGUF" + struct.pack("<IQQ", 3, 0, n) + b"\0" * 64,
        lambda n: b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, n) + b"\0" * 14,
        lambda n: b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IQ", STR, n),
        lambda n: (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", ARR, U64, n)
        ),
        lambda n: (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", ARR, STR, n)
        ),
        lambda n: (
            b"GGUF"
            + struct.pack("<IQQ", 3, 0, 1)
            + text("tokenizer.ggml.tokens")
            + struct.pack("<IIQQ", ARR, STR, 1, n)
        ),
    ],
    ids=["tensors", "pairs", "key", "string", "numbers", "strings", "token"],
)
def test_huge_counts_and_lengths(
    build: Callable[[int], bytes], count: int, code: ErrorCode
) -> None:
    assert refusal(build(count)).code is code


def test_hostile_pairs() -> None:
    twice = tiny_llama()
    twice.pairs.append(("general.name", STR, "again"))
    assert "twice" in hostile(twice)
    unknown = Gguf()
    raw = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 13) + bytes(20)
    assert "type 13" in refusal(raw).cause
    assert "name of 0 bytes" in hostile(unknown.set("", U32, 1))
    assert "name of 1025" in hostile(Gguf().set("k" * 1025, U32, 1))


def test_nested_lists_are_walked_over_but_not_endlessly() -> None:
    nested = (ARR, [(I32, [1, 2]), (STR, ["a"])])
    parsed = parse(Gguf().set("k", ARR, nested).set("after", U32, 7).to_bytes())
    assert parsed.values == {"k": Skipped(9, 2), "after": 7}
    value: object = (I32, [1])
    for _ in range(50):
        value = (ARR, [value])
    assert "nested" in hostile(Gguf().set("k", ARR, value))


@pytest.mark.parametrize("alignment", [0, 3, 48, 1 << 21])
def test_senseless_alignment(alignment: int) -> None:
    assert "alignment" in hostile(tiny_llama().set("general.alignment", U32, alignment))


def test_alignment_must_be_a_number() -> None:
    assert "alignment" in hostile(tiny_llama().set("general.alignment", STR, "32"))
    assert "alignment" in hostile(tiny_llama().set("general.alignment", BOOL, True))


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (TensorSpec("t", ()), "0 dimensions"),
        (TensorSpec("t", (1, 1, 1, 1, 1)), "5 dimensions"),
        (TensorSpec("t", (0, 4), data=b""), "dimension of 0"),
        (TensorSpec("t", (4,), type_number=256), "type number 256"),
        (TensorSpec("t", (32,), type_number=12), "Q4_K"),
        (TensorSpec("t", (1 << 62, 2), data=b""), "larger than any file"),
        (TensorSpec("t", ((1 << 64) - 1,) * 4, data=b""), "larger than any file"),
        (TensorSpec("t", (4,), offset=1 << 63), "larger than any file"),
        (TensorSpec("t", (4,), offset=8), "multiple of 32"),
        (TensorSpec("", (4,)), "name of 0 bytes"),
        (TensorSpec("t" * 256, (4,)), "name of 256 bytes"),
    ],
)
def test_hostile_tensors(spec: TensorSpec, word: str) -> None:
    made = Gguf(tensors=[spec])
    raw = made.header() + bytes(64)
    error = refusal(raw)
    assert error.code is ErrorCode.GGUF_HOSTILE
    assert word in error.params["reason"]


@pytest.mark.parametrize(("number", "word"), [(43, "number 43"), (255, "255"), (31, "Q4_0_4_4")])
def test_a_type_that_is_not_known_is_no_harm(number: int, word: str) -> None:
    """A newer engine's files, or a much older one's, are not damaged: they have their own code."""
    error = refusal(Gguf(tensors=[TensorSpec("t", (4,), type_number=number)]).to_bytes())
    assert error.code is ErrorCode.GGUF_TYPE_UNKNOWN
    assert word in error.params["reason"] and "“t”" in error.params["reason"]


def test_tensors_that_overlap_or_share_a_name() -> None:
    a, b = TensorSpec("a", (64,)), TensorSpec("b", (64,), offset=224)
    assert "overlap" in hostile(Gguf(tensors=[a, b]))
    assert "twice" in hostile(Gguf(tensors=[a, TensorSpec("a", (64,))]))


def test_a_tensor_behind_the_end_is_a_truncated_file() -> None:
    made = Gguf(tensors=[TensorSpec("a", (1 << 20,), data=b"")])
    error = refusal(made.to_bytes() + bytes(64))
    assert error.code is ErrorCode.GGUF_TRUNCATED
    assert error.params["need_bytes"] - error.params["have_bytes"] == (4 << 20) - 64


def test_long_values_are_not_kept() -> None:
    made = Gguf().set("long", STR, "x" * ((1 << 20) + 1)).set("list", ARR, (U8, [1] * 5000))
    made.set("short", ARR, (F32, [0.5, 1.0]))
    assert parse(made.to_bytes()).values == {
        "long": Skipped(STR, (1 << 20) + 1),
        "list": Skipped(U8, 5000),
        "short": (0.5, 1.0),
    }


def test_a_large_vocabulary_costs_no_objects() -> None:
    made = tiny_llama().set("tokenizer.ggml.tokens", ARR, (STR, ["token"] * 250_000))
    made.set("tokenizer.ggml.merges", ARR, (STR, ["to ken"] * 250_000))
    raw = made.to_bytes()
    tracemalloc.start()
    try:
        parsed = parse(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert parsed.values["tokenizer.ggml.merges"] == Skipped(STR, 250_000)
    assert peak < 1 << 20


def test_what_is_kept_is_bounded_in_all() -> None:
    many = b"".join(pair(f"k{i}", STR, "x" * (1 << 20)) for i in range(40))
    lists = b"".join(pair(f"l{i}", ARR, (STR, ["x"] * 4000)) for i in range(200))
    raw = b"GGUF" + struct.pack("<IQQ", 3, 0, 240) + many + lists
    tracemalloc.start()
    try:
        parsed = parse(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(isinstance(value, Skipped) for value in parsed.values.values()) > 200
    assert peak < 100 << 20


def test_the_walk_over_lists_is_bounded() -> None:
    element = struct.pack("<IQ", U8, 0)
    count = cursor.MAX_WALKED_ELEMENTS // 8 + 1
    raw = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k")
    raw += struct.pack("<IIQ", ARR, ARR, count) + element * count
    assert "elements in all" in refusal(raw).cause


def test_the_type_table_is_the_engines() -> None:
    folder = Path(sysconfig.get_path("purelib")) / "llama_cpp" / "lib"
    library = next(folder.glob("*ggml-base*"))
    ggml = ctypes.CDLL(str(library))
    ggml.ggml_type_size.restype = ctypes.c_size_t
    ggml.ggml_blck_size.restype = ctypes.c_int64
    ggml.ggml_type_name.restype = ctypes.c_char_p
    for number in range(43):
        block, size = ggml.ggml_blck_size(number), ggml.ggml_type_size(number)
        if block == 0 or number in REMOVED_TYPES:
            assert number not in TENSOR_TYPES
            continue
        name = ggml.ggml_type_name(number).decode().upper()
        assert TENSOR_TYPES[number] == (name, block, size)
    assert not TENSOR_TYPES.keys() & REMOVED_TYPES.keys()


# --- anything at all: only our own refusals come out

_SEED = Gguf(
    pairs=[
        ("general.architecture", STR, "llama"),
        ("general.name", STR, "Näme 日本"),
        ("general.languages", ARR, (STR, ["en", "ja"])),
        ("llama.attention.head_count_kv", ARR, (I32, [4, 8, 4])),
        ("nested", ARR, (ARR, [(U8, [1, 2]), (STR, ["x"])])),
        ("tokenizer.ggml.tokens", ARR, (STR, ["a", "bb", "ccc"])),
        ("general.alignment", U32, 32),
    ],
    tensors=[
        TensorSpec("token_embd.weight", (256, 3), "Q4_K"),
        TensorSpec("blk.0.attn_q.weight", (256, 2), "Q6_K"),
        TensorSpec("output_norm.weight", (256,), "F32"),
    ],
).to_bytes()
_HEADER_SIZE = len(_SEED) - 4 * 144 - 2 * 256 - 1024
_EVIL = [0, 1, 0xFF, 1 << 20, 1 << 31, 1 << 32, 1 << 48, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]

_mutation = st.one_of(
    st.tuples(st.just("flip"), st.integers(0, _HEADER_SIZE * 8 - 1), st.just(0)),
    st.tuples(st.just("cut"), st.integers(0, len(_SEED)), st.just(0)),
    st.tuples(st.just("u64"), st.integers(0, _HEADER_SIZE - 8), st.sampled_from(_EVIL)),
    st.tuples(st.just("u32"), st.integers(0, _HEADER_SIZE - 4), st.integers(0, 50)),
    st.tuples(st.just("drop"), st.integers(0, _HEADER_SIZE), st.integers(1, 40)),
    st.tuples(st.just("repeat"), st.integers(0, _HEADER_SIZE), st.integers(1, 200)),
)


def _mutated(changes: list[tuple[str, int, int]]) -> bytes:
    raw = bytearray(_SEED)
    for kind, place, number in changes:
        if kind == "flip" and place // 8 < len(raw):
            raw[place // 8] ^= 1 << place % 8
        elif kind == "cut":
            del raw[place:]
        elif kind == "u64" and place + 8 <= len(raw):
            raw[place : place + 8] = struct.pack("<Q", number)
        elif kind == "u32" and place + 4 <= len(raw):
            raw[place : place + 4] = struct.pack("<I", number)
        elif kind == "drop":
            del raw[place : place + number]
        elif kind == "repeat":
            raw[place:place] = raw[place : place + number]
    return bytes(raw)


@given(st.lists(_mutation, min_size=1, max_size=4))
@settings(max_examples=2000, deadline=2000, database=None, suppress_health_check=list(HealthCheck))
def test_only_our_refusals_ever_come_out(changes: list[tuple[str, int, int]]) -> None:
    raw = _mutated(changes)
    try:
        summarize(parse(raw)).to_dict()
    except AppError as error:
        assert error.code in REFUSALS
        str(error)
        error.to_dict()


@given(st.binary(max_size=400))
@settings(max_examples=500, deadline=2000, database=None)
def test_random_bytes_behind_the_magic(raw: bytes) -> None:
    for prefix in (b"", b"GGUF\x03\0\0\0"):
        try:
            parse(prefix + raw)
        except AppError as error:
            assert error.code in REFUSALS


@given(st.lists(_mutation, min_size=1, max_size=3), st.integers(0, len(_SEED)))
@settings(max_examples=500, deadline=2000, database=None)
def test_a_part_of_a_file_asks_for_more_or_is_refused(
    changes: list[tuple[str, int, int]], have: int
) -> None:
    raw = _mutated(changes)
    try:
        parse_header(raw[:have], len(raw))
    except NeedMoreBytes as more:
        assert min(have, len(raw)) < more.count <= len(raw)
    except AppError as error:
        assert error.code in REFUSALS


def test_hostile_headers_take_little_memory() -> None:
    tracemalloc.start()
    try:
        for place in range(0, _HEADER_SIZE - 8):
            for number in (1 << 24, 1 << 40, (1 << 64) - 1):
                try:
                    parse(_mutated([("u64", place, number)]))
                except AppError as error:
                    assert error.code in REFUSALS
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 << 20


def test_a_header_full_of_tensors_stays_in_bounds() -> None:
    one = struct.pack("<IQIQ", 1, 8, 0, 0)
    count = header.MAX_TENSORS
    raw = b"GGUF" + struct.pack("<IQQ", 3, count, 0)
    raw += b"".join(text(f"{i:0255}") + one for i in range(count))
    tracemalloc.start()
    try:
        assert refusal(raw).code is ErrorCode.GGUF_HOSTILE  # all at offset 0: they overlap
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 << 20


def test_a_mapped_file_can_be_closed_after_any_outcome(tmp_path: Path) -> None:
    good = write_tiny_llama(tmp_path / "good.gguf")
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(_mutated([("u64", 24, 1 << 63)]))
    for path in (good, bad):
        with path.open("rb") as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            try:
                parse_header(mapped, len(mapped))
            except AppError as error:
                assert error.code in REFUSALS
            mapped.close()
