"""What a model asks of each device for one token: bytes to read and numbers to multiply.

Everything here is counting; how long it takes is `speed.DeviceSpeed`'s business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from desktop.core.fit.estimate import HOST
from desktop.core.gguf.shape import KV_BYTES, Layer, ModelShape
from desktop.core.gguf.tensor_types import TENSOR_TYPES

_BYTES_PER_WEIGHT = {kind.name: kind.block_bytes / kind.block for kind in TENSOR_TYPES.values()}


@dataclass(frozen=True)
class AttentionWork:
    """Layers that attend alike.

    Attributes:
        window: cells they see at most; None: all.
        head_dim: numbers per head; some kernels are much slower with short heads.
        cell_bytes: keys and values of one cell, over all these layers.
        cell_macs: multiplications and additions for one cell and one token, over all these layers.
    """

    window: int | None
    head_dim: int
    cell_bytes: float
    cell_macs: float

    def seen(self, depth: float) -> float:
        return depth if self.window is None else min(depth, self.window)


@dataclass
class Portion:
    """What one device does for every token.

    Attributes:
        read_bytes: weights read for one generated token, by type; of experts only those used.
        held_bytes: all weights on this device: what caches cannot hold must come from memory.
        macs: weights multiplied for one prompt token, by type, without those of experts.
        expert_macs: the same of experts.
        state_bytes: of recurrent layers, read and written for every token.
    """

    device: str
    read_bytes: dict[str, float] = field(default_factory=dict)
    held_bytes: float = 0.0
    macs: dict[str, float] = field(default_factory=dict)
    expert_macs: dict[str, float] = field(default_factory=dict)
    layers: int = 0
    moe_layers: int = 0
    state_bytes: float = 0.0
    attention: tuple[AttentionWork, ...] = ()

    @property
    def total_read_bytes(self) -> float:
        return sum(self.read_bytes.values())


@dataclass(frozen=True)
class Work:
    """One model with one placement and one type of cache."""

    portions: tuple[Portion, ...]
    kv_type: str

    @property
    def is_moe(self) -> bool:
        return any(portion.moe_layers for portion in self.portions)

    @property
    def is_hybrid(self) -> bool:
        return any(portion.state_bytes for portion in self.portions)


def work_of(
    shape: ModelShape,
    *,
    layers_on: Mapping[str, int] | None = None,
    experts_on_cpu: bool | int = False,
    kv_type_k: str = "f16",
    kv_type_v: str = "f16",
) -> Work:
    """The work of one token.

    Args:
        layers_on: layers on each device besides the host, in the devices' order; the engine gives
            them a model's last layers, and the output matrix with them.
        experts_on_cpu: all experts (True), or those of the first N layers, stay on the host.
    """
    counting = _Counting(shape, kv_type_k, kv_type_v)
    places = list(_places(shape.n_layers, layers_on or {}))
    for index, device in enumerate(places):
        on_host = experts_on_cpu is True or index < int(experts_on_cpu)
        counting.layer(index, device, HOST if on_host else device)
    counting.head(places[-1] if places else HOST)
    return Work(counting.portions(), kv_type_k)


def _places(n_layers: int, layers_on: Mapping[str, int]) -> Iterator[str]:
    elsewhere = [device for device, count in layers_on.items() for _ in range(count)]
    elsewhere = elsewhere[-n_layers:] if n_layers else []
    yield from [HOST] * (n_layers - len(elsewhere))
    yield from elsewhere


class _Counting:
    def __init__(self, shape: ModelShape, kv_type_k: str, kv_type_v: str) -> None:
        self._shape = shape
        self._kv_bytes = (KV_BYTES[kv_type_k], KV_BYTES[kv_type_v])
        dense, experts = _mixes(shape)
        self._dense_mix, self._expert_mix = dense, experts
        self._portions: dict[str, Portion] = {}
        self._attention: dict[tuple[str, int | None, int], list[float]] = {}

    def _on(self, device: str) -> Portion:
        return self._portions.setdefault(device, Portion(device))

    def layer(self, index: int, device: str, experts_device: str) -> None:
        shape, layer = self._shape, self._shape.layers[index]
        portion = self._on(device)
        dense, experts = shape.active(layer)
        portion.layers += 1
        portion.held_bytes += layer.dense.size_bytes
        _add(portion.read_bytes, self._dense_mix, dense.size_bytes, by_bytes=True)
        # Of the last layer only attention is computed for every prompt token, the rest for those
        # whose logits are asked for (`inp_out_ids` of the engine).
        whole = index < shape.n_layers - 1
        macs = dense.count if whole else min(dense.count, _attention_weights(shape, layer))
        _add(portion.macs, self._dense_mix, macs)
        if layer.recurrent:
            portion.state_bytes += 8.0 * (shape.state_r + shape.state_s)  # read and written
        if experts.count:
            expert = self._on(experts_device)
            portion.moe_layers += 1
            expert.held_bytes += layer.experts.size_bytes
            _add(expert.read_bytes, self._expert_mix, experts.size_bytes, by_bytes=True)
            _add(expert.expert_macs, self._expert_mix, experts.count if whole else 0)
        if layer.attention != "none":
            self._attend(device, layer)

    def _attend(self, device: str, layer: Layer) -> None:
        keys, values = self._kv_bytes
        cell = layer.n_kv_heads * layer.head_dim_k * keys
        if not self._shape.mla:
            cell += layer.n_kv_heads * layer.head_dim_v * values
        window = self._shape.window if layer.attention == "sliding" else None
        sums = self._attention.setdefault((device, window, layer.head_dim_k), [0.0] * 2)
        sums[0] += cell
        sums[1] += layer.n_heads * (layer.head_dim_k + layer.head_dim_v)

    def head(self, device: str) -> None:
        shape = self._shape
        head = shape.head
        kind = (shape.embedding_type if shape.tied else shape.output_type) or ""
        portion = self._on(device)
        portion.held_bytes += head.size_bytes
        if kind not in _BYTES_PER_WEIGHT:
            kind = max(self._dense_mix, key=lambda each: self._dense_mix[each])
        _add(portion.read_bytes, {kind: 1.0}, head.size_bytes, by_bytes=True)

    def portions(self) -> tuple[Portion, ...]:
        for device, portion in self._portions.items():
            portion.attention = tuple(
                AttentionWork(window, head_dim, *sums)
                for (place, window, head_dim), sums in self._attention.items()
                if place == device
            )
        return tuple(self._portions.values())


def _attention_weights(shape: ModelShape, layer: Layer) -> int:
    """Weights of a layer's queries, keys and values, and of what follows attention."""
    rows = (layer.n_heads + layer.n_kv_heads) * (layer.head_dim_k + layer.head_dim_v)
    return rows * shape.embedding_length


