"""The line of those who wait: fair between keys."""

from __future__ import annotations

import asyncio

from desktop.core.service.loaded import Ticket
from desktop.core.service.queue import FairQueue
from tests.helpers.scripted_loader import entry


async def tickets(queue: FairQueue, *keys: str | None, answers: int = 1) -> list[Ticket]:
    future = asyncio.get_running_loop().create_future
    made = [Ticket(entry("a"), None, future(), key, answers=answers) for key in keys]
    for each in made:
        queue.push(each)
    return made


def keys(queue: FairQueue) -> str:
    return "".join(each.key or "-" for each in queue)


async def test_one_key_is_served_in_the_order_of_arrival() -> None:
    queue = FairQueue()
    made = await tickets(queue, *[None] * 5)
    assert list(queue) == made and len(queue) == 5


async def test_keys_take_turns() -> None:
    queue = FairQueue()
    await tickets(queue, *"aaaaaa", "b", *"ccc")
    assert keys(queue) == "abcacacaaa"


async def test_who_comes_late_does_not_wait_behind_another_ones_hundred() -> None:
    queue = FairQueue()
    many = await tickets(queue, *"a" * 100)
    for each in many[:50]:
        queue.serve(each)
    await tickets(queue, "b")
    assert keys(queue).index("b") == 1


async def test_a_request_for_several_slots_counts_as_so_many() -> None:
    queue = FairQueue()
    await tickets(queue, "a", answers=3)
    await tickets(queue, *"abbbb")
    assert keys(queue) == "bbabab"


async def test_being_quiet_gives_no_credit() -> None:
    """Who sent nothing for long gets one turn in two, not all until it has caught up."""
    queue = FairQueue()
    many = await tickets(queue, *"a" * 20)
    for each in many[:15]:
        queue.serve(each)
    await tickets(queue, *"bbbbb")
    assert keys(queue) == "ababababab"


async def test_those_who_gave_up_leave_no_gap_for_others() -> None:
    queue = FairQueue()
    made = await tickets(queue, *"aab")
    queue.remove(made[0])
    assert made[0] not in queue and made[1] in queue
    assert sorted(keys(queue)) == ["a", "b"]
    assert queue.clear() and len(queue) == 0
    await tickets(queue, "a")  # a key's past does not count in an empty line
    await tickets(queue, "b")
    assert keys(queue) == "ab"


async def test_the_line_may_change_while_it_is_gone_through() -> None:
    queue = FairQueue()
    await tickets(queue, *"abc")
    for each in queue:
        queue.serve(each)
    assert len(queue) == 0
