"""Where other programs keep models, on three systems, and what they say of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.core.library.adopt.apps import AppModels, find_apps
from desktop.core.library.adopt.places import Machine
from tests.helpers.app_folders import (
    OllamaStore,
    jan_model,
    lmstudio_defaults,
    place_file,
    state_of,
)
from tests.helpers.gguf_files import write_projector, write_split_llama, write_tiny_llama


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_llama(tmp_path / "made.gguf")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


def apps(home: Path, platform: str = "linux", **environ: str) -> dict[str, AppModels]:
    name = "USERPROFILE" if platform == "win32" else "HOME"
    found = find_apps({name: str(home), **environ}, platform, root=home / "system")
    made = {f"{each.app} {each.folder.relative_to(home.parent).as_posix()}": each for each in found}
    assert len(made) == len(found)
    return made


def names(found: AppModels) -> list[str]:
    return [model.name for model in found.models]


def test_a_machine_without_other_programs_has_none(home: Path) -> None:
    assert apps(home) == {}
    assert find_apps({}, "linux") == []
    assert Machine({"HOME": "not/absolute"}, "linux").places() == []


# --- folders


@pytest.mark.parametrize(
    ("platform", "environ", "app", "folder"),
    [
        ("linux", {}, "ollama", "home/.ollama/models"),
        ("darwin", {}, "ollama", "home/.ollama/models"),
        ("win32", {}, "ollama", "home/.ollama/models"),
        ("linux", {"OLLAMA_MODELS": "{home}/big"}, "ollama", "home/big"),
        ("linux", {"OLLAMA_MODELS": '"{home}/big"'}, "ollama", "home/big"),
        ("linux", {}, "ollama", "home/system/usr/share/ollama/.ollama/models"),
        ("linux", {}, "ollama", "home/system/var/lib/ollama"),
        ("linux", {}, "ollama", "home/system/var/lib/ollama/models"),
        ("linux", {}, "ollama", "home/system/var/snap/ollama/common/models"),
        ("linux", {}, "lmstudio", "home/.lmstudio/models"),
        ("win32", {}, "lmstudio", "home/.lmstudio/models"),
        ("darwin", {}, "lmstudio", "home/.cache/lm-studio/models"),
        ("linux", {}, "jan", "home/.local/share/Jan/data/llamacpp/models"),
        ("linux", {"XDG_DATA_HOME": "{home}/data"}, "jan", "home/data/Jan/data/llamacpp/models"),
        ("linux", {}, "jan", "home/.config/Jan/data/models"),
        ("darwin", {}, "jan", "home/Library/Application Support/Jan/data/llamacpp/models"),
        ("win32", {"APPDATA": "{home}/R"}, "jan", "home/R/Jan/data/llamacpp/models"),
        ("linux", {"JAN_DATA_FOLDER": "{home}/j"}, "jan", "home/j/llamacpp/models"),
        ("linux", {}, "jan", "home/jan/models"),
        ("linux", {}, "gpt4all", "home/.local/share/nomic.ai/GPT4All"),
        ("darwin", {}, "gpt4all", "home/Library/Application Support/nomic.ai/GPT4All"),
        ("win32", {"LOCALAPPDATA": "{home}/L"}, "gpt4all", "home/L/nomic.ai/GPT4All"),
        ("linux", {}, "llama.cpp", "home/.cache/llama.cpp"),
        ("linux", {"XDG_CACHE_HOME": "{home}/c"}, "llama.cpp", "home/c/llama.cpp"),
        ("linux", {"LLAMA_CACHE": "{home}/lc"}, "llama.cpp", "home/lc"),
        ("darwin", {}, "llama.cpp", "home/Library/Caches/llama.cpp"),
        ("win32", {"LOCALAPPDATA": "{home}/L"}, "llama.cpp", "home/L/llama.cpp"),
    ],
)
def test_each_program_keeps_models_in_its_place(
    home: Path, platform: str, environ: dict[str, str], app: str, folder: str
) -> None:
    where, model = home.parent / folder, write_tiny_llama(home.parent / "made.gguf")
    if app == "ollama":
        OllamaStore(where).add("tiny:1b", model)
    else:
        place_file(model, where / "a" / "tiny.gguf")
    given = {name: text.format(home=home) for name, text in environ.items()}
    found = apps(home, platform, **given)
    assert list(found) == [f"{app} {folder}"]
    (one,) = found.values()
    assert len(one.models) == 1 and one.size_bytes == model.stat().st_size
    assert one.models[0].problem is None and one.error is None


def test_a_variable_that_is_no_absolute_folder_is_passed_over(home: Path) -> None:
    assert apps(home, OLLAMA_MODELS="models", LLAMA_CACHE="", JAN_DATA_ROOT=".") == {}


def test_one_folder_reached_in_two_ways_is_one(home: Path, model: Path) -> None:
    OllamaStore(home / ".ollama" / "models").add("tiny:1b", model)
    assert len(apps(home, OLLAMA_MODELS=str(home / ".ollama"))) == 1


# --- LM Studio


def test_lmstudio_says_itself_where_it_is(home: Path, model: Path) -> None:
    lm = home / "studio"
    place_file(model, home / "elsewhere" / "me" / "repo" / "tiny-Q4_K_M.gguf")
    (home / ".lmstudio-home-pointer").write_text(f"{lm}\n")
    lm.mkdir()
    (lm / "settings.json").write_text(json.dumps({"downloadsFolder": str(home / "elsewhere")}))
    found = apps(home)
    assert list(found) == ["lmstudio home/elsewhere"]
    assert names(found["lmstudio home/elsewhere"]) == ["me/repo/tiny-Q4_K_M.gguf"]


@pytest.mark.parametrize("text", ["", "\0", "no/absolute", "{", "[]", '{"downloadsFolder": 7}'])
def test_settings_that_make_no_sense_leave_the_usual_place(
    home: Path, model: Path, text: str
) -> None:
    place_file(model, home / ".lmstudio" / "models" / "me" / "repo" / "tiny.gguf")
    (home / ".lmstudio" / "settings.json").write_text(text)
    (home / ".lmstudio-home-pointer").write_text(text)
    assert list(apps(home)) == ["lmstudio home/.lmstudio/models"]


def test_what_lmstudio_says_of_a_model_comes_along(home: Path, model: Path) -> None:
    lm, place = home / ".lmstudio", "me/repo/tiny-Q4_K_M.gguf"
    place_file(model, lm / "models" / place)
    q8 = {"checked": True, "value": "q8_0"}
    operation = [
        {"key": "llm.prediction.systemPrompt", "value": "Be brief."},
        {"key": "llm.prediction.temperature", "value": 0.3},
        {"key": "llm.prediction.topKSampling", "value": 20},
        {"key": "llm.prediction.topPSampling", "value": {"checked": True, "value": 0.8}},
        {"key": "llm.prediction.minPSampling", "value": {"checked": False, "value": 0.1}},
        {"key": "llm.prediction.stopStrings", "value": ["END"]},
        {"key": "llm.prediction.promptTemplate", "value": {"type": "jinja"}},
        {"key": "llm.prediction.toolChoice", "value": "auto"},
        {"nonsense": True},
    ]
    load = [
        {"key": "llm.load.contextLength", "value": 8192},
        {"key": "llm.load.numParallelSessions", "value": 2},
        {
            "key": "llm.load.llama.kCacheQuantizationType",
            "value": q8,
        },
        {
            "key": "llm.load.llama.vCacheQuantizationType",
            "value": q8,
        },
        {"key": "llm.load.llama.acceleration.offloadRatio", "value": 0.5},
    ]
    lmstudio_defaults(lm, place, operation, load)
    (found,) = apps(home).values()
    given = found.models[0].given
    assert given.app == "lmstudio" and given.names == (place,)
    assert given.card.system == "Be brief."
    assert given.card.sampling == {"temperature": 0.3, "top_k": 20, "top_p": 0.8, "stop": ["END"]}
    assert given.defaults == {"context_tokens": 8192, "slots": 2, "kv_type": "q8_0"}
    assert [left.name for left in given.left_out] == [
        "promptTemplate",
        "toolChoice",
        "llama.acceleration.offloadRatio",
    ]


# --- Jan


def test_what_jan_says_of_a_model_comes_along(home: Path, model: Path, tmp_path: Path) -> None:
    data = home / ".local" / "share" / "Jan" / "data"
    place_file(model, data / "llamacpp/models/me/tiny/model.gguf")
    eyes = write_projector(data / "llamacpp/models/me/tiny/mmproj.gguf")
    jan_model(
        data,
        "me/tiny",
        [
            "name: Tiny",
            "model_path: llamacpp/models/me/tiny/model.gguf",
            "mmproj_path: llamacpp/models/me/tiny/mmproj.gguf",
            "size_bytes: 100",
            "ctx_size: 4096",
            "n_gpu_layers: -1",
            "cpu_moe: true",
            "cache_type_k: q8_0",
            "cache_type_v: q8_0",
            "temperature: 0.4",
            "flash_attn: 'on'  ",
            "cont_batching: true # as usual",
            "chat_template: |",
            "  {{ messages }}",
            "  ctx_size: 1",
        ],
    )
    (found,) = apps(home).values()
    by_name = {each.name: each for each in found.models}
    tiny = by_name["me/tiny"]
    assert tiny.given.mmproj == eyes and eyes in tiny.files
    assert tiny.given.defaults == {
        "context_tokens": 4096,
        "experts_on_cpu": True,
        "kv_type": "q8_0",
    }
    assert tiny.given.card.sampling == {"temperature": 0.4}
    left = [(left.name, left.value) for left in tiny.given.left_out]
    assert left == [("flash_attn", "on"), ("cont_batching", "True")]


def test_jan_imports_files_where_they_lie(home: Path, model: Path) -> None:
    data = home / ".local" / "share" / "Jan" / "data"
    lies = place_file(model, home / "my models" / "mine.gguf")
    jan_model(data, "mine", ["name: Mine", f"model_path: {lies}", "ctx_size: 2048"])
    jan_model(data, "gone", [f"model_path: {home / 'gone.gguf'}"])
    jan_model(data, "out", ["model_path: ../../../../../../etc/passwd"])
    (found,) = apps(home).values()
    by_name = {each.name: each for each in found.models}
    assert sorted(by_name) == ["gone", "mine"] and found.further == (lies,)
    assert by_name["mine"].given.defaults == {"context_tokens": 2048}
    assert by_name["gone"].problem is not None


def test_the_settings_say_where_jans_data_lies(home: Path, model: Path) -> None:
    settings = home / ".local/share/Jan/settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"data_folder": str(home / "big")}))
    place_file(model, home / "big" / "llamacpp" / "models" / "tiny" / "model.gguf")
    assert list(apps(home)) == ["jan home/big/llamacpp/models"]


def test_older_versions_of_jan_describe_models_in_json(home: Path, model: Path) -> None:
    folder = home / "jan" / "models" / "tiny-7b"
    place_file(model, folder / "tiny.gguf")
    (folder / "model.json").write_text(
        json.dumps(
            {
                "id": "tiny-7b",
                "format": "gguf",
                "settings": {"ctx_len": 4096, "prompt_template": "{prompt}"},
                "parameters": {"temperature": 0.7, "stop": ["</s>"]},
            }
        )
    )
    (found,) = apps(home).values()
    (one,) = found.models
    assert one.name == "tiny-7b" and one.given.defaults == {"context_tokens": 4096}
    assert one.given.card.sampling == {"temperature": 0.7, "stop": ["</s>"]}
    assert [left.name for left in one.given.left_out] == ["prompt_template"]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nmodel_path: *a",
        "model_path: " + "[" * 50_000,
        "model_path: !!python/object:os.system x",
        "ctx_size: " + " " * 900_000 + "#",
        "ctx_size: " + "9" * 5_000,
        "\t: : :",
    ],
)
def test_hostile_yaml_hides_no_model(home: Path, model: Path, text: str) -> None:
    data = home / ".local" / "share" / "Jan" / "data"
    place_file(model, data / "llamacpp/models/tiny/model.gguf")
    jan_model(data, "tiny", [text])
    (found,) = apps(home).values()
    (one,) = found.models
    assert one.given.app == "jan" and not one.given.defaults and one.problem is None


# --- GPT4All


def test_what_gpt4all_says_of_a_model_comes_along(home: Path, model: Path) -> None:
    place_file(model, home / "gpt" / "Tiny-Q4_0.gguf")
    place_file(model, home / "gpt" / "Listed.Q4_0.gguf")
    place_file(model, home / "gpt" / "incomplete-Other.gguf")
    config = home / ".config" / "nomic.ai"
    config.mkdir(parents=True)
    (config / "models.json").write_text(
        json.dumps([{"name": "Listed Model", "filename": "Listed.Q4_0.gguf"}])
    )
    (config / "GPT4All.ini").write_text(
        "[General]\n"
        f"modelPath={home / 'gpt'}/\n"
        "[model-Tiny-Q4_0.gguf]\n"
        "contextLength=4096\n"
        "temperature=0.6\n"
        'systemMessage="Say \\"hi\\",\\nthen stop; \\x3042"\n'
        "chatTemplate={{ messages }}\n"
        "promptBatchSize=64\n"
        "[model-Listed%20Model]\n"
        "topK=7\n"
        "[model-Copy]\n"
        "filename=Tiny-Q4_0.gguf\n"
        "isClone=true\n"
        "topK=9\n",
        "utf-8",
    )
    (found,) = apps(home).values()
    by_name = {each.name: each.given for each in found.models}
    assert sorted(by_name) == ["Listed.Q4_0", "Tiny-Q4_0"]
    tiny = by_name["Tiny-Q4_0"]
    assert tiny.defaults == {"context_tokens": 4096} and tiny.app == "gpt4all"
    assert tiny.card.sampling == {"temperature": 0.6}
    assert tiny.card.system == 'Say "hi",\nthen stop; あ'
    assert [left.name for left in tiny.left_out] == ["chatTemplate", "promptBatchSize"]
    assert by_name["Listed.Q4_0"].card.sampling == {"top_k": 7}


# --- all of them


def test_parts_of_a_model_are_one_and_damage_is_told(home: Path, tmp_path: Path) -> None:
    models = home / ".lmstudio" / "models" / "me" / "repo"
    paths = write_split_llama(models, "big", parts=3)
    paths[1].unlink()
    (found,) = apps(home).values()
    (one,) = found.models
    assert len(one.files) == 2 and one.problem is not None and found.usable == ()


def test_looking_changes_nothing(home: Path, model: Path) -> None:
    OllamaStore(home / ".ollama" / "models").add("tiny:1b", model, system="s")
    place_file(model, home / ".lmstudio" / "models" / "me" / "repo" / "tiny.gguf")
    place_file(model, home / "jan" / "models" / "tiny" / "tiny.gguf")
    place_file(model, home / ".cache" / "llama.cpp" / "me_repo_tiny.gguf")
    before = state_of(home)
    assert len(apps(home)) == 4
    assert state_of(home) == before
