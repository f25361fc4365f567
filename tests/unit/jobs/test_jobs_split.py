"""Models in several files and in one again, by the real tool: the same tensors, all or none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.split import part_names
from desktop.core.jobs.handlers.split import JoinKind, SplitKind
from desktop.core.paths import Paths, demo_model, paths
from quantize import split
from quantize.make import sha256_of
from tests.helpers.disk import fill, small_disk
from tests.helpers.gguf_files import U32, tiny_llama, write_tiny_llama
from tests.helpers.tensor_data import contents
from tests.helpers.told import Told
from tests.unit.jobs.making import CancelsAt, begin, engine, read_with, refused

Json = dict[str, Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path / "home"))
    return paths().ensure()


@pytest.fixture
def cutter(home: Paths) -> SplitKind:
    return SplitKind(read=read_with(home), current_runtime=lambda: engine(home.cache))


@pytest.fixture
def joiner(home: Paths) -> JoinKind:
    return JoinKind(read=read_with(home), current_runtime=lambda: engine(home.cache))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """23 tensors, 6.4 MB."""
    path = tmp_path_factory.mktemp("models") / "tiny, llama: 100%.gguf"
    return write_tiny_llama(path, n_layers=4)


def asked(model: Path, folder: Path, **more: Any) -> Json:
    return {"path": str(model), "folder": str(folder), **more}


def test_the_parts_hold_the_same_tensors_and_become_the_same_file_again(
    cutter: SplitKind, joiner: JoinKind, model: Path, tmp_path: Path
) -> None:
    folder, told = tmp_path / "parts", Told()
    made = cutter.run(begin(cutter, asked(model, folder, max_tensors=10), told))
    parts = [Path(each) for each in made["paths"]]
    assert len(parts) > 2 and parts[0].name == "tiny, llama: 100%-00001-of-00004.gguf"
    assert [path.name for path in parts] == list(part_names(parts[0].name))
    assert contents(parts) == contents([model])
    assert made["path"] == str(parts[0])
    assert made["size_bytes"] == sum(path.stat().st_size for path in parts)
    sidecar = folder / f"{parts[0].name}.made.json"
    facts = json.loads(sidecar.read_text("utf-8"))
    assert facts["made_from"]["sha256"] == {model.name: sha256_of(model, CancelToken())}
    assert facts["parts"] == [path.name for path in parts]
    assert sorted(folder.iterdir()) == sorted([*parts, sidecar])
    steps = [step for step in told.steps if step.what == "splitting"]
    assert steps[-1].done > steps[0].done == 0

    # Joined by any of them, it is what it was.
    joined = tmp_path / "joined.gguf"
    whole = joiner.run(begin(joiner, {"path": str(parts[1]), "output": str(joined)}))
    assert contents([joined]) == contents([model]) and whole["path"] == str(joined)
    facts = json.loads((tmp_path / "joined.gguf.made.json").read_text("utf-8"))
    assert list(facts["made_from"]["sha256"]) == [path.name for path in parts]
    assert refused(lambda: joiner.plan({"path": str(joined), "output": "x"})).code is (
        ErrorCode.BAD_REQUEST
    )


def test_no_part_is_larger_than_asked(cutter: SplitKind, model: Path, tmp_path: Path) -> None:
    made = cutter.run(begin(cutter, asked(model, tmp_path / "out", max_bytes=2_500_000)))
    sizes = [Path(each).stat().st_size for each in made["paths"]]
    assert len(sizes) > 2 and max(sizes) <= 2_500_000


def test_limits_that_cannot_be_kept(cutter: SplitKind, tmp_path: Path) -> None:
    model = demo_model()  # its embeddings alone take 1.1 MB
    for limit, words in (
        ({"max_bytes": 50_000}, "describes the model"),
        ({"max_bytes": 1_150_000}, "alone is larger"),
        ({"max_bytes": 1 << 40}, "one part"),
        ({"max_tensors": 1_000_000}, "one part"),
    ):
        error = refused(lambda limit=limit: cutter.plan(asked(model, tmp_path, **limit)))
        assert error.code is ErrorCode.SPLIT_IMPOSSIBLE and words in str(error.params["reason"])
    for limit in ({}, {"max_bytes": 1, "max_tensors": 1}, {"max_tensors": 0}, {"max_bytes": "2G"}):
        error = refused(lambda limit=limit: cutter.plan(asked(model, tmp_path, **limit)))
        assert error.code is ErrorCode.BAD_REQUEST


def test_parts_that_exist_are_not_replaced_unasked(
    cutter: SplitKind, model: Path, tmp_path: Path
) -> None:
    params = asked(model, tmp_path, max_tensors=10)
    there = tmp_path / "tiny, llama: 100%-00003-of-00004.gguf"
    there.write_bytes(b"mine")
    error = refused(lambda: cutter.plan(params))
    assert error.code is ErrorCode.OUTPUT_EXISTS and error.params["path"] == str(there)
    cutter.run(begin(cutter, {**params, "replace": True}))
    assert there.read_bytes() != b"mine"


def test_what_cannot_be_split_or_joined_is_told(
    cutter: SplitKind, joiner: JoinKind, model: Path, tmp_path: Path
) -> None:
    made = cutter.run(begin(cutter, asked(model, tmp_path, max_tensors=10)))
    parts = [Path(each) for each in made["paths"]]
    error = refused(lambda: cutter.plan(asked(parts[1], tmp_path, max_tensors=2)))
    assert "Join them first" in str(error)
    join = {"path": str(parts[0]), "output": str(tmp_path / "x.gguf")}

    parts[2].rename(tmp_path / "elsewhere")
    error = refused(lambda: joiner.plan(join))
    assert error.code is ErrorCode.GGUF_SHARD_MISSING and error.params["missing"] == parts[2].name
    parts[2].write_bytes(parts[1].read_bytes())  # another part under its name
    assert refused(lambda: joiner.plan(join)).code is ErrorCode.GGUF_HOSTILE
    parts[2].write_bytes((tmp_path / "elsewhere").read_bytes()[:-100])
    assert refused(lambda: joiner.plan(join)).code is ErrorCode.GGUF_TRUNCATED

    # The engine's tool would write its tensors where its header does not say.
    odd = tiny_llama().set("general.alignment", U32, 64)
    odd.alignment = 64
    odd.write(tmp_path / "odd.gguf")
    error = refused(lambda: cutter.plan(asked(tmp_path / "odd.gguf", tmp_path, max_tensors=4)))
    assert error.code is ErrorCode.BAD_REQUEST and "64 bytes apart" in str(error)


@pytest.mark.parametrize("at", ["reading the model", "splitting"])
def test_a_split_that_is_stopped_leaves_nothing(
    cutter: SplitKind, model: Path, tmp_path: Path, at: str
) -> None:
    folder, cancel = tmp_path / "out", CancelToken()
    params = asked(model, folder, max_tensors=10)
    context = begin(cutter, params, CancelsAt(cancel, at), cancel)
    assert refused(lambda: cutter.run(context)).code is ErrorCode.CANCELLED
    assert not folder.exists() or not list(folder.iterdir())


def test_a_join_that_is_stopped_leaves_nothing(
    cutter: SplitKind, joiner: JoinKind, model: Path, tmp_path: Path
) -> None:
    made = cutter.run(begin(cutter, asked(model, tmp_path / "parts", max_tensors=10)))
    target = tmp_path / "out" / "x.gguf"
    cancel = CancelToken()
    params = {"path": made["path"], "output": str(target)}
    context = begin(joiner, params, CancelsAt(cancel, "joining"), cancel)
    assert refused(lambda: joiner.run(context)).code is ErrorCode.CANCELLED
    assert not list(target.parent.iterdir())


def test_parts_that_have_their_names_when_the_service_dies_are_this_jobs(
    cutter: SplitKind, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    context = begin(cutter, asked(model, folder, max_tensors=10))
    moved: list[Path] = []

    class Died(BaseException):
        pass

    def dies(path: Path, target: Path) -> None:
        if target.parent == folder:
            if len(moved) == 2:
                raise Died
            moved.append(target)
        rename(path, target)

    rename = os.replace
    monkeypatch.setattr(split.os, "replace", dies)
    with pytest.raises(Died):
        cutter.run(context)
    monkeypatch.undo()
    assert len(list(folder.iterdir())) == 2, "two parts have their names"
    # It goes on: what is there does not stand in its own way.
    again = begin(cutter, context.params, done=context.done)
    made = cutter.run(again)
    assert contents([Path(each) for each in made["paths"]]) == contents([model])

    # Or it is cancelled instead: what has no whole model goes away.
    unfinished = {name: each for name, each in again.done.items() if name != "split"}
    cutter.cancelled(context.params, unfinished)
    assert not list(folder.glob("*.gguf"))


def test_a_disk_that_fills_up_in_the_middle(
    cutter: SplitKind, joiner: JoinKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_tiny_llama(tmp_path / "m.gguf", n_layers=8)
    parts = cutter.run(begin(cutter, asked(model, tmp_path, max_tensors=10)))["path"]
    with small_disk(tmp_path, megabytes=80) as disk:
        into = asked(model, disk / "out", max_tensors=10)
        join = {"path": parts, "output": str(disk / "out" / "x.gguf")}
        held = disk / "held"
        held.write_bytes(b"\0" * (72 << 20))
        for kind, params in ((cutter, into), (joiner, join)):
            error = refused(lambda kind=kind, params=params: kind.run(begin(kind, params)))
            assert error.code is ErrorCode.DISK_FULL, "there is too little to begin with"
        fill(disk)

        def enough(*given: object) -> None:
            return None

        # Others wrote to it after there had been enough.
        monkeypatch.setattr("quantize.whole.check_room", enough)
        (disk / "filler").unlink()
        with (disk / "filler").open("wb") as file:
            file.write(b"\0" * (6 << 20))
        for kind, params in ((cutter, into), (joiner, join)):
            with pytest.raises(AppError) as caught:
                kind.run(begin(kind, params))
            assert caught.value.code is ErrorCode.DISK_FULL
            assert "needed" in str(caught.value.params["reason"])
            assert not list((disk / "out").iterdir())
