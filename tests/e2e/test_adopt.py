"""Other programs' models through the real service: adopted, talked with, linked, made others of."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import demo_model, own_command
from tests.helpers.app_folders import OllamaStore, lmstudio_defaults, place_file, state_of
from tests.helpers.gguf_files import write_lora, write_tiny_llama
from tests.helpers.hub import LocalHub
from tests.helpers.service import RunningService, running_service

Json = dict[str, Any]

SYSTEM = "You are a pirate. Answer every question in one short sentence."
QUESTION = "What is a quant?"


class Home:
    """A person's home with Ollama and LM Studio in it, and a service that knows it as HOME."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.ollama = OllamaStore(self.home / ".ollama" / "models")
        self.file = write_tiny_llama(root / "other.gguf", name="Other", seed=5)
        self.blob = self.ollama.add(
            "guide:1b",
            self.file,
            system=SYSTEM,
            params={"temperature": 0, "seed": 1, "num_predict": 8, "num_ctx": 512, "num_batch": 64},
        )
        self.ollama.add("plain:1b", self.file)
        self.tiny = write_tiny_llama(root / "tiny.gguf")
        self.lmstudio = self.home / ".lmstudio"
        self.studio_file = place_file(
            self.tiny, self.lmstudio / "models" / "me" / "tiny-GGUF" / "tiny-F16.gguf"
        )
        load = [{"key": "llm.load.contextLength", "value": 256}]
        lmstudio_defaults(self.lmstudio, "me/tiny-GGUF/tiny-F16.gguf", [], load)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def service(home: Home, tmp_path: Path) -> Iterator[RunningService]:
    with running_service(tmp_path / "paddock", {"HOME": str(home.home)}) as running:
        running.client.change_settings({"library.test_new_models": False})
        yield running


