"""How true the memory predictions are: models are written, predicted from their headers, loaded.

    uv run python benchmarks/fit_accuracy.py [--quick] [--only TEXT,…] [--minutes N]

Method. Each case is a model with random weights: an architecture, a number of layers, a quant type,
a context, a cache type and a number of slots. It is written, its header is copied over a hole of
the model's size, and from that stub alone two predictions are made: the engine's dry run as
`paddock fit` asks for it, and the closed formula. Then llama-server really loads the file (not
mapped, so that weights are counted like everything else), every slot is given a prompt that fills
its context but for a few tokens, and the rest is generated. Compared are

- the dry run with the engine's own report of that load (weights, caches, working memory),
- the formula with the dry run,
- the whole prediction, overhead included, with the peak of the process's resident memory.

Wanted: against the report a mean error of at most 1 % and no error above 3 %; the formula within
2 % of the dry run; the peak within 5 % or 64 MiB of the prediction, whichever is more.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.engine.server import EngineServer
from desktop.core.fit.estimate import Estimate
from desktop.core.fit.formula import HostTraits, estimate
from desktop.core.fit.memory import dry_run
from desktop.core.gguf.facts import facts_of
from desktop.core.gguf.local import read_header
from desktop.core.gguf.shape import ModelShape
from tests.helpers.canary import host_traits, storing_flags
from tests.helpers.model_zoo import Spec, write_random, write_stub

MIB = 1 << 20
PARTS = ("weights_bytes", "kv_bytes", "compute_bytes")
GENERATED = 24
NOT_MAPPED = ("--load-mode", "none")


@dataclass(frozen=True)
class Case:
    name: str
    spec: Spec
    settings: LoadSettings
    quick: bool = False


def _case(
    name: str, spec: Spec, context: int, slots: int = 1, *, kv: str = "f16", quick: bool = False
) -> Case:
    settings = LoadSettings(
        context_tokens=context, slots=slots, kv_type_k=kv, kv_type_v=kv, threads=2
    )
    if spec.architecture == "bert":
        settings = replace(settings, embedding=True)
    return Case(name, spec, settings, quick)


def cases() -> list[Case]:
    small = {"hidden": 256, "heads": 4, "kv_heads": 2, "head_dim": 64, "ff": 768}
    middle = {"hidden": 512, "heads": 8, "kv_heads": 2, "head_dim": 64, "ff": 1536}
    moe = {"experts": 16, "used": 4, "expert_ff": 256}
    return [
        _case("llama, 2 layers", Spec("llama", 2, **middle, kind="F16"), 2048, quick=True),
        _case(
            "llama, 32 layers",
            Spec("llama", 32, 512, 8, 2, 64, 1024, 32_000, kind="Q4_K"),
            2048,
            kv="q8_0",
        ),
        _case("llama, long", Spec("llama", 2, 128, 2, 1, 64, 512, kind="Q8_0"), 32_768, kv="q8_0"),
        _case("llama, 4 slots", Spec("llama", 2, 128, 2, 1, 64, 512, kind="F16"), 8192, 4),
        _case("qwen2", Spec("qwen2", 8, **small, vocab=64_000, kind="Q4_0"), 2048, 4, kv="q8_0"),
        _case(
            "qwen3, tied",
            Spec("qwen3", 8, **middle, vocab=64_000, kind="Q8_0", output=False),
            4096,
            quick=True,
        ),
        _case("qwen3moe", Spec("qwen3moe", 6, **small, **moe, kind="Q4_K"), 4096, 4, quick=True),
        _case(
            "gemma3",
            Spec("gemma3", 6, **small, vocab=64_000, window=512, output=False, kind="Q8_0"),
            8192,
        ),
        _case(
            "gemma3, 4 slots",
            Spec("gemma3", 12, **small, window=512, output=False, kind="Q4_0"),
            2048,
            4,
            kv="q8_0",
        ),
        _case(
            "gpt-oss",
            Spec("gpt-oss", 4, **small, **moe, window=128, kind="MXFP4", embedding_kind="Q8_0"),
            4096,
        ),
        _case(
            "deepseek2",
            Spec("deepseek2", 4, **{**small, "kv_heads": 1}, **moe, dense_lead=1, kind="Q8_0"),
            2048,
            quick=True,
        ),
        _case("granitehybrid", Spec("granitehybrid", 8, **small, kind="F16"), 4096),
        _case(
            "granitehybrid, experts",
            Spec("granitehybrid", 8, **small, **moe, shared_ff=256, kind="Q4_K"),
            2048,
            4,
        ),
        _case("nemotron_h", Spec("nemotron_h", 8, **small, kind="Q8_0"), 2048),
        _case("qwen35", Spec("qwen35", 8, **small, kind="Q4_K"), 2048, 4, kv="q8_0", quick=True),
        _case("qwen3next", Spec("qwen3next", 4, **small, **moe, shared_ff=256), 2048),
        _case("lfm2", Spec("lfm2", 6, **small, output=False, kind="Q8_0"), 8192),
        _case(
            "bert",
            Spec("bert", 12, 384, 6, 6, 64, 1536, 30_522, 512, kind="F16", output=False),
            512,
        ),
    ]


@dataclass(frozen=True)
class Outcome:
    """One case, in bytes."""

    case: Case
    predicted: int
    reported: int
    formula: int | None
    whole: int
    peak: int
    seconds: float

    @property
    def error(self) -> float:
        return self.predicted / self.reported - 1

    @property
    def formula_error(self) -> float | None:
        return None if self.formula is None else self.formula / self.predicted - 1

    @property
    def peak_allowed(self) -> float:
        return max(0.05 * self.peak, 64 * MIB)

    @property
    def peak_error(self) -> int:
        return self.whole - self.peak


def planned(made: Estimate) -> int:
    return sum(made.part(part).value for part in PARTS)


def measure(
    runtime: Runtime, case: Case, folder: Path, extra: tuple[str, ...], host: HostTraits
) -> Outcome:
    """Write, predict from the header alone, load, fill, read what it took."""
    started = time.perf_counter()
    settings = replace(case.settings, extra=extra)
    stub = write_stub(folder / "stub.gguf", case.spec)
    shape = ModelShape.of(facts_of(read_header(stub)))
    assert shape is not None
    asked = dry_run(runtime, stub, settings, shape=shape)
    made = estimate(shape, settings, host=host)
    stub.unlink()
    model = write_random(folder / "model.gguf", case.spec)
    server = EngineServer(runtime, model, "model", settings)
    server.start()
    try:
        server.wait_ready(120)
        reported = sum(device.total_bytes for device in server.memory)
        fill(server, settings, case.spec.vocab)
        peak = peak_resident(server.pid or 0)
    finally:
        server.stop(5)
        model.unlink()
    return Outcome(
        case=case,
        predicted=planned(asked),
        reported=reported,
        formula=None if made is None else planned(made),
        whole=asked.total_bytes.value,
        peak=peak,
        seconds=time.perf_counter() - started,
    )


def fill(server: EngineServer, settings: LoadSettings, vocab: int) -> None:
    """Give every slot a prompt that fills it but for a few tokens, and generate those."""
    failures: list[BaseException] = []

    def one(slot: int) -> None:
        count = settings.context_tokens - (8 if settings.embedding else GENERATED + 8)
        prompt = [300 + (7 * index + 13 * slot) % (vocab - 300) for index in range(count)]
        try:
            if settings.embedding:
                _post(server, "/v1/embeddings", {"input": prompt})
            else:
                body = {"prompt": prompt, "n_predict": GENERATED, "ignore_eos": True}
                _post(server, "/completion", body)
        except OSError as error:
            failures.append(error)

    slots = [threading.Thread(target=one, args=(slot,)) for slot in range(settings.slots)]
    for thread in slots:
        thread.start()
    for thread in slots:
        thread.join()
    if failures:
        raise failures[0]


def _post(server: EngineServer, path: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"{server.base_url}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"},
    )
    with urllib.request.urlopen(request, timeout=400) as reply:
        reply.read()


def peak_resident(pid: int) -> int:
    """The most a process ever held in memory, in bytes, as Linux counts it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not tell the peak of resident memory")


