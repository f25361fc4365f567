"""The parts models are made of, as operations: norms, attention, feed-forward parts, experts; in
the engine's order (src/llama-graph.cpp of llama.cpp 0c1e570). Weights and caches lie elsewhere and
are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.fit.graph import Graph, Tensor
from desktop.core.gguf.shape import Layer, ModelShape

_ROTATED = 64  # smallest rotation of a quantized cache, and the one of values
# Positions in time, height and width (LLAMA_ROPE_TYPE_IMROPE).
_FOUR_AXES = frozenset({"qwen35", "qwen35moe", "qwen3vl", "qwen3vlmoe"})


@dataclass(frozen=True)
class Batch:
    """What the graph is made for.

    Attributes:
        tokens: of a micro-batch.
        sequences: slots.
        outputs: rows of logits.
        cells: of one slot's cache in layers that see everything; `sliding_cells` in the others.
        pooled: the model gives one vector per text.
    """

    tokens: int
    sequences: int
    outputs: int
    cells: int
    sliding_cells: int
    flash: bool = True
    quantized_k: bool = False
    quantized_v: bool = False
    pooled: bool = False


class Parts:
    """Puts operations into a graph; every method returns its result."""

    def __init__(self, shape: ModelShape, batch: Batch, alignment: int) -> None:
        self.shape = shape
        self.batch = batch
        self.graph = Graph(alignment)
        self.tokens = batch.tokens
        self.width = shape.embedding_length
        self.per_sequence = max(1, batch.tokens // batch.sequences)
        self.elsewhere = Graph.elsewhere()
        self.masks: dict[str, Tensor] = {}
        self.indexes: dict[str, tuple[Tensor, Tensor]] = {}
        self.rotations: dict[str, tuple[Tensor | None, Tensor | None]] = {}
        self.copy_ids: Tensor | None = None
        self.positions: Tensor | None = None
        self.output_ids: Tensor | None = None
        self.deep: Tensor | None = None

    # --- inputs

    def embeddings(self) -> Tensor:
        ids = Graph.input(self.tokens)
        found = Graph.op((self.width, self.tokens), ids)
        wide = self.width * (1 + self.shape.number("n_deepstack_layers"))
        if wide > self.width:  # a picture brings states for the first layers too
            found = self.deep = Graph.op((wide, self.tokens), found)
        self.graph.expand(found)
        self.graph.expand(Graph.input(wide, self.tokens))  # for pictures; always there
        return found if self.deep is None else self.deep_states()

    def deep_states(self) -> Tensor:
        """The part of the embeddings that belongs to one layer."""
        assert self.deep is not None
        return Graph.view(self.deep, self.width, self.tokens, contiguous=False)

    def inputs(self, *, hybrid: bool = False, positions: bool = True) -> None:
        batch, shape = self.batch, self.shape
        item = 2 if batch.flash else 4
        kinds = {layer.attention for layer in shape.layers} - {"none"}
        if shape.window and kinds:
            kinds |= {"full", "sliding"}
        for kind in sorted(kinds):
            cells = batch.cells if kind == "full" else batch.sliding_cells
            rows = self.tokens if shape.cacheless else self.per_sequence
            count = 1 if shape.cacheless else batch.sequences
            self.masks[kind] = Graph.input(cells, rows, 1, count, item_bytes=item)
            layer = next((x for x in shape.layers if x.attention == kind), shape.layers[0])
            wide = 1 if batch.flash else layer.n_kv_heads * layer.head_dim_v
            self.indexes[kind] = (
                Graph.input(self.tokens, item_bytes=8),
                Graph.input(self.tokens * wide, item_bytes=8),
            )
            self.rotations[kind] = self._rotation(layer)
        if hybrid:
            self.copy_ids = Graph.input(batch.sequences)
        if positions:
            axes = 4 if shape.architecture in _FOUR_AXES else 1
            self.positions = Graph.input(self.tokens * axes)
        self.output_ids = Graph.input(batch.outputs)

    def _rotation(self, layer: Layer) -> tuple[Tensor | None, Tensor | None]:
        keys = values = None
        if self.shape.mla:  # latent caches are not rotated
            return keys, values
        if self.batch.quantized_k and layer.head_dim_k % _ROTATED == 0 and layer.head_dim_k:
            size = layer.head_dim_k & -layer.head_dim_k
            keys = Graph.input(size, size)
        if self.batch.quantized_v and layer.head_dim_v % _ROTATED == 0 and layer.head_dim_v:
            values = Graph.input(_ROTATED, _ROTATED)
        return keys, values

    # --- small things

    def linear(self, source: Tensor, rows: int) -> Tensor:
        return Graph.op((rows, *source.dims[1:]), source)

    def norm(self, source: Tensor, *, mean: bool = False, bias: bool = False) -> Tensor:
        """RMS norm, or with `mean` a layer norm, and its weights."""
        made = Graph.op(source.dims, source) if mean else Graph.over(source)
        made = Graph.over(made)
        return Graph.over(made) if bias else made

    def rope(self, source: Tensor) -> Tensor:
        return source if self.positions is None else Graph.over(source, self.positions)

    def heads(self, source: Tensor, dim: int, count: int) -> Tensor:
        return Graph.view(source, dim, count, self.tokens)

    def rows(self, source: Tensor) -> Tensor:
        """The rows whose logits are wanted."""
        assert self.output_ids is not None
        return Graph.op((source.dims[0], self.batch.outputs), source, self.output_ids)

    def _rotated(self, source: Tensor, rotation: Tensor | None) -> Tensor:
        if rotation is None:
            return source
        count = source.size // 4 // rotation.dims[0]
        flat = Graph.view(source, rotation.dims[0], count)
        return Graph.view(Graph.op((rotation.dims[0], count), rotation, flat), *source.dims)

    # --- attention

    def qkv(
        self, source: Tensor, layer: Layer, *, bias: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        q = layer.n_heads * layer.head_dim_k
        k, v = layer.n_kv_heads * layer.head_dim_k, layer.n_kv_heads * layer.head_dim_v
        if "attn_qkv" in self.shape.parts:
            fused = self.linear(source, q + k + v)
            if bias:
                fused = Graph.over(fused)
            views = [
                Graph.view(fused, dim, count, self.tokens, contiguous=False)
                for dim, count in (
                    (layer.head_dim_k, layer.n_heads),
                    (layer.head_dim_k, layer.n_kv_heads),
                    (layer.head_dim_v, layer.n_kv_heads),
                )
            ]
            return views[0], views[1], views[2]
        made = [self.linear(source, rows) for rows in (q, k, v)]
        if bias:
            made = [Graph.over(tensor) for tensor in made]
        return (
            self.heads(made[0], layer.head_dim_k, layer.n_heads),
            self.heads(made[1], layer.head_dim_k, layer.n_kv_heads),
            self.heads(made[2], layer.head_dim_v, layer.n_kv_heads),
        )

    def attend(
        self,
        layer: Layer,
        q: Tensor,
        k: Tensor | None,
        v: Tensor | None,
        *,
        latent_rows: int = 0,
        out: int | None = None,
        bias: bool = False,
    ) -> Tensor:
        """Stores keys and values, attends, and multiplies by the output matrix.

        Args:
            latent_rows: of one head of the matrix that unfolds a latent value; 0: no such thing.
            out: rows of the output matrix; None: there is none.
        """
        graph, kind = self.graph, layer.attention
        if not self.shape.cacheless:
            turn_k, turn_v = self.rotations[kind]
            q = self._rotated(q, turn_k)
            k = k and self._rotated(k, turn_k)
            v = v and self._rotated(v, turn_v)
        order = (q, k, v) if self.shape.window or self.shape.cacheless else (q, v, k)
        for tensor in order:
            if tensor is not None:
                graph.expand(tensor)
        if not self.shape.cacheless:
            stored = ((k, 0), (v, 1)) if not latent_rows else ((k, 0),)
            for tensor, which in stored:
                if tensor is not None:
                    flat = Graph.view(tensor, tensor.dims[0] * tensor.dims[1], self.tokens)
                    where = self.indexes[kind][which]
                    graph.expand(Tensor((0,), (flat, where), root=self.elsewhere))
        done = (
            self._flash(layer, q, k, v, latent_rows)
            if self.batch.flash
            else self._plain(layer, q, latent_rows)
        )
        graph.expand(done)
        if not self.shape.cacheless and not latent_rows:
            done = self._rotated(done, self.rotations[kind][1])
        if out is not None:
            done = self.linear(done, out)
            if bias:
                done = Graph.over(done)
        return done

    def _flash(
        self, layer: Layer, q: Tensor, k: Tensor | None, v: Tensor | None, latent_rows: int
    ) -> Tensor:
        seen = Graph.view(Graph.view(q, *q.dims, contiguous=False), *q.dims, contiguous=False)
        sources = [seen]
        if self.shape.cacheless:
            for tensor in (k, v):
                assert tensor is not None
                turned = Graph.view(tensor, *tensor.dims, contiguous=False)
                sources.append(Graph.op(tensor.dims, turned, item_bytes=2))
        sources.append(self.masks[layer.attention])
        made = Graph.op((layer.head_dim_v, layer.n_heads, self.tokens), *sources)
        rows = layer.head_dim_v
        if latent_rows:
            turned = Graph.view(made, *made.dims, contiguous=False)
            unfolded = Graph.op((latent_rows, self.tokens, layer.n_heads), turned)
            turned = Graph.view(unfolded, *unfolded.dims, contiguous=False)
            made = Graph.op((latent_rows, layer.n_heads, self.tokens), turned)
            rows = latent_rows
        return Graph.view(made, rows * layer.n_heads, self.tokens)

    def _plain(self, layer: Layer, q: Tensor, latent_rows: int) -> Tensor:
        mask = self.masks[layer.attention]
        seen = Graph.view(Graph.view(q, *q.dims, contiguous=False), *q.dims, contiguous=False)
        scores = Graph.op((mask.dims[0], self.tokens, layer.n_heads), seen)
        scores = Tensor(scores.dims, (scores, mask), inplace=True)
        made = Graph.op((layer.head_dim_v, self.tokens, layer.n_heads), scores)
        rows = layer.head_dim_v
        if latent_rows:
            made = Graph.op((latent_rows, self.tokens, layer.n_heads), made)
            rows = latent_rows
        turned = Graph.view(made, *made.dims, contiguous=False)
        return Graph.op((rows * layer.n_heads, self.tokens), turned)

    # --- feed-forward parts

    def feed_forward(
        self, source: Tensor, width: int, *, gated: bool = True, bias: bool = False, acts: int = 1
    ) -> Tensor:
        """`acts`: how many functions follow one another where there is no gate."""
        up = self.linear(source, width)
        if bias:
            up = Graph.over(up)
        if gated:
            gate = self.linear(source, width)
            if bias:
                gate = Graph.over(gate)
            made = Graph.op(gate.dims, gate, up)
        else:
            made = up
            for _ in range(acts):
                made = Graph.over(made)
        made = self.linear(made, self.width)
        return Graph.over(made) if bias else made

    def experts(
        self,
        source: Tensor,
        layer: Layer,
        *,
        gated: bool = True,
        bias: bool = False,
        normed: bool = True,
        late_softmax: bool = False,
        biased_choice: bool = False,
        scaled: bool = False,
        logits: Tensor | None = None,
        acts: int = 1,
    ) -> Tensor:
        """The routed experts of a layer: router, chosen ones, their weighted sum."""
        graph, tokens = self.graph, self.tokens
        count, used = self.shape.n_experts, layer.n_experts_used
        if logits is None:
            logits = self.linear(source, count)
        if bias:
            logits = Graph.over(logits)
        odds = logits if late_softmax else Graph.over(logits)
        choice = Graph.over(odds) if biased_choice else odds
        ranked = Graph.op((count, tokens), choice)
        chosen = Graph.view(ranked, used, tokens, contiguous=False)
        weights = Graph.op((1, used, tokens), Graph.view(odds, 1, count, tokens), chosen)
        if late_softmax:
            weights = Graph.view(Graph.over(Graph.view(weights, used, tokens)), 1, used, tokens)
        if normed:
            flat = Graph.view(weights, used, tokens)
            total = Graph.over(Graph.op((1, tokens), flat))
            weights = Graph.view(Graph.over(flat, total), 1, used, tokens)
        if scaled:
            weights = Graph.over(weights)
        graph.expand(weights)
        single = Graph.view(source, source.dims[0], 1, tokens)
        width = layer.expert_feed_forward
        if "ffn_gate_up_exps" in self.shape.parts:
            both = Graph.op((2 * width, used, tokens), single, chosen)
            gate = Graph.view(both, width, used, tokens, contiguous=False)
            up = Graph.view(both, width, used, tokens, contiguous=False)
            made = Graph.op((width, used, tokens), gate, up)
        else:
            made = Graph.op((width, used, tokens), single, chosen)
            if bias:
                made = Graph.over(made, chosen)
            if gated:
                gate = Graph.op((width, used, tokens), single, chosen)
                if bias:
                    gate = Graph.over(gate, chosen)
                made = Graph.op(gate.dims, gate, made)
            else:
                for _ in range(acts):
                    made = Graph.over(made)
        made = Graph.op((source.dims[0], used, tokens), made, chosen)
        if bias:
            made = Graph.over(made, chosen)
        made = graph.expand(Graph.over(made, weights))
        slices = [
            graph.expand(Graph.view(made, source.dims[0], tokens, contiguous=False))
            for _ in range(used)
        ]
        total = slices[0]
        for piece in slices[1:]:
            total = graph.expand(Graph.over(total, piece))
        if used == 1:
            total = Graph.op((source.dims[0], tokens), total)
        return total
