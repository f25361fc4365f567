"""Commands about the library: lists, cards, removing, verifying, moving."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from desktop.cli.commands import rm
from desktop.cli.output import Output
from desktop.core.errors import AppError, ErrorCode
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import AppErrorReply, FakeFace, model

NAME = "tiny-llama:f16"


def plan(**other: Any) -> dict[str, Any]:
    file = {"path": "/hub/tiny.gguf", "part": "model", "size_bytes": 4 << 30, "linked": False}
    return {
        "model": NAME,
        "freed_bytes": 4 << 30,
        "removed": [{**file, "freed_bytes": 4 << 30}],
        "kept": [],
        "hidden": False,
        "remains": False,
        "needed_by": [],
        **other,
    }


def ids(out: str) -> list[str]:
    return out.split()


def test_the_list_is_sorted_and_chosen_from(face: FakeFace, paddock: Paddock) -> None:
    speed = {"value": 30.0, "low": 30.0, "high": 30.0, "source": "measured"}
    face.models = [
        model("b", size_bytes=1, added=5.0, last_used=None, downloaded=True, tags=["Work"]),
        model("a", size_bytes=3, added=None, last_used=9.0, app="ollama", tags=["work", "x"]),
        model("c", size_bytes=2, added=7.0, last_used=3.0, decode_tokens_per_second=speed),
    ]
    for words, wanted in (
        ((), "b a c"),
        (("--sort", "size"), "a c b"),
        (("--sort", "name"), "a b c"),
        (("--sort", "used"), "a c b"),
        (("--sort", "added"), "c b a"),
        (("--sort", "speed"), "c b a"),
        (("--tag", "WORK"), "b a"),
        (("--tag", "work", "--tag", "x"), "a"),
        (("--app", "ollama"), "a"),
        (("--app", "paddock"), "b"),
    ):
        assert ids(paddock("models", "-q", *words).out) == wanted.split(), words
    assert [each["id"] for each in paddock("models", "--json").document["models"]] == [
        "b",
        "a",
        "c",
    ]
    lines = paddock("models").out.splitlines()
    assert lines[1].split()[-1] == "#Work" and "30.0" in lines[3]
    assert lines[-1] == "2.6 MiB on disk"


def test_what_the_list_remarks(face: FakeFace, paddock: Paddock) -> None:
    error = {"title": "It is damaged", "cause": "Its bytes differ."}
    face.models = [
        model("a", broken=True, error=error, checked={"state": "damaged", "checked": 1.0}),
        model("b", hidden=True, aliases=["gpt-4o"], upstream={"newer": True, "checked": 1.0}),
    ]
    ran = paddock("models", "--all")
    assert "damaged" in ran.out and "hidden, newer on the hub, = gpt-4o" in ran.out
    assert "a: It is damaged. Its bytes differ." in ran.err


def test_tags_and_aliases_are_added_and_taken_away(face: FakeFace, paddock: Paddock) -> None:
    have: dict[str, Any] = {"tags": ["Work", "old"], "aliases": []}

    def card(body: dict[str, Any]) -> dict[str, Any]:
        have.update(body.get("changes", {}))
        return model(NAME, **have)

    face.routes["/models/card"] = card
    assert paddock("models", "tag", NAME).out == "Work\nold\n"
    assert len(face.called("/models/card")) == 1
    ran = paddock("models", "tag", "tiny", "new", "WORK", "--remove", "OLD", "--json")
    assert ran.document == {"id": NAME, "tags": ["new", "WORK"]}
    assert face.calls[-1][1] == {"model": NAME, "changes": {"tags": ["new", "WORK"]}}
    assert paddock("models", "alias", NAME, "gpt-4o", "gpt-4").out == "gpt-4o\ngpt-4\n"
    assert paddock("models", "alias", NAME, "--remove", "gpt-4").out == "gpt-4o\n"
    have["aliases"] = []
    assert "has no aliases" in paddock("models", "alias", NAME).err


def test_a_card_is_changed_and_shown(face: FakeFace, paddock: Paddock, tmp_path: Path) -> None:
    said: dict[str, Any] = {"sampling": {"temperature": 0.5, "top_k": 40}}
    face.routes["/models/card"] = lambda body: model(
        NAME, tags=["x"], aliases=["y"], hidden=False, card=said
    )
    (tmp_path / "system.txt").write_text("Be brief.\nBe kind.")
    ran = paddock(
        "models", "card", NAME, "--system", f"@{tmp_path / 'system.txt'}", "--notes", "mine",
        "--set", "temperature=0.7", "--set", "top_k=", "--set", "stop=a,b", "--clear", "template",
    )  # fmt: skip
    assert ran.code == 0
    assert face.calls[-1][1]["changes"] == {
        "template": None,
        "system": "Be brief.\nBe kind.",
        "notes": "mine",
        "sampling": {"temperature": 0.7, "top_k": None, "stop": ["a", "b"]},
    }
    assert "sampling: temperature=0.5, top_k=40" in ran.out and "aliases: y" in ran.out
    paddock("models", "card", NAME, "--clear", "sampling", "--set", "seed=1")
    assert face.calls[-1][1]["changes"] == {"sampling": {"seed": 1}}
    assert paddock("models", "card", NAME, "--set", "nonsense").code == 2
    missing = paddock("models", "card", NAME, "--system", f"@{tmp_path / 'none.txt'}")
    assert missing.code == 1 and "does not exist" in missing.err


def test_rm_deletes_only_when_told_to(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/models/removal"] = lambda body: plan()
    face.routes["/models/remove"] = lambda body: plan()
    ran = paddock("rm", NAME)
    assert ran.code == 1 and "--yes" in ran.err and "/hub/tiny.gguf (4.0 GiB)" in ran.err
    assert not face.called("/models/remove")
    dry = paddock("rm", NAME, "--dry-run", "--json")
    assert dry.code == 0 and dry.document["freed_bytes"] == 4 << 30
    assert not face.called("/models/remove")
    done = paddock("rm", NAME, "--yes")
    assert done.out == f"{NAME} was removed. 4.0 GiB are free again.\n"
    assert face.called("/models/remove") == [{"model": NAME, "keep_file": False}]


@pytest.mark.parametrize(
    ("answer", "deleted"), [("y", True), ("YES", True), ("", False), (None, False)]
)
def test_rm_asks_a_person(
    answer: str | None,
    deleted: bool,
    face: FakeFace,
    paddock: Paddock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    face.routes["/models/removal"] = lambda body: plan(needed_by=["big:q8_0"])
    face.routes["/models/remove"] = lambda body: plan()
    monkeypatch.setattr(Output, "interactive", property(lambda self: True))
    monkeypatch.setattr(Output, "prompt", lambda self: answer)
    ran = paddock("rm", NAME)
    assert ran.code == (0 if deleted else 1)
    assert bool(face.called("/models/remove")) is deleted
    assert "! " in ran.err and "big:q8_0" in ran.err


def test_rm_says_that_a_model_is_only_hidden(face: FakeFace, paddock: Paddock) -> None:
    reason = "Paddock did not download it."
    kept = [{"path": "/mine.gguf", "code": "not_downloaded", "reason": reason, "params": {}}]
    hides = plan(removed=[], kept=kept, hidden=True, freed_bytes=0, remains=True)
    face.routes["/models/removal"] = face.routes["/models/remove"] = lambda body: hides
    ran = paddock("rm", NAME)
    assert ran.code == 0 and "is hidden" in ran.out and f"paddock models show {NAME}" in ran.out
    assert f"stays: /mine.gguf. {reason}" in ran.err


def test_rm_of_a_model_in_use_is_an_error(face: FakeFace, paddock: Paddock) -> None:
    def refuse(body: dict[str, Any]) -> dict[str, Any]:
        error = AppError(ErrorCode.MODEL_IN_USE, model=NAME, reason="It is loaded.")
        raise AppErrorReply(error.to_dict())

    face.routes["/models/removal"] = lambda body: plan()
    face.routes["/models/remove"] = refuse
    ran = paddock("rm", NAME, "-y", "--json")
    assert ran.code == 1 and ran.document["error"]["code"] == "model_in_use"


def job(kind: str, result: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": 7,
        "kind": kind,
        "params": {},
        "state": "done",
        "steps": [],
        "steps_done": [],
        "result": result,
        "error": None,
        "created": 1.0,
        "started": 1.0,
        "finished": 2.0,
        "progress": None,
    }


def submits(face: FakeFace, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answer each submitted job with the next result; returns what was submitted."""
    seen: list[dict[str, Any]] = []

    def submit(body: dict[str, Any]) -> dict[str, Any]:
        seen.append(body)
        face.jobs[7] = job(body["kind"], results[len(seen) - 1])
        return face.jobs[7]

    face.routes["/jobs"] = submit
    return seen


