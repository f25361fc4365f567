"""Layers that keep a state: Mamba 2, gated delta nets, short convolutions; as operations in the
engine's order (models/mamba-base.cpp, delta-net-base.cpp and lfm2.cpp of llama.cpp 0c1e570).
"""

from __future__ import annotations

from desktop.core.fit.graph import Graph, Tensor
from desktop.core.fit.graph_parts import Parts


class RecurrentParts(Parts):
    """The parts of models that are not only attention."""

    def _states(self, size: int) -> Tensor:
        """Each sequence's state, copied out of the cache."""
        assert self.copy_ids is not None
        graph, count = self.graph, self.batch.sequences
        mine = Graph.view(self.copy_ids, count)
        found = graph.expand(Graph.op((size, count), mine))
        rest = Graph.op((size, 0), Graph.view(self.copy_ids, 0))
        graph.expand(Tensor((0,), (rest,), root=self.elsewhere))
        return found

    def _keep(self, source: Tensor) -> None:
        """Write a result's tail back into the cache."""
        tail = Graph.view(source, 1, contiguous=False)
        self.graph.expand(Tensor((0,), (tail,), root=self.elsewhere))

    def _convolved(self, source: Tensor, channels: int, kernel: int) -> Tensor:
        """A convolution over the sequence, its state put before it."""
        count = self.batch.sequences
        states = Graph.view(self._states(self.shape.state_r), kernel - 1, channels, count)
        turned = Graph.view(source, self.per_sequence, channels, count, contiguous=False)
        whole = Graph.op((kernel - 1 + self.per_sequence, channels, count), states, turned)
        self._keep(whole)
        return Graph.op((channels, self.per_sequence, count), whole)

    def mamba2(self, source: Tensor) -> Tensor:
        shape, number = self.shape, self.shape.number
        inner, state, groups = (
            number("ssm.inner_size"),
            number("ssm.state_size"),
            number("ssm.group_count"),
        )
        heads, count = number("ssm.time_step_rank"), self.batch.sequences
        channels = inner + 2 * groups * state
        dims = (inner // max(1, heads), heads, self.per_sequence, count)
        states = self._states(shape.state_r)
        mixed = self.linear(source, inner + channels + heads)
        mixed = Graph.view(mixed, mixed.dims[0], self.per_sequence, count)
        gate = Graph.view(mixed, *dims, contiguous=False)
        xbc = Graph.view(mixed, channels, self.per_sequence, count, contiguous=False)
        step = Graph.view(mixed, heads, self.per_sequence, count, contiguous=False)
        kernel = number("ssm.conv_kernel")
        whole = Graph.op(
            (kernel - 1 + self.per_sequence, channels, count),
            Graph.view(states, kernel - 1, channels, count),
            Graph.view(xbc, self.per_sequence, channels, count, contiguous=False),
        )
        self._keep(whole)
        xbc = Graph.over(Graph.over(Graph.op((channels, self.per_sequence, count), whole)))
        x, b, c = (Graph.view(xbc, *dims, contiguous=False) for _ in range(3))
        step = Graph.over(Graph.op(step.dims, step))
        assert self.copy_ids is not None
        scanned = Graph.op(
            (inner * self.tokens + state * inner * count,),
            *(x, step, b, c),
            Graph.view(self.copy_ids, count),
        )
        self.graph.expand(scanned)
        rest = Graph.op((shape.state_s, 0), Graph.view(self.copy_ids, 0))
        self.graph.expand(Tensor((0,), (rest,), root=self.elsewhere))
        self._keep(scanned)
        y = Graph.view(scanned, *dims)
        skip = Tensor(dims, (x,), inplace=True)
        y = Tensor(dims, (y, skip), inplace=True)
        y = Graph.op(dims, Graph.op(dims, gate), y)
        y = Graph.view(y, inner // groups, groups, self.per_sequence, count)
        y = Graph.view(self.norm(y), inner, self.tokens)
        return self.linear(y, self.width)

    def delta_net(self, source: Tensor, *, joint_gates: bool = False) -> Tensor:
        """A gated delta net (Qwen3-Next, Qwen3.5)."""
        shape, number = self.shape, self.shape.number
        inner, state = number("ssm.inner_size"), number("ssm.state_size")
        k_heads, v_heads = number("ssm.group_count"), number("ssm.time_step_rank")
        count, length = self.batch.sequences, self.per_sequence
        channels = inner + 2 * k_heads * state
        dim = inner // max(1, v_heads)
        mixed = Graph.view(self.linear(source, channels), channels, length, count)
        z = self.linear(source, inner)
        if joint_gates:
            both = Graph.view(
                self.linear(source, 2 * v_heads), 2 * v_heads // k_heads, k_heads, length, count
            )
            beta, alpha = (
                Graph.op((v_heads, length, count), Graph.view(both, v_heads, contiguous=False))
                for _ in range(2)
            )
            beta = Graph.over(Graph.view(beta, 1, v_heads, length, count))
            alpha = Graph.view(alpha, v_heads, length, count)
        else:
            beta = Graph.over(Graph.view(self.linear(source, v_heads), 1, v_heads, length, count))
            alpha = Graph.view(self.linear(source, v_heads), v_heads, length, count)
        gate = Graph.over(Graph.over(Graph.over(alpha)))
        gate = Graph.view(gate, 1, v_heads, length, count)
        kernel = number("ssm.conv_kernel")
        states = Graph.view(self._states(shape.state_r), kernel - 1, channels, count)
        turned = Graph.view(mixed, length, channels, count, contiguous=False)
        whole = Graph.op((kernel - 1 + length, channels, count), states, turned)
        self._keep(whole)
        memory = Graph.view(self._states(shape.state_s), dim, dim, v_heads, count)
        conv = Graph.over(Graph.op((channels, length, count), whole))
        q, k = (
            Graph.op((state, k_heads, length, count), Graph.view(conv, state, contiguous=False))
            for _ in range(2)
        )
        v = Graph.view(conv, dim, v_heads, length, count, contiguous=False)
        if joint_gates and k_heads != v_heads:
            wide = (state, v_heads, length, count)
            q, k = (Graph.view(Graph.op(wide, Graph.view(x, *x.dims)), *wide) for x in (q, k))
        mixed = Graph.op(
            (inner * self.tokens + shape.state_s * count,), q, k, v, gate, beta, memory
        )
        made = Graph.view(mixed, dim, v_heads, length, count, contiguous=True)
        self._keep(mixed)
        normed = self.norm(made)
        z = Graph.over(Graph.view(z, dim, v_heads, length, count))
        made = Graph.view(Graph.over(normed, z), inner, length, count)
        return Graph.view(self.linear(made, self.width), self.width, self.tokens)

    def short_convolution(self, source: Tensor) -> Tensor:
        """LFM2's convolution over a few tokens."""
        count, length, width = self.batch.sequences, self.per_sequence, self.width
        mixed = self.linear(Graph.view(source, width, length, count), 3 * width)
        b, c, x = (Graph.view(mixed, width, length, count, contiguous=False) for _ in range(3))
        product = Tensor((width, length, count), (b, x), inplace=True)
        made = self._convolved(product, width, self.shape.number("shortconv.l_cache"))
        made = Tensor(made.dims, (c, made), inplace=True)
        return Graph.view(self.linear(made, width), width, self.tokens)