def paddock(service: RunningService, *words: str, code: int = 0, stdin: str = "") -> str:
    done = subprocess.run(
        own_command(*words),
        env=service.environ,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def document(service: RunningService, *words: str, code: int = 0) -> Any:
    return json.loads(paddock(service, *words, "--json", code=code))


def ids(service: RunningService) -> list[str]:
    return sorted(model["id"] for model in service.client.models() if not model["bundled"])


def said(service: RunningService, model: str, content: str = QUESTION, **more: Any) -> Json:
    """The answer of a new conversation, as it is stored."""
    made = service.client.create_conversation(model=model, **more)
    turn = service.client.send_turn(made["id"], content)
    lines = list(service.client.follow_message(turn["assistant"]["id"]))
    answer: Json = lines[-1]["done"]
    assert answer["state"] == "done", answer["error"]
    return answer


def prompt_tokens(service: RunningService, model: str, messages: list[Json]) -> int:
    body = {"model": model, "messages": messages, "max_tokens": 1, "temperature": 0}
    *_, last = service.client.chat(body)
    return int(last["usage"]["prompt_tokens"])


def finished(service: RunningService, job: Json) -> Json:
    result: Json = service.client.follow_job(job["id"], lambda event: None)["result"]
    return result


def test_ollamas_models_answer_by_their_names_with_what_is_said_of_them(
    service: RunningService, home: Home
) -> None:
    before = state_of(home.home)
    listed = document(service, "adopt")
    assert [(app["app"], app["adopted"]) for app in listed["apps"]] == [
        ("ollama", False),
        ("lmstudio", False),
    ]
    assert ids(service) == []

    done = document(service, "adopt", "--app", "ollama")
    assert sorted(model["id"] for model in done["models"]) == ["guide:1b", "plain:1b"]
    (guide,) = [model for model in done["models"] if model["id"] == "guide:1b"]
    assert guide["path"] == str(home.blob) and guide["app"] == "ollama"
    assert guide["card"]["system"] == SYSTEM
    assert guide["load_defaults"] == {"context_tokens": 512}
    assert [left["name"] for left in guide["left_out"]] == ["num_batch"]
    assert (
        "num_batch 64 was left out"
        in subprocess.run(
            own_command("adopt", "--app", "ollama"),
            env=service.environ,
            capture_output=True,
            text=True,
            check=True,
        ).stderr
    )

    question = {"role": "user", "content": QUESTION}
    bare = prompt_tokens(service, "plain", [question])
    wanted = prompt_tokens(service, "plain:1b", [{"role": "system", "content": SYSTEM}, question])
    assert prompt_tokens(service, "guide", [question]) == wanted > bare  # over the API

    answer = said(service, "guide:1b")
    assert answer["figures"]["prompt_tokens"] == wanted and answer["model_id"] == "guide:1b"
    assert answer["figures"]["completion_tokens"] <= 8  # num_predict
    own = said(service, "guide", system="Be brief.")
    assert bare < own["figures"]["prompt_tokens"] < wanted  # the conversation's own word counts
    plain = said(service, "plain:1b", sampling={"max_tokens": 1})
    assert plain["figures"]["prompt_tokens"] == bare

    assert {each["id"] for each in service.client.state()["models"]} == {"plain:1b", "guide:1b"}
    loaded = service.client.load("guide")
    assert loaded["settings"]["context_tokens"] == 512
    in_terminal = document(service, "chat", "guide", "-p", QUESTION)
    assert in_terminal["usage"]["prompt_tokens"] == wanted
    assert state_of(home.home) == before


def test_the_bundled_model_in_ollama_is_the_bundled_model(
    service: RunningService, home: Home
) -> None:
    blob = home.ollama.add("tutor:latest", demo_model(), params={"num_predict": 5})
    service.client.adopt("ollama")
    (bundled,) = [model for model in service.client.models() if model["bundled"]]
    assert bundled["copies"] == [str(blob)] and bundled["names"] == ["tutor:latest"]
    body = {"model": "tutor", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 3}
    chunks = list(service.client.chat(body))
    assert chunks[0]["model"] == bundled["id"]
    assert said(service, "tutor")["figures"]["completion_tokens"] <= 5


def test_what_other_programs_do_is_followed(service: RunningService, home: Home) -> None:
    service.client.adopt("ollama")
    assert ids(service) == ["guide:1b", "plain:1b"]
    home.ollama.add("late:1b", home.tiny)
    assert service.client.scan()["added"] == ["late:1b"]
    (home.ollama.root / "manifests/registry.ollama.ai/library/plain/1b").unlink()
    assert service.client.scan()["removed"] == ["plain:1b"]
    service.stop()
    service.restart()
    assert ids(service) == ["guide:1b", "late:1b"]

    done = document(service, "adopt", "--app", "lmstudio")
    # The same content as late:1b: one model, of which two places are known.
    assert [model["id"] for model in done["models"]] == ["late:1b"]
    forgotten = document(service, "adopt", str(home.ollama.root), "--forget")
    assert "guide:1b" in forgotten["removed"] and forgotten["folders"] == [
        str(home.lmstudio / "models")
    ]
    (studio,) = [model for model in service.client.models() if not model["bundled"]]
    assert studio["app"] == "lmstudio" and studio["load_defaults"] == {"context_tokens": 256}
    assert home.blob.exists()


def test_new_models_are_to_be_tried_once_unless_that_is_off(
    service: RunningService, home: Home
) -> None:
    def tests() -> list[str]:
        return [
            job["params"]["model"] for job in service.client.jobs() if job["kind"] == "acceptance"
        ]

    service.client.adopt("ollama")
    assert tests() == []
    service.client.change_settings({"library.test_new_models": True})
    service.client.adopt("lmstudio")
    (studio,) = [model for model in service.client.models() if model["app"] == "lmstudio"]
    assert tests() == [studio["id"]]


def test_the_price_of_an_adopted_model_is_that_of_its_load(
    service: RunningService, home: Home
) -> None:
    service.client.adopt("ollama")
    assert document(service, "fit", "guide")["context_tokens"] == 512
    assert document(service, "fit", "guide:1b", "--ctx", "256")["context_tokens"] == 256
    assert document(service, "fit", "plain")["context_tokens"] == 2048
    loaded = service.client.load("guide", context_tokens=384)
    assert loaded["settings"]["context_tokens"] == 384


def test_nothing_to_adopt_says_so(service: RunningService, tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        service.client.adopt("gpt4all")
    assert caught.value.code is ErrorCode.ADOPT_NOTHING
    with pytest.raises(AppError) as caught:
        service.client.adopt("winamp")
    assert caught.value.code is ErrorCode.BAD_REQUEST
    with pytest.raises(AppError) as caught:
        service.client.adopt(path=tmp_path / "gone")
    assert caught.value.code is ErrorCode.PATH_NOT_FOUND
    with pytest.raises(AppError) as caught:
        service.client.forget_folder(tmp_path)
    assert caught.value.code is ErrorCode.PATH_NOT_FOUND
    assert ids(service) == []


def test_the_same_file_twice_becomes_one(service: RunningService, home: Home) -> None:
    blob = home.ollama.add("late:1b", home.tiny)
    for path in (blob, home.studio_file, home.blob):
        os.utime(path, (time.time() - 5000, time.time() - 5000))
    service.client.adopt("ollama")
    service.client.adopt("lmstudio")
    size = home.tiny.stat().st_size

    found = finished(service, service.client.duplicates())
    (group,) = found["groups"]
    programs = {file["path"]: file["app"] for file in group["files"]}
    assert programs == {str(blob): "ollama", str(home.studio_file): "lmstudio"}
    assert group["size_bytes"] == size and found["saved_bytes"] >= size
    assert not blob.samefile(home.studio_file)  # looking changes nothing

    with pytest.raises(AppError) as caught:
        stranger = [str(home.tiny), str(blob)]
        finished(service, service.client.link_duplicates([stranger]))
    assert caught.value.code is ErrorCode.LINK_REFUSED and home.tiny.stat().st_nlink == 1
    with pytest.raises(AppError) as caught:
        service.client.link_duplicates([["relative", "paths"]])
    assert caught.value.code is ErrorCode.BAD_REQUEST

    refused = document(service, "adopt", "--duplicates", "--link", code=1)
    assert "--yes" in refused["error"]["cause"] and not blob.samefile(home.studio_file)
    done = document(service, "adopt", "--duplicates", "--link", "--yes")
    assert blob.samefile(home.studio_file) and done["linked"]["freed_bytes"] >= size
    assert blob.read_bytes() == home.tiny.read_bytes()
    assert finished(service, service.client.duplicates())["groups"] == []
    assert service.client.load("late:1b", context_tokens=256)["id"] == "late:1b"


def test_a_modelfile_makes_a_model_that_lasts(
    service: RunningService, home: Home, tmp_path: Path
) -> None:
    service.client.adopt("lmstudio")
    (base,) = ids(service)
    write_lora(tmp_path / "mario" / "lora.gguf")
    modelfile = tmp_path / "mario" / "Modelfile"
    modelfile.write_text(
        f"FROM {base}\n"
        "ADAPTER ./lora.gguf\n"
        'SYSTEM """It is me,\nMario."""\n'
        "PARAMETER temperature 0\nPARAMETER num_ctx 192\nPARAMETER num_thread 2\n"
        "PARAMETER num_predict 4\n"
        "TEMPLATE {{ .Prompt }}\n"
        "MESSAGE user Who are you?\nMESSAGE assistant Mario.\n"
        "LICENSE MIT\n"
    )
    done = document(service, "models", "import", str(modelfile))
    assert (done["id"], done["variant_of"]) == ("mario", base)
    assert [left["name"] for left in done["left_out"]] == ["num_thread"]
    assert [notice["code"] for notice in done["notices"]] == ["template_kept"]
    assert ids(service) == sorted(["mario", base])

    hello = [{"role": "user", "content": "hello"}]
    history = [
        {"role": "system", "content": "It is me,\nMario."},
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "Mario."},
    ]
    wanted = prompt_tokens(service, base, [*history, *hello])
    assert prompt_tokens(service, "mario", hello) == wanted
    answer = said(service, "mario", "hello")
    assert answer["figures"]["prompt_tokens"] == wanted
    state = next(each for each in service.client.state()["models"] if each["id"] == "mario")
    assert state["settings"]["context_tokens"] == 192
    assert [Path(each["path"]).name for each in state["settings"]["adapters"]] == ["lora.gguf"]

    with pytest.raises(AppError) as caught:
        service.client.remove_model("mario")
    assert caught.value.code is ErrorCode.MODEL_IN_USE
    service.client.unload("mario")
    service.stop()
    service.restart()
    assert ids(service) == sorted(["mario", base])

    # Written out and read again it is the same, but for its name.
    text = paddock(service, "models", "export", "mario")
    copy = tmp_path / "copy.modelfile"
    copy.write_text(text)
    assert document(service, "models", "import", str(copy), "--name", "luigi")["id"] == "luigi"
    models = {model["id"]: model for model in service.client.models()}
    for key in ("card", "load_defaults", "path", "mmproj", "variant_of"):
        assert models["luigi"][key] == models["mario"][key], key
    again = paddock(service, "models", "export", "luigi")
    assert again.splitlines()[1:] == text.splitlines()[1:]  # the first line tells its name

    for name in ("mario", "luigi"):
        assert service.client.remove_model(name)["hidden"] is False
    assert ids(service) == [base] and home.studio_file.exists()


def test_a_modelfile_that_cannot_be_used_stores_nothing(
    service: RunningService, home: Home, tmp_path: Path
) -> None:
    service.client.adopt("lmstudio")
    (base,) = ids(service)
    wrong = tmp_path / "deeper.gguf"
    write_lora(wrong, hidden=512)
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "model.safetensors").write_bytes(b"x")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF")
    cases: list[tuple[str, str, ErrorCode]] = [
        ("SYSTEM hi", "a", ErrorCode.MODELFILE_INVALID),
        (f"FROM {base}\nWHAT", "a", ErrorCode.MODELFILE_INVALID),
        ("FROM ./gone.gguf", "a", ErrorCode.PATH_NOT_FOUND),
        ("FROM /gone", "a", ErrorCode.PATH_NOT_FOUND),
        ("FROM nobody:7b", "a", ErrorCode.MODEL_NOT_FOUND),
        ("FROM ./checkpoint", "a", ErrorCode.MODELFILE_UNUSABLE),
        ("FROM .", "a", ErrorCode.MODELFILE_UNUSABLE),
        ("FROM a\0b", "a", ErrorCode.MODELFILE_UNUSABLE),
        (f"FROM {base}\nADAPTER {wrong}", "a", ErrorCode.LOAD_MISMATCH),
        (f"FROM {base}\nADAPTER gone.gguf", "a", ErrorCode.PATH_NOT_FOUND),
        (f"FROM {base}\nFROM {home.tiny}", "a", ErrorCode.LOAD_MISMATCH),
        ("FROM ./broken.gguf", "a", ErrorCode.MODEL_BROKEN),
        (f"FROM {base}", base, ErrorCode.MODEL_NAME_TAKEN),
        (f"FROM {base}", "tiny-F16.gguf", ErrorCode.MODEL_NAME_TAKEN),
        (f"FROM {base}", "no spaces", ErrorCode.MODELFILE_UNUSABLE),
        (f"FROM {base}", "../x", ErrorCode.MODELFILE_UNUSABLE),
    ]
    for text, name, code in cases:
        with pytest.raises(AppError) as caught:
            service.client.import_modelfile(text, name, tmp_path)
        assert caught.value.code is code, (text, caught.value)
    assert [model["id"] for model in service.client.models() if model["variant"]] == []


