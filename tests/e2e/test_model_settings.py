"""What is saved for a model counts for every later load, also after a restart."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from tests.helpers.gguf_files import write_lora
from tests.helpers.service import RunningService, running_service

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def fresh(tmp_path: Path, tiny_model: Path) -> Iterator[RunningService]:
    with running_service(tmp_path / "home") as running:
        running.client.add_models(str(tiny_model))
        yield running


@pytest.fixture
def name(fresh: RunningService, tiny_model: Path) -> str:
    return next(m["id"] for m in fresh.client.models() if m["path"] == str(tiny_model))


def test_saved_settings_survive_a_restart_and_count_for_every_load(
    fresh: RunningService, name: str, tmp_path: Path
) -> None:
    lora = write_lora(tmp_path / "lora.gguf", n_layers=8)
    saved = {
        "context_tokens": 768,
        "slots": 2,
        "kv_type": "q8_0",
        "ubatch": 256,
        "ngram": "ngram-simple",
        "adapters": [{"path": str(lora), "scale": 0.5}],
    }
    assert fresh.client.change_model_settings(name, saved) == saved
    fresh.stop()
    fresh.restart()
    assert fresh.client.model_settings(name) == saved

    list(fresh.client.chat({"model": name, "messages": HELLO, "max_tokens": 2}))  # on demand
    (state,) = fresh.client.state()["models"]
    settings = state["settings"]
    assert {key: settings[key] for key in ("context_tokens", "slots", "ubatch", "ngram")} == {
        "context_tokens": 768,
        "slots": 2,
        "ubatch": 256,
        "ngram": "ngram-simple",
    }
    assert settings["kv_type_k"] == settings["kv_type_v"] == "q8_0"
    assert settings["adapters"] == saved["adapters"]


def test_a_loads_own_values_go_over_the_saved_ones(fresh: RunningService, name: str) -> None:
    fresh.client.change_model_settings(
        name, {"context_tokens": 512, "slots": 3, "ngram": "ngram-mod", "gpu_layers": 0}
    )
    loaded = fresh.client.load(name, slots=1, ngram="none")
    assert loaded["settings"]["context_tokens"] == 512
    assert (loaded["settings"]["slots"], loaded["settings"]["ngram"]) == (1, None)
    assert loaded["settings"]["gpu_layers"] == 0
    automatic = fresh.client.load(name, context_tokens="auto", gpu_layers="auto")
    assert automatic["settings"]["context_tokens"] == 2048  # what it was trained for
    assert automatic["settings"]["gpu_layers"] is None
    assert automatic["settings"]["slots"] == 3


def test_values_are_removed_and_what_makes_no_sense_is_not_saved(
    fresh: RunningService, name: str
) -> None:
    client = fresh.client
    assert client.model_settings(name) == {}
    client.change_model_settings(name, {"slots": 2, "kv_type": "q4_0"})
    for wrong in (
        {"slots": 0},
        {"kv_type": "q1_0"},
        {"colour": "red"},
        {"context_tokens": 4096},  # it was trained for 2,048
        {"adapters": [{"scale": 1}]},
    ):
        with pytest.raises(AppError) as caught:
            client.change_model_settings(name, {**wrong, "ubatch": 64})
        assert caught.value.code is ErrorCode.SETTING_INVALID
    assert client.model_settings(name) == {"slots": 2, "kv_type": "q4_0"}
    assert client.change_model_settings(name, {"kv_type": None, "slots": "auto"}) == {}
    with pytest.raises(AppError) as caught:
        client.model_settings("nobody")
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND


def test_keys_of_another_version_are_kept_and_do_no_harm(fresh: RunningService, name: str) -> None:
    fresh.client.change_model_settings(name, {"slots": 2})
    fresh.stop()
    strange = {"slots": 2, "of_tomorrow": [1], "kv_type": "q9_9"}
    connection = sqlite3.connect(fresh.paths.database)
    connection.execute("UPDATE model_settings SET settings = ?", (json.dumps(strange),))
    connection.commit()
    connection.close()
    fresh.restart()
    loaded = fresh.client.load(name, context_tokens=512)
    assert (loaded["settings"]["slots"], loaded["settings"]["kv_type_k"]) == (2, "f16")
    after = fresh.client.change_model_settings(name, {"ubatch": 128})
    assert after == {**strange, "ubatch": 128}


def test_a_change_is_told(fresh: RunningService, name: str) -> None:
    state = fresh.client.state()
    fresh.client.change_model_settings(name, {"slots": 2})
    events = fresh.client.events(state["epoch"], state["seq"])
    event = next(each for each in events if each["type"] == "settings.model_changed")
    assert event["data"] == {"id": name, "names": ["slots"]}
