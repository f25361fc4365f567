"""Stored results through the private face: renamed, deleted, restored, and everyone told."""

from __future__ import annotations

import threading

import pytest

from desktop.core.bench.results import read_results
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from tests.helpers.service import RunningService, wait_for
from tests.unit.bench.documents import document


def _stored(service: RunningService) -> dict[int, str]:
    return {each["id"]: each["name"] for each in read_results(service.paths)}


def test_results_are_renamed_deleted_and_restored(service: RunningService) -> None:
    client = service.client
    before = _stored(service)
    assert client.import_results([document("one", created=1.0), document("two", created=2.0)]) == {
        "added": 2
    }
    (one, _), (two, _) = sorted(set(_stored(service).items()) - set(before.items()))
    assert client.rename_result(one, " my label ") == {"id": one, "name": "my label"}
    assert _stored(service)[one] == "my label"
    for taken in ("two", "", "7"):
        with pytest.raises(AppError) as caught:
            client.rename_result(one, taken)
        assert caught.value.code is ErrorCode.SETTING_INVALID
    gone = client.delete_results(["my label", two])
    assert gone == [{"id": one, "name": "my label"}, {"id": two, "name": "two"}]
    assert _stored(service) == before
    assert client.restore_results([one, two]) == gone
    assert _stored(service) == {**before, one: "my label", two: "two"}


def test_what_names_no_result_is_refused(service: RunningService) -> None:
    client = service.client
    with pytest.raises(AppError) as caught:
        client.delete_results([10**6])
    assert caught.value.code is ErrorCode.RESULT_NOT_FOUND
    for wrong in ([], [True], [0], [2**70], [None], [["x"]]):
        for use in (client.delete_results, client.restore_results):
            with pytest.raises(AppError) as caught:
                use(wrong)  # type: ignore[arg-type]
            assert caught.value.code is ErrorCode.BAD_REQUEST
    with pytest.raises(AppError) as caught:
        client.restore_results(["one"])  # type: ignore[list-item]
    assert caught.value.code is ErrorCode.BAD_REQUEST


def test_everyone_hears_that_the_results_changed(service: RunningService) -> None:
    client, cancel = service.client, CancelToken()
    state = client.state()
    heard: list[str] = []

    def listen() -> None:
        for event in client.events(state["epoch"], state["seq"], cancel):
            heard.append(event["type"])

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        client.import_results([document("three", created=3.0)])
        number = next(n for n, name in _stored(service).items() if name == "three")
        client.rename_result(number, "four")
        client.delete_results([number])
        client.restore_results([number])
        wait_for(lambda: heard.count("results.changed") == 4, "four changes are told", 10)
    finally:
        cancel.cancel()
        thread.join(10)
