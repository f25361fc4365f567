"""The event stream: order, resume, resync."""

import asyncio

from desktop.core.service.bus import Event, EventBus


async def take(bus: EventBus, epoch: str | None, after: int, count: int) -> list[Event]:
    follow = bus.follow(epoch, after)
    events = [await anext(follow) for _ in range(count)]
    await follow.aclose()
    return events


async def test_follows_what_was_and_what_comes() -> None:
    bus = EventBus(asyncio.get_running_loop())
    bus.publish("a", {})
    follower = asyncio.create_task(take(bus, bus.epoch, 0, 3))
    await asyncio.sleep(0)
    await asyncio.to_thread(bus.publish, "b", {})
    second = await take(bus, bus.epoch, 1, 1)
    bus.publish("c", {"x": 1})
    events = await follower
    assert [e.type for e in second] == ["b"]
    assert [(e.seq, e.type) for e in events] == [(1, "a"), (2, "b"), (3, "c")]
    assert bus.followers == 0


async def test_resumes_after_a_number() -> None:
    bus = EventBus(asyncio.get_running_loop())
    for name in "abc":
        bus.publish(name, {})
    assert [e.type for e in await take(bus, bus.epoch, 2, 1)] == ["c"]


async def test_another_epoch_gets_resync_first() -> None:
    bus = EventBus(asyncio.get_running_loop())
    bus.publish("a", {})
    follow = bus.follow("another run", 57)
    first = await anext(follow)
    assert (first.type, first.seq) == ("resync", 1)
    bus.publish("b", {})
    assert (await anext(follow)).type == "b"
    await follow.aclose()


async def test_too_far_behind_gets_resync_and_goes_on() -> None:
    bus = EventBus(asyncio.get_running_loop(), ring_size=10)
    follow = bus.follow(bus.epoch, 0)
    bus.publish("first", {})
    assert (await anext(follow)).type == "first"
    for number in range(50):
        bus.publish(f"e{number}", {})
    behind = await anext(follow)
    assert (behind.type, behind.seq) == ("resync", 51)
    bus.publish("next", {})
    assert (await anext(follow)).type == "next"
    await follow.aclose()


async def test_at_the_edge_of_the_ring_nothing_is_lost() -> None:
    bus = EventBus(asyncio.get_running_loop(), ring_size=10)
    for number in range(30):
        bus.publish(str(number), {})
    events = await take(bus, bus.epoch, 20, 10)
    assert [e.type for e in events] == [str(n) for n in range(20, 30)]


async def test_only_the_newest_progress_of_a_job_keeps_its_details() -> None:
    """A download tells its files ten times a second: ten thousand of them would not be kept."""
    bus = EventBus(asyncio.get_running_loop(), ring_size=5)

    def tell(job_id: int, done: int) -> None:
        progress = {"what": "w", "done": done, "detail": {"files": ["f"] * 100}}
        bus.publish("job.progress", {"id": job_id, "progress": progress})

    for done in range(3):
        tell(1, done)
    tell(2, 0)
    bus.publish("other", {})
    events = await take(bus, bus.epoch, 0, 5)
    progress = [event.data.get("progress", {}) for event in events]
    assert [each.get("done") for each in progress] == [0, 1, 2, 0, None]
    assert ["detail" in each for each in progress] == [False, False, True, True, False]
    for done in range(3, 20):  # what the ring has dropped is nobody's business
        tell(1, done)
    last = await take(bus, bus.epoch, 17, 5)
    assert [event.data["progress"]["done"] for event in last] == [15, 16, 17, 18, 19]
    assert ["detail" in event.data["progress"] for event in last] == [False] * 4 + [True]
