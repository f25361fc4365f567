"""The allocator as it is played: small graphs whose layout can be followed by hand."""

from __future__ import annotations

from desktop.core.fit.graph import Graph, Tensor

KIB = 1024


def numbers(kib: int) -> tuple[int]:
    return (kib * KIB // 4,)


def test_a_chain_needs_two_results_at_a_time() -> None:
    graph = Graph()
    current = Graph.input(*numbers(4))
    for _ in range(10):
        current = Graph.op(numbers(4), current)
    graph.expand(current)
    assert graph.peak_bytes() == 8 * KIB
    assert graph.input_bytes == 4 * KIB


def test_what_may_be_written_over_takes_no_room() -> None:
    graph = Graph()
    first = Graph.op(numbers(4), Graph.input(*numbers(1)))
    graph.expand(Graph.over(Graph.over(first)))
    assert graph.peak_bytes() == 5 * KIB


def test_what_is_needed_again_is_not_written_over() -> None:
    graph = Graph()
    first = Graph.op(numbers(4), Graph.input(*numbers(4)))
    second = Graph.over(first)
    graph.expand(Graph.over(second, first))
    # The input is gone when the second result comes, and the third goes over the second.
    assert graph.peak_bytes() == 8 * KIB


def test_another_layout_cannot_be_written_over() -> None:
    graph = Graph()
    first = Graph.op((4, 256), Graph.input(*numbers(1)))
    graph.expand(Tensor((256, 4), (first,), inplace=True))
    assert graph.peak_bytes() == 9 * KIB


def test_a_trailing_one_is_no_other_layout() -> None:
    graph = Graph()
    first = Graph.op((4, 256, 1), Graph.input(*numbers(1)))
    graph.expand(Tensor((4, 256), (first,), inplace=True))
    assert graph.peak_bytes() == 5 * KIB


def test_a_view_keeps_what_it_shows_and_is_never_written_over() -> None:
    graph = Graph()
    first = Graph.op(numbers(4), Graph.input(*numbers(4)))
    shown = Graph.view(first, *numbers(4))
    graph.expand(Graph.over(shown))
    assert graph.peak_bytes() == 8 * KIB  # the new result takes the input's place
    graph = Graph()
    first = Graph.op(numbers(4), Graph.input(*numbers(1)))
    graph.expand(Graph.over(Graph.view(first, *numbers(4))))
    assert graph.peak_bytes() == 9 * KIB


def test_outputs_stay() -> None:
    graph = Graph()
    first = Graph.op(numbers(4), Graph.input(*numbers(4)))
    first.is_output = True
    second = Graph.op(numbers(4), first)
    third = Graph.op(numbers(4), second)
    graph.expand(third)
    assert graph.peak_bytes() == 12 * KIB


def test_the_smallest_hole_that_fits_is_taken() -> None:
    graph = Graph()
    sizes = (8, 2, 6, 2)
    made = [Graph.op(numbers(kib), Graph.input(*numbers(1))) for kib in sizes]
    for tensor in made:
        graph.expand(tensor)
    # The two large ones are used up; what comes next fits both holes and takes the smaller.
    graph.expand(Graph.op((1,), made[0]))
    graph.expand(Graph.op((1,), made[2]))
    held = graph.expand(Graph.op(numbers(6), made[1]))
    graph.expand(Graph.op(numbers(8), made[3], held))
    assert graph.peak_bytes() <= (4 + sum(sizes)) * KIB + 64


def test_weights_and_caches_lie_elsewhere() -> None:
    graph = Graph()
    first = Graph.op(numbers(4), Graph.input(*numbers(1)))
    cache = Graph.elsewhere()
    graph.expand(Tensor((0,), (first,), root=cache))
    assert graph.peak_bytes() == 5 * KIB


def test_sizes_are_padded() -> None:
    graph = Graph(alignment=128)
    graph.expand(Graph.op((1,), Graph.input(1)))
    assert graph.peak_bytes() == 256
