"""How much working memory a graph of operations needs, by playing the engine's own allocator.

The engine lays out a graph's intermediate results in one buffer: inputs first, then each result in
the smallest hole it fits into, given back after its last use; some operations write over their
input (ggml-alloc.c of llama.cpp 0c1e570). What that comes to depends on the order and on holes, so
a formula of maxima is off by up to a third; playing it for a few layers is exact and takes
a millisecond.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator

Dims = tuple[int, ...]


class Tensor:
    """A result, an input, a view of one, or (`external`) something that lies elsewhere."""

    __slots__ = (
        "allocated",
        "children",
        "contiguous",
        "dims",
        "external",
        "inplace",
        "is_input",
        "is_output",
        "layout",
        "offset",
        "root",
        "size",
        "sources",
        "views",
        "visited",
    )

    def __init__(
        self,
        dims: Dims,
        sources: tuple[Tensor, ...] = (),
        *,
        item_bytes: int = 4,
        inplace: bool = False,
        root: Tensor | None = None,
        contiguous: bool = True,
        is_input: bool = False,
        external: bool = False,
    ) -> None:
        self.dims = dims
        while len(dims) > 1 and dims[-1] == 1:  # ggml has four dimensions, always
            dims = dims[:-1]
        self.layout = dims
        self.sources = sources
        self.inplace = inplace
        self.root = root
        self.contiguous = contiguous
        self.is_input = is_input
        self.external = external
        self.is_output = False
        self.visited = False
        self.allocated = False
        self.children = 0
        self.views = 0
        self.offset = 0
        size = item_bytes
        for dim in dims:
            size *= dim
        self.size = size

    def same_layout(self, other: Tensor) -> bool:
        return self.layout == other.layout and self.size == other.size and other.contiguous


class Graph:
    """A graph in the making; nodes stand in the order in which they are computed."""

    def __init__(self, alignment: int = 32) -> None:
        self._alignment = alignment
        self._leaves: list[Tensor] = []
        self._nodes: list[Tensor] = []

    # Making tensors.

    @staticmethod
    def input(*dims: int, item_bytes: int = 4) -> Tensor:
        return Tensor(dims, item_bytes=item_bytes, is_input=True)

    @staticmethod
    def elsewhere() -> Tensor:
        """A weight or a cache: it has a buffer of its own."""
        return Tensor((0,), external=True)

    @staticmethod
    def op(dims: Dims, *sources: Tensor, item_bytes: int = 4) -> Tensor:
        return Tensor(dims, sources, item_bytes=item_bytes)

    @staticmethod
    def over(*sources: Tensor) -> Tensor:
        """An operation that may write over the first source with its own layout."""
        return Tensor(sources[0].dims, sources, inplace=True)

    @staticmethod
    def view(source: Tensor, *dims: int, contiguous: bool = True) -> Tensor:
        root = source.root or source
        return Tensor(dims, (source,), root=root, contiguous=contiguous)

    def expand(self, tensor: Tensor) -> Tensor:
        """Put a tensor and everything it needs at the end of the graph."""
        stack: list[tuple[Tensor, Iterator[Tensor]]] = []
        if not tensor.visited and not tensor.external:
            tensor.visited = True
            stack.append((tensor, iter(tensor.sources)))
        while stack:
            current, sources = stack[-1]
            for source in sources:
                if not source.visited and not source.external:
                    source.visited = True
                    stack.append((source, iter(source.sources)))
                    break
            else:
                stack.pop()
                (self._nodes if current.sources else self._leaves).append(current)
        return tensor

    # Laying them out.

    @property
    def input_bytes(self) -> int:
        """All inputs together."""
        return sum(leaf.size for leaf in self._leaves)

    def peak_bytes(self) -> int:
        """The size of the buffer that holds all intermediate results of the graph."""
        return self.peak_beside(())[0]

    def peak_beside(self, watched: Iterable[Tensor]) -> tuple[int, bool]:
        """The same, and whether all `watched` inputs were there when it grew to that size.

        For a graph once: the tensors keep count of who needs them.
        """
        layout = _Layout(self._alignment, tuple(watched))
        return layout.run(self._leaves, self._nodes), layout.beside


class _Layout:
    def __init__(self, alignment: int, watched: tuple[Tensor, ...] = ()) -> None:
        self._mask = alignment - 1
        self._watched = watched
        self.beside = True
        # Holes by address, (offset, size); the last one has no end.
        self._holes: list[tuple[int, int]] = [(0, 1 << 62)]
        self.peak = 0

    def run(self, leaves: list[Tensor], nodes: list[Tensor]) -> int:
        for leaf in leaves:
            self._place(leaf)
        for node in nodes:
            if node.root is not None:
                node.root.views += 1
            for source in node.sources:
                source.children += 1
        for node in nodes:
            self._place(node)
            for source in node.sources:
                source.children -= 1
                if source.children == 0 and source.views == 0:
                    self._release(source)
        return self.peak

    def _release(self, tensor: Tensor) -> None:
        root = tensor.root
        if root is not None:
            root.views -= 1
            if root.views == 0 and root.children == 0 and root.allocated:
                self._free(root)
        elif tensor.allocated:
            self._free(tensor)

    def _place(self, tensor: Tensor) -> None:
        if tensor.allocated or tensor.external or tensor.root is not None:
            return
        tensor.allocated = True
        if tensor.inplace and self._reuse(tensor):
            return
        tensor.offset = self._take(self._padded(tensor.size))

    def _reuse(self, tensor: Tensor) -> bool:
        for source in tensor.sources:
            if not source.allocated or source.is_output:  # a view owns nothing
                continue
            if tensor.same_layout(source) and source.children == 1 and not source.views:
                tensor.offset = source.offset
                source.allocated = False
                return True
        return False

    def _padded(self, size: int) -> int:
        return (size + self._mask) & ~self._mask

    def _take(self, size: int) -> int:
        holes, best = self._holes, -1
        for index in range(len(holes) - 1):
            if holes[index][1] >= size and (best < 0 or holes[index][1] <= holes[best][1]):
                best = index
        offset, room = holes[best]
        if room == size:
            del holes[best]
        else:
            holes[best] = (offset + size, room - size)
        if offset + size > self.peak:
            self.peak = offset + size
            self.beside = all(tensor.allocated for tensor in self._watched)
        return offset

    def _free(self, tensor: Tensor) -> None:
        if tensor.is_output:
            return
        tensor.allocated = False
        self._give(tensor.offset, self._padded(tensor.size))

    def _give(self, offset: int, size: int) -> None:
        """Make a hole, joined to its neighbours in the engine's order: that decides what merges."""
        holes = self._holes
        for index, (start, room) in enumerate(holes):
            if start + room == offset:
                grown = room + size
                if index + 1 < len(holes) and start + grown == holes[index + 1][0]:
                    grown += holes.pop(index + 1)[1]
                holes[index] = (start, grown)
                return
            if offset + size == start:
                holes[index] = (offset, room + size)
                if index and holes[index - 1][0] + holes[index - 1][1] == offset:
                    before, before_room = holes[index - 1]
                    holes[index - 1 : index + 1] = [(before, before_room + room + size)]
                return
        insort(holes, (offset, size))
