"""What a load needs, computed from a model's shape alone: the dry run's figures in a millisecond.

For lists of hundreds of models and for sliders that move. Checked against the engine's own dry run
on a dozen architectures (tests/unit/fit/test_fit_formula.py, benchmarks/fit_accuracy.py); what is
not known here has no estimate, so that the engine is asked. Facts read in llama.cpp 0c1e570.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from desktop.core.engine.flags import LoadSettings
from desktop.core.fit.estimate import HOST, ZERO, DeviceNeed, Estimate, Figure
from desktop.core.fit.extras import with_draft
from desktop.core.fit.graph_models import Working, known, working
from desktop.core.fit.graph_parts import Batch
from desktop.core.fit.layers import Gpu, LayerCosts, Places, chosen_gpus, place
from desktop.core.fit.overhead import overhead
from desktop.core.gguf.layer_kinds import OTHER_CACHES
from desktop.core.gguf.shape import KV_BYTES, Layer, ModelShape

_CACHE_PAD = 256
# A float's GPU buffers are cut into pieces of this size (128 bytes for CUDA, Vulkan and Metal 32
# to 256); what that costs is a few KiB.
_GPU_ALIGNMENT = 128
# How a CPU's matrix unit (AMX) stores a type: bytes per byte of the file (ggml-cpu/amx/mmq.cpp).
_AMX_GROWTH = {
    **dict.fromkeys(("Q4_0", "Q4_1", "Q6_K", "F16"), 1.0),
    "Q8_0": 38 / 34,
    "Q4_K": 148 / 144,
    "Q5_K": 180 / 176,
    "IQ4_XS": 138 / 136,
}
# What the engine stores in another order for this CPU (ggml-cpu/repack.cpp); the size stays.
_REPACKED_X86 = frozenset({"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"})
_REPACKED_ARM = frozenset({"Q4_0", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "IQ4_NL", "MXFP4", "Q1_0"})
_AS_IN_THE_FILE = frozenset({"-nr", "--no-repack"})
_BAND, _ROUGH_BAND = 0.02, 0.10
_FEEDING_LAYERS = frozenset({"nemotron_h", "nemotron_h_moe"})  # some only feed forward
_MAX_EXPERTS = 1024  # LLAMA_MAX_EXPERTS
_PIPELINE_COPIES = 4  # GGML_SCHED_MAX_COPIES
_WITHIN_LAYERS = ("row", "tensor")  # split modes that cut matrices: only the engine can tell


@dataclass(frozen=True)
class HostTraits:
    """What decides how the engine stores weights on a CPU.

    Attributes:
        amx: it has Intel's matrix unit, which takes most quantized matrices.
        repacked: the types that are stored in another order; such a matrix cannot also serve as
            an embedding, so a model whose output is its embedding holds it twice.
    """

    amx: bool = False
    repacked: frozenset[str] = _REPACKED_X86

    @classmethod
    def of(cls, instruction_sets: Iterable[str], *, amx: bool = False) -> HostTraits:
        """From `CpuInfo.instruction_sets`.

        Args:
            amx: the engine was built with its code for the matrix unit (Paddock's builds are not).
        """
        sets = set(instruction_sets)
        if "neon" in sets or "dotprod" in sets:
            return cls(False, _REPACKED_ARM if "dotprod" in sets else frozenset())
        if "avx2" not in sets:
            return cls(False, frozenset())
        more = frozenset({"Q2_K"}) if "avx512f" in sets else frozenset()
        return cls(amx and "amx_int8" in sets, _REPACKED_X86 | more)


def supported(shape: ModelShape) -> bool:
    """Whether the formula knows this model's cache and operations, and its numbers make sense."""
    if shape.architecture in OTHER_CACHES or not known(shape.architecture):
        return False
    routed = [layer for layer in shape.layers if layer.experts.count]
    if routed and not 0 < shape.n_experts <= _MAX_EXPERTS:
        return False
    if not all(0 < layer.n_experts_used <= shape.n_experts for layer in routed):
        return False
    if not shape.vocab_size or not all(_whole(shape, layer) for layer in shape.layers):
        return False
    if any(layer.recurrent for layer in shape.layers) and not shape.number("shortconv.l_cache"):
        needed = ("inner_size", "state_size", "group_count", "time_step_rank", "conv_kernel")
        return all(shape.number(f"ssm.{key}") for key in needed)
    return True


def _whole(shape: ModelShape, layer: Layer) -> bool:
    """Whether a layer has what it needs to do what it is there for."""
    if not layer.dense.count:
        return False  # tensors are missing: a part of a split model, say
    if layer.attention != "none":
        return bool(layer.head_dim_k and layer.head_dim_v and layer.n_kv_heads)
    if layer.recurrent:
        return True
    return shape.architecture in _FEEDING_LAYERS and not layer.own_cache


def estimate(
    shape: ModelShape,
    settings: LoadSettings,
    gpus: Sequence[Gpu] = (),
    *,
    host: HostTraits | None = None,
    model: str = "",
    beside_bytes: int = 0,
    draft: ModelShape | None = None,
) -> Estimate | None:
    """What loading a model with these settings would take; None where only the engine can tell.

    Args:
        gpus: the devices there are; without any everything is on the host.
        host: how this machine's CPU stores weights.
        beside_bytes: what is loaded with it (a projector, adapters), on the first GPU or the host.
        draft: a small model that proposes tokens; it gets the same context and slots.
    """
    types = {settings.kv_type_k, settings.kv_type_v}
    if not supported(shape) or not types <= KV_BYTES.keys():
        return None
    if settings.context_tokens < 1 or settings.slots < 1 or settings.ubatch < 1:
        return None
    cells = _cells(shape, settings)
    batch = _batch(shape, settings, cells)
    usable = chosen_gpus(settings, gpus) if settings.gpu_layers != 0 else []
    if len(usable) > 1 and settings.split_mode in _WITHIN_LAYERS:
        return None
    work = _working(shape, batch, _GPU_ALIGNMENT if usable else 32)
    if work is None:
        return None
    caches = tuple(_cache_bytes(shape, layer, settings, cells) for layer in shape.layers)
    places = place(shape, settings, gpus, _costs(shape, caches, work))
    figures = _Sums(shape.exact)
    repacking = not any(gpu.host_buffers for gpu in usable)
    if _AS_IN_THE_FILE.intersection(settings.extra):
        repacking = False
    _add_weights(figures, shape, places, host or HostTraits(), repacking=repacking)
    for layer_place, size in zip(places.layers, caches, strict=True):
        figures.kv[layer_place] = figures.kv.get(layer_place, 0) + size
    figures.add(figures.weights, usable[0].name if usable else HOST, beside_bytes)
    _add_work(figures, shape, settings, places, work, devices=len(usable))
    needs = figures.needs(shape, settings)
    if draft is not None:
        more = estimate(draft, settings.for_draft(), gpus, host=host)
        if more is None:
            return None
        needs = with_draft(needs, more.devices)
    notes = () if shape.exact else ("the shape comes from a table, not from the file",)
    return Estimate(
        model,
        settings,
        needs,
        settings.cache_ram_bytes,
        tool="formula",
        notes=notes,
        layers_on_gpu=places.on_gpu if usable else None,
        expert_layers_on_host=_routed_on_host(shape, places) if usable else None,
        n_layers=shape.n_layers if usable else None,
    )


def _routed_on_host(shape: ModelShape, places: Places) -> int:
    """Layers on a GPU whose experts lie on the host."""
    lying = zip(shape.layers, places.layers, places.experts, strict=True)
    return sum(
        layer.experts.count > 0 and name != HOST and experts == HOST
        for layer, name, experts in lying
    )


class _Sums:
    def __init__(self, exact: bool) -> None:
        self._band = _BAND if exact else _ROUGH_BAND
        self.weights: dict[str, float] = {HOST: 0}
        self.kv: dict[str, float] = {HOST: 0}
        self.compute: dict[str, float] = {HOST: 0}

    def add(self, part: dict[str, float], name: str, size: float) -> None:
        part[name] = part.get(name, 0) + size

    def needs(self, shape: ModelShape, settings: LoadSettings) -> tuple[DeviceNeed, ...]:
        names = [*(n for n in self.compute if n != HOST), HOST]
        return tuple(
            DeviceNeed(
                name,
                self._figure(self.weights.get(name, 0)),
                self._figure(self.kv.get(name, 0)),
                self._figure(self.compute.get(name, 0)),
                overhead(name, shape.vocab_size, shape=shape, settings=settings),
            )
            for name in names
        )

    def _figure(self, size: float) -> Figure:
        if not size:
            return replace(ZERO, source="formula")
        spread = max(size * self._band, 1 << 20)
        value = round(size)
        return Figure(value, max(0, round(size - spread)), round(size + spread), "formula")


# Cells, caches, graphs.


@dataclass(frozen=True)
class _Cells:
    """Cells of one slot's cache."""

    full: int
    sliding: int


def _pad(count: int) -> int:
    return -(-count // _CACHE_PAD) * _CACHE_PAD


def _cells(shape: ModelShape, settings: LoadSettings) -> _Cells:
    """`llama_context` pads the whole context, then each slot's; a window's cache likewise."""
    full = _pad(_pad(settings.total_context) // settings.slots)
    ubatch = min(settings.ubatch, settings.batch)
    return _Cells(full, min(_pad(min(full, shape.window + ubatch)), full))


def _cache_bytes(shape: ModelShape, layer: Layer, settings: LoadSettings, cells: _Cells) -> int:
    """One layer's keys and values of all slots, and its recurrent states."""
    count = cells.sliding if layer.attention == "sliding" else cells.full
    per_cell = layer.kv_bytes_per_cell(settings.kv_type_k, settings.kv_type_v, latent=shape.mla)
    states = 4 * (shape.state_r + shape.state_s) if layer.recurrent else 0
    return round((per_cell * count + states) * settings.slots)


def _batch(shape: ModelShape, settings: LoadSettings, cells: _Cells) -> Batch:
    total = cells.full * settings.slots
    batch = settings.ubatch if settings.embedding else settings.batch
    tokens = min(settings.ubatch, batch)
    if not shape.cacheless:
        tokens = min(tokens, total)
    proposing = settings.slots * (1 + settings.proposed_tokens)  # each is checked by its logits
    outputs = tokens if settings.embedding else min(tokens, proposing)
    return Batch(
        tokens=tokens,
        sequences=settings.slots,
        outputs=outputs,
        cells=tokens if shape.cacheless else cells.full,
        sliding_cells=tokens if shape.cacheless else cells.sliding,
        flash=settings.flash_attention != "off",
        quantized_k=settings.kv_type_k not in ("f32", "f16", "bf16"),
        quantized_v=settings.kv_type_v not in ("f32", "f16", "bf16"),
        pooled=settings.embedding,
    )


class _Key:
    """A shape as far as its operations go: files of one model share their graphs."""

    def __init__(self, shape: ModelShape) -> None:
        self.shape = shape
        self._operations = shape.operations

    def __hash__(self) -> int:
        return hash(self._operations)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._operations == other._operations


@lru_cache(maxsize=4096)
def _played(key: _Key, batch: Batch, alignment: int) -> Working | None:
    return working(key.shape, batch, alignment)


def _working(shape: ModelShape, batch: Batch, alignment: int) -> Working | None:
    """The working memory; a longer context only makes the masks longer, which are there all along.

    So one play serves all contexts; but not without flash attention, where scores are as wide, and
    not where the peak comes when the masks are gone and leave a hole as long as they were.
    """
    if not batch.flash or shape.cacheless:
        return _played(_Key(shape), batch, alignment)
    short = replace(batch, cells=_CACHE_PAD, sliding_cells=_CACHE_PAD)
    made = _played(_Key(shape), short, alignment)
    if made is None or not made.masked:
        return _played(_Key(shape), batch, alignment)
    rows = 2 * max(1, batch.tokens // batch.sequences) * batch.sequences  # half precision
    attends = any(layer.attention != "none" for layer in shape.layers)
    more = (batch.cells - _CACHE_PAD) * attends
    if shape.window:
        more += batch.sliding_cells - _CACHE_PAD
    return replace(
        made,
        peak_bytes=made.peak_bytes + rows * more,
        feeding_bytes=made.feeding_bytes + rows * more,
    )


# Adding up.


def _costs(shape: ModelShape, caches: Sequence[int], work: Working) -> LayerCosts:
    return LayerCosts(
        tuple(
            layer.dense.size_bytes + cache
            for layer, cache in zip(shape.layers, caches, strict=True)
        ),
        tuple(layer.experts.size_bytes for layer in shape.layers),
        shape.head.size_bytes + shape.others.size_bytes,
        work.peak_bytes,
    )


def _add_weights(
    figures: _Sums, shape: ModelShape, places: Places, host: HostTraits, *, repacking: bool
) -> None:
    """Weights where they lie; on the host with what storing them in another order takes."""
    figures.add(figures.weights, HOST, shape.inputs.size_bytes)
    for layer, name, experts in zip(shape.layers, places.layers, places.experts, strict=True):
        figures.add(figures.weights, name, layer.dense.size_bytes)
        figures.add(figures.weights, experts, layer.experts.size_bytes)
    figures.add(figures.weights, places.output, shape.output.size_bytes + shape.others.size_bytes)
    amx = _AMX_GROWTH if repacking and host.amx and shape.vocab_size % 32 == 0 else {}
    if shape.tied and not shape.cacheless:
        size, kind = shape.embedding.size_bytes, shape.embedding_type or ""
        if places.output != HOST:
            figures.add(figures.weights, places.output, size)
        elif repacking and _repacks(kind, host, shape):
            figures.add(figures.weights, HOST, size * amx.get(kind, 1.0))
    elif places.output == HOST:
        figures.add(
            figures.weights,
            HOST,
            shape.output.size_bytes * (amx.get(shape.output_type or "", 1.0) - 1),
        )
    if repacking and host.amx:
        total = shape.dense.size_bytes
        here = sum(
            layer.dense.size_bytes
            for layer, name in zip(shape.layers, places.layers, strict=True)
            if name == HOST
        )
        grown = sum(
            size * (_AMX_GROWTH.get(kind, 1.0) - 1) for kind, size in shape.packable.items()
        )
        figures.add(figures.weights, HOST, grown * here / total if total else 0)


def _repacks(kind: str | None, host: HostTraits, shape: ModelShape) -> bool:
    """Whether the CPU stores the output matrix in an order of its own."""
    if host.amx and kind in _AMX_GROWTH and shape.vocab_size % 32 == 0:
        return True
    return kind in host.repacked and shape.vocab_size % 8 == 0


@dataclass(frozen=True)
class _Away:
    """Working memory of a model whose experts are computed on the host and the rest on a GPU."""

    gpu_bytes: int
    host_bytes: int
    all_of_them: bool


def _experts_work(shape: ModelShape, settings: LoadSettings, places: Places) -> _Away | None:
    """Fitted to the engine's plans for a remote device (widths, used experts, heads varied)."""
    pairs = list(zip(shape.layers, places.experts, strict=True))
    routed = [layer for layer, name in pairs if layer.experts.count and name == HOST]
    if not routed:
        return None
    width, tokens = shape.embedding_length, min(settings.ubatch, settings.batch)
    used = max(layer.n_experts_used for layer in routed)
    expert = max(layer.expert_feed_forward for layer in routed)
    queries = max(layer.n_heads * layer.head_dim_k for layer in shape.layers)
    return _Away(
        4 * tokens * (used * width + 2 * width + queries),
        4 * tokens * (used * (width + 2 * expert) + 2 * width),
        all(name == HOST for layer, name in pairs if layer.experts.count),
    )


def _add_work(
    figures: _Sums,
    shape: ModelShape,
    settings: LoadSettings,
    places: Places,
    work: Working,
    *,
    devices: int,
) -> None:
    """Working memory where layers are computed, and what the host needs to feed a GPU.

    Args:
        devices: how many GPUs the load may use, even if some of them get no layer.
    """
    gpus = sorted({*places.layers, places.output} - {HOST})
    everything = HOST not in (*places.layers, places.output)
    away = _experts_work(shape, settings, places)
    copies = 0
    if everything and devices > 1 and not settings.experts_on_cpu:
        copies = _PIPELINE_COPIES - 1  # several GPUs work on several micro-batches at a time
    size = work.peak_bytes - work.embedding_bytes
    if away is not None and away.all_of_them:
        size = min(size, work.feeding_bytes - 2 * work.embedding_bytes + away.gpu_bytes)
    for name in gpus:
        figures.add(figures.compute, name, size + copies * work.feeding_bytes)
    if not everything:
        figures.add(figures.compute, HOST, work.peak_bytes)
    else:
        figures.add(figures.compute, HOST, max(1, copies) * work.feeding_bytes)
        figures.add(figures.compute, HOST, away.host_bytes if away is not None else 0)
    rows = settings.slots * (shape.vocab_size + shape.embedding_length * settings.embedding)
    figures.add(figures.compute, HOST, 4 * rows)  # the last logits of each slot