def checked(state: str, model_id: str = NAME) -> dict[str, Any]:
    file = {"path": "/a.gguf", "size_bytes": 5, "state": state, "source": "hub"}
    error = AppError(ErrorCode.MODEL_DAMAGED, path="/a.gguf").to_dict()
    return {
        "model": model_id,
        "state": state,
        "files": [{**file, "expected": "aa", "found": "bb", "error": None}],
        "size_bytes": 5,
        "seconds": 1.0,
        "error": error if state == "damaged" else None,
    }


def test_verify_says_what_it_found_and_fails_for_damage(face: FakeFace, paddock: Paddock) -> None:
    seen = submits(face, [checked("ok"), checked("no_hash"), checked("damaged")])
    ran = paddock("verify", NAME)
    assert (ran.code, seen) == (0, [{"kind": "verify", "params": {"model": NAME}}])
    assert f"{NAME}: ok, as the hub published it" in ran.out
    assert "no hash to compare with" in paddock("verify", NAME).out
    ran = paddock("verify", NAME)
    assert ran.code == 1 and f"{NAME}: DAMAGED" in ran.out
    assert "should be aa, is bb" in ran.err and "get it again" in ran.err


def test_verify_all_goes_through_every_model_once(face: FakeFace, paddock: Paddock) -> None:
    face.models = [model("a"), model("b"), model("of-a", variant="of-a")]
    seen = submits(face, [checked("damaged", "a"), checked("ok", "b")])
    ran = paddock("verify", "--all", "--json")
    assert ran.code == 1
    assert [each["params"]["model"] for each in seen] == ["a", "b"]
    assert [each["state"] for each in ran.document["models"]] == ["damaged", "ok"]
    assert paddock("verify").code == 2


