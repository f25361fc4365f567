"""How long, and how much, responses are kept."""

from __future__ import annotations

from typing import Any

from desktop.core.service.openai.response_store import ResponseStore


def response(name: str) -> dict[str, Any]:
    return {"id": name, "output": [{"id": f"msg_{name}", "type": "message"}]}


def add(store: ResponseStore, owner: str, name: str, text: str = "") -> bool:
    return store.add(owner, response(name), ({"id": f"in_{name}", "type": "message", "t": text},))


def test_the_latest_stay() -> None:
    store = ResponseStore(most_per_owner=2)
    for name in "abc":
        assert add(store, "anna", name)
    add(store, "ben", "d")
    assert store.get("anna", "a") is None
    assert all(
        store.get(owner, name) for owner, name in [("anna", "b"), ("anna", "c"), ("ben", "d")]
    )


def test_one_owner_cannot_push_out_all_others() -> None:
    store = ResponseStore(bytes_per_owner=20_000, most_bytes=60_000)
    add(store, "ben", "small")
    for number in range(20):
        assert add(store, "anna", f"large{number}", "x" * 5_000)
    assert store.get("ben", "small") is not None
    assert store.get("anna", "large0") is None and store.get("anna", "large19") is not None
    assert not add(store, "anna", "huge", "x" * 20_000), "too large by itself"
    assert store.get("anna", "large19") is not None, "and nothing went for it"


def test_all_together_are_bounded() -> None:
    store = ResponseStore(bytes_per_owner=20_000, most_bytes=30_000)
    for number in range(6):
        add(store, f"owner{number}", f"r{number}", "x" * 8_000)
    kept = [n for n in range(6) if store.get(f"owner{n}", f"r{n}") is not None]
    assert kept == [3, 4, 5]


def test_old_ones_are_forgotten() -> None:
    now = [0.0]
    store = ResponseStore(keep_seconds=10, clock=lambda: now[0])
    add(store, "anna", "a")
    now[0] = 9
    add(store, "anna", "b")
    assert store.get("anna", "a") is not None
    now[0] = 11
    assert store.get("anna", "a") is None and store.get("anna", "b") is not None
    assert store.finder("anna")("msg_a") is None
    assert store.finder("anna")("msg_b") == {"id": "msg_b", "type": "message"}
    assert store.finder("ben")("msg_b") is None


def test_deleting() -> None:
    store = ResponseStore()
    add(store, "anna", "a")
    assert not store.delete("ben", "a") and store.delete("anna", "a")
    assert not store.delete("anna", "a") and store.get("anna", "a") is None