def test_a_file_a_modelfile_names_is_taken_in_where_it_lies(
    service: RunningService, home: Home
) -> None:
    before = state_of(home.home)
    folder = home.file.parent
    done = service.client.import_modelfile("FROM ./other.gguf\nSYSTEM hi", "helper", folder)
    models = {model["id"]: model for model in service.client.models()}
    assert models["helper"]["path"] == str(home.file)
    assert models["helper"]["variant_of"] == done["variant_of"] in models
    assert models[done["variant_of"]]["card"] == {}
    # made again, it is replaced
    service.client.import_modelfile("FROM ./other.gguf\nSYSTEM ho", "Helper", folder)
    models = {model["id"]: model for model in service.client.models()}
    assert models["helper"]["card"]["system"] == "ho"
    assert state_of(home.home) == before


def test_a_modelfile_of_a_model_on_the_hub_gets_it_first(home: Home, tmp_path: Path) -> None:
    modelfile = tmp_path / "helper" / "Modelfile"
    modelfile.parent.mkdir()
    modelfile.write_text("FROM hf.co/me/Tiny-GGUF:F16\nSYSTEM Help.\n")
    with LocalHub(tmp_path / "hub") as hub:
        hub.add_repo("me/Tiny-GGUF", {"tiny-F16.gguf": home.file})
        more = {"HF_ENDPOINT": hub.url, "PADDOCK_LIBRARY_TEST_NEW_MODELS": "false"}
        with running_service(tmp_path / "paddock", {"HOME": str(home.home), **more}) as service:
            done = document(service, "models", "import", str(modelfile))
            models = {model["id"]: model for model in service.client.models()}
            base = models[done["variant_of"]]
            assert base["repo"] == "me/Tiny-GGUF" and base["downloaded"]
            helper = models["helper"]
            assert helper["path"] == base["path"] and not helper["downloaded"]
            assert helper["card"] == {"system": "Help."} and helper["disk_bytes"] == 0
            plan = service.client.removal(base["id"])
            assert plan["needed_by"] == ["helper"]
            # Removing the variant frees nothing and touches no file; then its model can go.
            assert service.client.removal("helper")["hidden"] is False
            assert service.client.remove_model("helper")["freed_bytes"] == 0
            assert "helper" not in {each["id"] for each in service.client.models(hidden=True)}
            assert Path(base["path"]).exists()
            assert service.client.remove_model(base["id"])["freed_bytes"] > 0