def heading() -> None:
    print(
        f"{'model':<24}{'type':<7}{'context':>8}{'slots':>6}{'cache':>6}"
        f"{'predicted':>11}{'reported':>10}{'error':>8}{'formula':>9}"
        f"{'whole':>9}{'peak':>8}{'off':>7}{'s':>6}",
        flush=True,
    )


def row(each: Outcome) -> None:
    """Sizes in MiB; `formula` is its error against the dry run, `off` the whole less the peak."""
    spec, settings = each.case.spec, each.case.settings
    off = "none" if each.formula_error is None else f"{each.formula_error:+.2%}"
    print(
        f"{each.case.name:<24}{spec.kind:<7}{settings.context_tokens:>8}{settings.slots:>6}"
        f"{settings.kv_type_k:>6}{each.predicted / MIB:>11.2f}{each.reported / MIB:>10.2f}"
        f"{each.error:>+8.2%}{off:>9}{each.whole / MIB:>9.1f}{each.peak / MIB:>8.1f}"
        f"{each.peak_error / MIB:>+7.1f}{each.seconds:>6.1f}",
        flush=True,
    )


def judge(outcomes: Sequence[Outcome]) -> bool:
    """Print what was wanted beside what came out; whether all of it was met."""
    errors = [abs(each.error) for each in outcomes]
    formulas = [abs(e) for each in outcomes if (e := each.formula_error) is not None]
    misses = [each for each in outcomes if abs(each.peak_error) > each.peak_allowed]
    least = min(each.peak_error for each in outcomes) / MIB
    most = max(each.peak_error for each in outcomes) / MIB
    mean = sum(errors) / len(errors)
    rows = [
        ("dry run against the engine's report, mean", f"{mean:.2%}", "1 %", mean <= 0.01),
        ("dry run against the engine's report, worst", f"{max(errors):.2%}", "3 %",
         max(errors) <= 0.03),
        ("formula against the dry run, worst", f"{max(formulas):.2%}", "2 %",
         max(formulas) <= 0.02 and len(formulas) == len(outcomes)),
        (f"peak of resident memory: off by {least:+.1f} to {most:+.1f} MiB; too far",
         str(len(misses)), "0", not misses),
    ]  # fmt: skip
    for what, found, wanted, good in rows:
        print(f"{'met   ' if good else 'MISSED'}  {what}: {found} (wanted: at most {wanted})")
    return all(good for *_, good in rows)


