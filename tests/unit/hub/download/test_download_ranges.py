"""Which bytes are there: held against a plain set of bytes."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.hub.download.ranges import Ranges

SIZE = 40
spans = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE))
several = st.lists(spans, max_size=12)


def bytes_of(pairs: list[tuple[int, int]]) -> set[int]:
    return {place for start, end in pairs for place in range(start, end)}


@given(several)
def test_adding_is_a_union_that_says_what_is_new(pairs: list[tuple[int, int]]) -> None:
    ranges, there = Ranges(), set[int]()
    for start, end in pairs:
        fresh = set(range(start, end)) - there
        assert ranges.add(start, end) == len(fresh)
        there |= fresh
    assert bytes_of(ranges.pairs()) == there
    assert ranges.total == len(there)
    # sorted, none empty, and no two of them touch
    for start, end in ranges.pairs():
        assert start < end
    for (_, end), (start, _) in itertools.pairwise(ranges.pairs()):
        assert end < start


@given(several, spans)
def test_gaps_are_what_is_missing(pairs: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    ranges = Ranges(pairs)
    gaps = list(ranges.gaps(*asked))
    assert bytes_of(gaps) == set(range(*asked)) - bytes_of(pairs)
    assert gaps == sorted(gaps)
    assert sum(end - start for start, end in gaps) == len(bytes_of(gaps))


@given(several)
def test_the_prefix_is_what_a_hash_can_follow(pairs: list[tuple[int, int]]) -> None:
    there = bytes_of(pairs)
    prefix = next(place for place in range(SIZE + 1) if place not in there)
    assert Ranges(pairs).prefix == prefix


@given(several, st.integers(0, SIZE))
def test_clipped_copied_and_read_back(pairs: list[tuple[int, int]], size: int) -> None:
    ranges = Ranges(pairs)
    assert bytes_of(ranges.clipped(size).pairs()) == bytes_of(pairs) & set(range(size))
    copy = ranges.copy()
    copy.add(0, SIZE)
    assert bytes_of(ranges.pairs()) == bytes_of(pairs)
    document = json.loads(json.dumps(ranges.pairs()))
    read = Ranges.parse(document, SIZE)
    assert read.pairs() == ranges.pairs()
    assert read.total == ranges.total


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        "ab",
        [1, 2],
        [[0]],
        [[0, 1, 2]],
        [[0, "1"]],
        [[0, 1.5]],
        [[True, 2]],
        [[-1, 2]],
        [[2, 2]],
        [[3, 2]],
        [[0, SIZE + 1]],
    ],
)
def test_what_is_no_list_of_ranges_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match=r"range|list"):
        Ranges.parse(document, SIZE)
