"""What a load may be asked, and how saved values stand behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import MIGRATIONS, Database
from desktop.core.engine.flags import Adapter
from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.load_request import LoadRequest, load_request
from desktop.core.service.model_settings import ModelSettingsStore, read_saved


def test_a_request_from_json() -> None:
    request = load_request(
        {
            "model": "m",
            "context_tokens": 4096,
            "gpu_layers": "auto",
            "tensor_split": [3, 1],
            "adapters": [{"path": "a"}, {"path": "b", "scale": -1}],
            "force": True,
            "of_tomorrow": 1,
        }
    )
    assert (request.context_tokens, request.gpu_layers, request.force) == (4096, None, True)
    assert request.adapters == (Adapter("a", 1.0), Adapter("b", -1.0))
    assert request.tensor_split == (3.0, 1.0)
    assert request.automatic == {"gpu_layers"}
    assert request.specific and not load_request({"force": True}).specific


@pytest.mark.parametrize(
    "wrong",
    [
        {"slots": True},
        {"context_tokens": 63},
        {"kv_type": ["f16"]},
        {"device": ""},
        {"experts_on_cpu": "all"},
        {"tensor_split": [0, 0]},
        {"tensor_split": [float("nan")]},
        {"adapters": [{"path": "a", "scale": float("nan")}]},
        {"adapters": [{"path": "a", "scale": True}]},
        {"adapters": [{"path": "a"}] * 33},
        {"draft": "a\0b"},
        {"ngram": "draft-mtp"},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AppError) as caught:
        load_request(wrong)
    assert caught.value.code is ErrorCode.SETTING_INVALID


def test_own_values_go_over_saved_ones_and_auto_takes_one_away() -> None:
    saved = LoadRequest(slots=2, kv_type="q8_0", experts_on_cpu=True, adapters=(Adapter("a"),))
    asked = load_request({"slots": 1, "kv_type": "auto", "experts_on_cpu": False, "adapters": []})
    merged = asked.over(saved)
    assert (merged.slots, merged.kv_type) == (1, None)
    assert merged.experts_on_cpu is False and merged.adapters == ()
    assert LoadRequest(force=True).over(saved).slots == 2


def test_saved_values_of_one_model_are_its_own(tmp_path: Path) -> None:
    database = Database(tmp_path / "p.db", tmp_path / "backups")
    store = ModelSettingsStore(database)
    store.change("one", {"slots": 2, "adapters": [{"path": "a", "scale": 0.5}]})
    assert store.request("one").adapters == (Adapter("a", 0.5),)
    assert store.request("two") == LoadRequest()
    with pytest.raises(AppError):
        store.change("one", {"slots": 3, "kv_type": "q9"})
    assert store.read("one")["slots"] == 2  # all or nothing
    database.close()


def test_a_command_reads_what_the_service_saved(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    assert read_saved(path, "one") == LoadRequest()
    older = {version: sql for version, sql in MIGRATIONS.items() if version < 5}
    Database(path, tmp_path / "backups", older).close()
    assert read_saved(path, "one") == LoadRequest()
    database = Database(path, tmp_path / "backups")
    ModelSettingsStore(database).change("one", {"slots": 2})
    database.close()
    assert read_saved(path, "one") == LoadRequest(slots=2)
    assert read_saved(path, None) == LoadRequest()