def speed(outcome: Outcome, folder: Path) -> None:
    """How long a list of 500 rows takes, 50 of them with settings nobody asked for yet."""
    shape = ModelShape.of(facts_of(read_header(write_stub(folder / "s.gguf", outcome.case.spec))))
    assert shape is not None
    started = time.perf_counter()
    for index in range(500):
        estimate(shape, replace(LoadSettings(), context_tokens=256 * (1 + index % 50)))
    elapsed = time.perf_counter() - started
    print(f"500 estimates by the formula, 50 of them with new settings: {elapsed * 1000:.0f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="five small models")
    parser.add_argument(
        "--only", default="", help="cases whose name contains one of these, with commas between"
    )
    parser.add_argument("--minutes", type=float, default=7.0, help="no further case after these")
    options = parser.parse_args()
    started = time.perf_counter()
    root = environment_folder()
    if root is None:
        sys.exit("The engine is not installed: run `make run` once.")
    folder = Path(tempfile.mkdtemp(prefix="paddock-fit-"))
    outcomes: list[Outcome] = []
    try:
        runtime = read_runtime("environment", root, folder / "cache")
        print(__doc__.split("\n\n", 2)[2].strip(), "\n")
        storing = storing_flags(runtime, folder)
        extra = NOT_MAPPED + storing
        if storing:
            print("This machine's matrix unit does not work: everything runs with --no-repack.\n")
        host = host_traits(runtime, folder)
        heading()
        left_out = []
        for case in cases():
            wanted = any(text in case.name for text in options.only.split(","))
            if not wanted or (options.quick and not case.quick):
                continue
            if time.perf_counter() - started > 60 * options.minutes:
                left_out.append(case.name)
                continue
            outcomes.append(measure(runtime, case, folder, extra, host))
            row(outcomes[-1])
        if left_out:
            print(f"Left out after {options.minutes:g} minutes: {', '.join(left_out)}.")
        if not outcomes:
            sys.exit("No such case.")
        print()
        speed(outcomes[0], folder)
        return 0 if judge(outcomes) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
