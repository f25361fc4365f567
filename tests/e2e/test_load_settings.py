"""What is set for one load reaches the engine, and what makes no sense is refused."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from tests.helpers.service import RunningService


def test_layers_and_experts_are_loaded_as_asked(service: RunningService, tiny: str) -> None:
    loaded = service.client.load(tiny, context_tokens=256, gpu_layers=0, experts_on_cpu=3)
    assert (loaded["settings"]["gpu_layers"], loaded["settings"]["experts_on_cpu"]) == (0, 3)
    other = service.client.load(tiny, context_tokens=256, gpu_layers=2, experts_on_cpu=True)
    assert other["settings"]["gpu_layers"] == 2 and other["settings"]["experts_on_cpu"] is True
    assert other["state"] == "ready"


@pytest.mark.parametrize(
    "wrong", [{"gpu_layers": -1}, {"gpu_layers": "all"}, {"experts_on_cpu": 5000}]
)
def test_layers_that_make_no_sense_are_refused(
    service: RunningService, tiny: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(AppError) as caught:
        service.client.load(tiny, **wrong)
    assert caught.value.code is ErrorCode.SETTING_INVALID
