"""The best file of a repository: what is read for it, and by what it is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.candidates import LeftOut
from desktop.core.fit.catalog import load_catalog
from desktop.core.fit.recommend import Recommendation, Wish
from desktop.core.fit.repository import Target, recommend_repository
from desktop.core.fit.simulate import parse_machine, seeded_speeds
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.remote import RemoteReader
from desktop.core.hub.names import HubName
from desktop.core.web import WebSettings
from tests.helpers.file_server import FileServer
from tests.helpers.model_zoo import Spec, zoo

Ask = Callable[..., Recommendation | LeftOut]
REPO = "owner/Model-GGUF"
COMMIT = "c" * 40
# label in the file's name, the type its tensors really have
FILES = {"Q4_K_M": "Q4_K", "Q6_K": "Q6_K", "Q8_0": "Q8_0", "BF16": "BF16"}


def _spec(kind: str) -> Spec:
    return Spec(
        "llama",
        layers=32,
        hidden=4096,
        heads=32,
        kv_heads=8,
        head_dim=128,
        ff=14336,
        vocab=128_256,
        kind=kind,
    )


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as made:
        yield made


def _publish(server: FileServer, files: dict[str, str]) -> None:
    """A repository with these files: label → type of the tensors."""
    listed = {"README.md": 10, "mmproj-F16.gguf": 900_000_000}
    for label, kind in files.items():
        made = zoo(_spec(kind))
        head = made.header()
        size = len(head) + sum(-(-t.size // 32) * 32 for t in made.tensors)
        name = f"Model-{label}.gguf"
        server.add(f"/{REPO}/resolve/{COMMIT}/{name}", head, size=size)
        listed[name] = size
    server.add_listing(REPO, listed)


@pytest.fixture
def ask(server: FileServer, tmp_path: Path) -> Iterator[Ask]:
    settings = WebSettings(endpoint=server.url)
    with HeaderReader(tmp_path / "headers") as reader:
        remote = RemoteReader(reader, tmp_path / "remote", settings)

        def call(
            machine: str, wish: Wish | None = None, quant: str | None = None
        ) -> Recommendation | LeftOut:
            box = parse_machine(machine)
            target = Target(box, seeded_speeds(box), wish or Wish())
            return recommend_repository(
                HubName(REPO, quant), target, load_catalog(), remote, settings
            )

        yield call


def _read(server: FileServer) -> list[str]:
    return sorted({a.path.rpartition("/")[2] for a in server.asked if a.path.endswith(".gguf")})


def test_the_best_file_is_found_with_two_headers(server: FileServer, ask: Ask) -> None:
    _publish(server, FILES)
    answer = ask("ram=32,gpu=RTX_4090")
    assert isinstance(answer, Recommendation)
    assert answer.candidate.id == REPO and answer.verdict == "gpu"
    option = answer.choice.option
    assert option.loss is not None and option.loss.level == "near_lossless"
    # the smallest for the shape, and the one that is recommended
    assert _read(server) == ["Model-Q4_K_M.gguf", f"Model-{option.quant_type}.gguf"]
    assert server.bytes_sent < 20_000_000


def test_a_slow_machine_gets_another_file_and_a_small_one_none(
    server: FileServer, ask: Ask
) -> None:
    _publish(server, FILES)
    slow = ask("ram=16", Wish(speed=6))
    assert isinstance(slow, Recommendation) and slow.verdict == "cpu"
    assert slow.choice.option.quant_type == "Q4_K_M"
    tiny = ask("ram=6")
    assert isinstance(tiny, LeftOut) and tiny.reason.code == "too_large"


def test_a_file_is_judged_by_its_tensors_not_by_its_label(server: FileServer, ask: Ask) -> None:
    """The file called Q6_K holds 3-bit tensors: once read, it is not recommended."""
    _publish(server, {"Q4_K_M": "Q4_K", "Q6_K": "Q3_K", "Q8_0": "Q8_0"})
    answer = ask("ram=32,gpu=RTX_4090")
    assert isinstance(answer, Recommendation)
    assert answer.choice.option.quant_type == "Q8_0"


def test_a_named_quant_is_the_only_one_asked_for(server: FileServer, ask: Ask) -> None:
    _publish(server, FILES)
    answer = ask("ram=32,gpu=RTX_4090", quant="q6_k")
    assert isinstance(answer, Recommendation)
    assert answer.choice.option.quant_type == "Q6_K"
    assert _read(server) == ["Model-Q6_K.gguf"]
    with pytest.raises(AppError) as caught:
        ask("ram=32", quant="IQ1_S")
    assert caught.value.code is ErrorCode.HUB_QUANT_UNKNOWN
    assert "Q4_K_M" in caught.value.cause


def test_a_repository_without_models_or_sizes_is_told(server: FileServer, ask: Ask) -> None:
    server.add_listing(REPO, {"README.md": 5})
    with pytest.raises(AppError) as nothing:
        ask("ram=32")
    assert nothing.value.code is ErrorCode.HUB_NO_GGUF
    server.add_listing(REPO, {"Model-Q8_0.gguf": {"size": None}})
    with pytest.raises(AppError) as sizes:
        ask("ram=32")
    assert sizes.value.code is ErrorCode.HUB_QUANT_UNKNOWN
