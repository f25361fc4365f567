"""`paddock adopt` and Modelfiles on the command line, before a fake face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop.cli.commands.modelfiles import name_for
from desktop.core.errors import AppError, ErrorCode
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import FakeFace


def app(name: str, *models: dict[str, Any], adopted: bool = False) -> dict[str, Any]:
    return {
        "app": name,
        "title": name.title(),
        "folder": f"/models/.{name}",
        "further": [],
        "size_bytes": sum(model["size_bytes"] for model in models),
        "adopted": adopted,
        "error": None,
        "models": list(models),
    }


def found(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "path": f"/blobs/{name}",
        "files": [f"/blobs/{name}"],
        "size_bytes": 3 << 30,
        "card": {},
        "load_defaults": {},
        "left_out": [],
        "problem": None,
        **more,
    }


def test_what_other_programs_have_is_listed(face: FakeFace, paddock: Paddock) -> None:
    damaged = AppError(ErrorCode.ADOPT_DAMAGED, app="Ollama", model="b", reason="A file is gone.")
    models = [
        found("a:1b", card={"system": "x", "sampling": {"seed": 1}}),
        found("b:1b", problem=damaged.to_dict()),
    ]
    apps = [app("ollama", *models), app("jan", found("c"), adopted=True)]
    face.routes["/adoptable"] = lambda body: {"apps": apps, "folders": []}
    ran = paddock("adopt")
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[1] == ["a:1b", "Ollama", "3.0", "GiB", "system,", "settings"]
    assert lines[2] == ["b:1b", "Ollama", "3.0", "GiB", "cannot", "be", "used"]
    assert lines[3] == ["c", "Jan", "3.0", "GiB", "adopted"]
    assert "`paddock adopt --app ollama` adopts it" in ran.err
    assert "b:1b: A file is gone." in ran.err
    assert paddock("adopt", "-q").out == "a:1b\nb:1b\nc\n"
    only = paddock("adopt", "--list", "--app", "jan", "--json").document
    assert [each["app"] for each in only["apps"]] == ["jan"]
    assert face.called("/adopt") == []


def test_nothing_found_names_the_other_way(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/adoptable"] = lambda body: {"apps": [], "folders": []}
    ran = paddock("adopt")
    assert ran.out == "" and "paddock adopt PATH" in ran.err and ran.code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["adopt", "x", "--app", "ollama"],
        ["adopt", "--link"],
        ["adopt", "--yes"],
        ["adopt", "x", "--duplicates"],
        ["adopt", "--duplicates", "--list"],
        ["adopt", "--forget"],
        ["adopt", "x", "--list"],
        ["adopt", "--app", "winamp"],
        ["models", "import"],
        ["models", "export"],
    ],
)
def test_words_that_make_no_sense_are_wrong_usage(
    face: FakeFace, paddock: Paddock, words: list[str]
) -> None:
    assert paddock(*words).code == 2


def test_a_folder_is_forgotten_by_the_path_we_see(
    face: FakeFace, paddock: Paddock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    change = {"added": [], "removed": ["a", "b"], "changed": [], "folders": []}
    face.routes["/adopt/forget"] = lambda body: change
    ran = paddock("adopt", "m", "--forget")
    assert face.called("/adopt/forget") == [{"path": str(tmp_path / "m")}]
    assert "2 models are off the list. No file was touched." in ran.out


# --- Modelfiles


@pytest.mark.parametrize(
    ("modelfile", "name"),
    [
        ("mario/Modelfile", "mario"),
        ("mario/modelfile", "mario"),
        ("helper.modelfile", "helper"),
        ("helper.txt", "helper"),
        ("llama3.2", "llama3.2"),
        ("-", None),
    ],
)
def test_a_modelfile_gives_its_model_a_name(modelfile: str, name: str | None) -> None:
    assert name_for(modelfile) == name


def test_the_file_is_read_here_and_its_folder_told(
    face: FakeFace, paddock: Paddock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mario").mkdir()
    (tmp_path / "mario" / "Modelfile").write_bytes("\ufeffFROM a\nSYSTEM hé".encode())
    monkeypatch.chdir(tmp_path)
    left = [{"name": "num_thread", "value": "8", "reason": "Paddock decides."}]
    notices = [{"code": "template_kept", "text": "Kept."}]
    done = {"id": "mario", "variant_of": "a", "left_out": left, "notices": notices}
    face.routes["/modelfile/import"] = lambda body: done
    ran = paddock("models", "import", "mario/Modelfile")
    assert face.called("/modelfile/import") == [
        {"modelfile": "FROM a\nSYSTEM hé", "name": "mario", "folder": str(tmp_path / "mario")}
    ]
    assert ran.out == "mario is made of a.\n"
    assert "! Kept." in ran.err and "num_thread 8 was left out. Paddock decides." in ran.err
    paddock("models", "import", "mario/Modelfile", "--name", "luigi")
    assert face.called("/modelfile/import")[-1]["name"] == "luigi"


def test_a_file_that_cannot_be_read_is_no_models_fault(
    face: FakeFace, paddock: Paddock, tmp_path: Path
) -> None:
    assert paddock("models", "import", str(tmp_path / "gone")).code == 1
    assert paddock("models", "import", str(tmp_path)).code == 1
    (tmp_path / "big").write_bytes(b"x" * ((4 << 20) + 1))
    ran = paddock("models", "import", str(tmp_path / "big"), "--json")
    assert ran.document["error"]["code"] == "path_unreadable"
    assert face.called("/modelfile/import") == []


def test_a_modelfile_is_written_where_nothing_is(
    face: FakeFace, paddock: Paddock, tmp_path: Path
) -> None:
    text = "FROM /a.gguf\nSYSTEM hé\n"
    face.routes["/modelfile/export"] = lambda body: {
        "model": body["model"],
        "modelfile": text,
        "left_out": [],
    }
    assert paddock("models", "export", "a").out == text
    target = tmp_path / "Modelfile"
    assert paddock("models", "export", "a", "-o", str(target)).code == 0
    assert target.read_text("utf-8") == text
    target.write_text("mine")
    ran = paddock("models", "export", "a", "-o", str(target))
    assert ran.code == 1 and "there already" in ran.err and target.read_text() == "mine"