def _mixes(shape: ModelShape) -> tuple[dict[str, float], dict[str, float]]:
    """The shares of the types by number of weights: of the dense parts, and of the experts."""
    dense: Counter[str] = Counter()
    experts: Counter[str] = Counter()
    for role, kinds in shape.roles.items():
        if role.startswith("expert"):
            experts.update(kinds)
        elif role not in ("embedding", "output"):
            dense.update(kinds)
    if not dense and not experts:  # a table's row: bytes by type are all there is
        for kind, size in shape.matrices.items():
            dense[kind] = experts[kind] = round(size / _BYTES_PER_WEIGHT.get(kind, 1.0))
    return _shares(dense), _shares(experts or dense)


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    known = {kind: count for kind, count in counts.items() if kind in _BYTES_PER_WEIGHT and count}
    total = sum(known.values())
    return {kind: count / total for kind, count in known.items()} if total else {"Q8_0": 1.0}


def _add(
    sums: dict[str, float], mix: Mapping[str, float], amount: float, *, by_bytes: bool = False
) -> None:
    """Spread an amount over the types by their shares of the weights, or of the bytes."""
    parts = {
        kind: share * (_BYTES_PER_WEIGHT[kind] if by_bytes else 1.0) for kind, share in mix.items()
    }
    total = sum(parts.values())
    for kind, part in parts.items():
        sums[kind] = sums.get(kind, 0.0) + amount * part / total