def trial(*marks: tuple[str, str, str], **other: Any) -> dict[str, Any]:
    """The result of a model's trial, of these marks."""
    checks = [{"name": name, "mark": mark, "code": code} for name, mark, code in marks]
    acceptance = {"created": 1.0, "build": "b1", "checks": checks} if marks else None
    result = {"model": NAME, "outcome": "tested", "code": None, "error": None, "seconds": 2.0}
    return {**result, "acceptance": acceptance, **other}


def test_a_trial_shows_its_marks_and_fails_with_one_of_them(
    face: FakeFace, paddock: Paddock
) -> None:
    good = trial(("template", "passed", "template_ok"), ("tools", "skipped", "tools_none"))
    bad = trial(("stops", "failed", "stops_empty"))
    seen = submits(face, [good, bad])
    ran = paddock("verify", NAME, "--try")
    assert ran.code == 0
    assert seen == [{"kind": "acceptance", "params": {"model": NAME, "asked": True}}]
    assert f"{NAME}: tried with b1 in 2.0 s" in ran.out
    assert "✓ Chat template: Conversations are put into the model's own form." in ran.out
    assert "– Calls tools: Not tried. Its chat template knows no tools." in ran.out
    ran = paddock("verify", NAME, "--try")
    assert ran.code == 1
    assert "✕ Stops by itself: It answers nothing. A greeting got an empty answer." in ran.out
    assert "→ Get another or a newer file" in ran.out


def test_a_trial_that_was_not_made_says_why(face: FakeFace, paddock: Paddock) -> None:
    error = AppError(
        ErrorCode.LOAD_WONT_FIT, model=NAME, need="9 GiB", available="1 GiB", device="RAM"
    )
    no_room = trial(outcome="skipped", code="wont_fit", error=error.to_dict())
    submits(face, [no_room, trial(outcome="skipped", code="busy"), no_room])
    ran = paddock("verify", NAME, "--try")
    assert ran.code == 1 and f"{NAME}: not tried. " in ran.err and error.remedy in ran.err
    assert "in use all the time" in paddock("verify", NAME, "--try").err
    ran = paddock("verify", NAME, "--try", "--json")
    assert ran.code == 1 and ran.document["models"][0]["code"] == "wont_fit"


def test_move_names_the_folder_as_we_see_it(
    face: FakeFace, paddock: Paddock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = {
        "folder": "/new",
        "from": "/old",
        "repositories": ["models--a--b"],
        "size_bytes": 5 << 30,
        "freed_bytes": 5 << 30,
        "copied": True,
        "left": ["/old/x"],
        "seconds": 1.0,
    }
    seen = submits(face, [result, result])
    monkeypatch.chdir(tmp_path)
    ran = paddock("models", "move", "new")
    assert ran.code == 0 and seen[0]["params"] == {"folder": str(tmp_path / "new")}
    assert "5.0 GiB of 1 repositories now lie in /new." in ran.out and "/old/x" in ran.err
    assert paddock("models", "move", "--default", "--json").document == result
    assert seen[1]["params"] == {"folder": None}
    assert paddock("models", "move").code == 2


def test_upstream_names_what_is_newer(face: FakeFace, paddock: Paddock) -> None:
    error = AppError(ErrorCode.REMOTE_NOT_FOUND, url="o/gone", status=404).to_dict()
    found = [
        {"repo": "o/r", "models": ["a", "b"], "newer": ["a"], "error": None},
        {"repo": "o/gone", "models": ["c"], "newer": [], "error": error},
    ]
    face.routes["/models/upstream"] = lambda body: {"repositories": found}
    ran = paddock("models", "upstream")
    assert ran.code == 0 and ran.out == "a: o/r has a newer upload\n"
    assert "o/gone was not found" in ran.err
    assert face.called("/models/upstream") == [{"model": None}]
    found[:] = found[1:]
    assert paddock("models", "upstream", "c").code == 1


def test_the_disk_is_told_folder_by_folder(face: FakeFace, paddock: Paddock) -> None:
    ran = paddock("models", "disk")
    assert ran.out.splitlines()[1].split() == ["/models", "1", "2.6", "MiB", "64.0", "GiB"]
    assert paddock("models", "disk", "--json").document["total_bytes"] == 2_682_880


def test_what_stays_is_named_in_the_plan() -> None:
    stream = io.StringIO()
    linked = plan()
    linked["removed"][0]["linked"] = True
    rm._show_plan(linked, Output(stdout=stream, stderr=stream))
    assert "a hard link elsewhere keeps the content" in stream.getvalue()
