"""Where the parts of a model can lie on a machine, for lists of hundreds of models.

The closed formula, asked for a few contexts, tells what a model's cache and work need; its weights
follow from a file's size. From these each placement is added up without asking again: all on the
GPU, all but the experts, some layers, or nothing. A chosen model is priced by the formula itself,
and by the engine's dry run before it is loaded.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from desktop.core.engine.flags import LoadSettings
from desktop.core.fit.estimate import GPU_RESERVE_BYTES, HOST, OS_RESERVE_BYTES, Verdict
from desktop.core.fit.formula import HostTraits, estimate, supported
from desktop.core.fit.layers import Gpu
from desktop.core.fit.simulate import GPU, Machine
from desktop.core.fit.speed import SpeedFigure, Speeds
from desktop.core.fit.speed_work import Portion, Work, work_of
from desktop.core.gguf.shape import ModelShape

# Plain transformers but for details whose working memory the formula does not know: that of a plain
# one, and a quarter more. (It would be within 9 % for every transformer that the formula knows.)
# Their caches are known. For lists only: the engine itself prices such a model before it is loaded.
_ALIKE = {
    **dict.fromkeys(("glm4", "hunyuan-dense", "muse-glimmer", "olmo2", "qwen3vl"), "llama"),
    **dict.fromkeys(("glm4moe", "llama4", "minimax-m2", "laguna", "step35", "hy_v3"), "qwen3moe"),
    "nomic-bert": "bert",
}
ALIKE_FACTOR = 1.25

# Contexts for which the formula is asked; what lies between them follows.
CONTEXTS = (1024, 8192, 65_536, 524_288)
# With a quantized cache the work of the catalogue's models is 12 % less to 7 % more.
_QUANTIZED_CACHE_FACTOR = 1.07
# What a cache is tried with: the second where it makes a model fast enough or fit at all.
KV_TYPES = ("f16", "q8_0")
_UBATCH = LoadSettings().ubatch
_CACHE_PAD = 256  # cells (llama-kv-cache.cpp)

# A conversation of some length: the speed at a model's full context is another, lower one.
SPEED_DEPTH = 1024


@dataclass(frozen=True)
class Room:
    """What a machine can give, in bytes, with the reserves taken off."""

    host: int
    gpu: int
    unified: bool
    gpus: int = 1

    @classmethod
    def of(cls, machine: Machine) -> Room:
        gpu = 0 if machine.gpu is None else machine.gpu.available_bytes - GPU_RESERVE_BYTES
        return cls(
            max(0, machine.ram_bytes - OS_RESERVE_BYTES),
            max(0, gpu),
            machine.gpu is not None and machine.gpu.unified,
            1 if machine.gpu is None else machine.gpu.count,
        )

    def holds(self, host: float, gpu: float) -> bool:
        if gpu > self.gpu or host > self.host:
            return False
        return not self.unified or host + gpu <= max(self.host, self.gpu)


@dataclass(frozen=True)
class Fixed:
    """What a model needs beside its weights, in bytes.

    Attributes:
        kv: its cache and states.
        work: to compute with, on each device that computes.
        context: what a GPU's driver takes for itself.
        host: of the process, and to feed a GPU.
    """

    kv: int
    work: int
    context: int
    host: int


class Placement(NamedTuple):
    """One way to load a model.

    Attributes:
        layers_on_gpu: of the model's layers, the last ones; the output goes with them.
        gpu_bytes, host_bytes: what it needs on each.
    """

    verdict: Verdict
    layers_on_gpu: int
    gpu_bytes: int
    host_bytes: int


class Body:
    """A model's shape with what follows from it, computed once however many files it has.

    Args:
        shape: of a file's header, or of a table's row at 16 bits per weight.
        embedding: it gives vectors and no text.
    """

    def __init__(self, shape: ModelShape, *, embedding: bool = False) -> None:
        self.shape = shape
        self._embedding = embedding
        self._known: dict[int, Fixed | None] = {}
        self._per_cell: dict[str, list[tuple[float, float, int]]] = {}
        self._last: dict[str, tuple[int, Fixed | None]] = {}  # all files of a model ask the same
        experts, dense = shape.experts.size_bytes, shape.dense.size_bytes
        self.experts_bytes = experts
        self.layers_bytes = dense + experts
        self.head_bytes = shape.output.size_bytes + shape.others.size_bytes
        # A tied embedding is copied: once for the inputs on the host, once as the output.
        self.tied_head_bytes = shape.embedding.size_bytes if shape.tied else 0
        # So it is on a CPU that stores the output matrix in another order (HostTraits).
        copied = shape.embedding_type in HostTraits().repacked
        self.copied_bytes = self.tied_head_bytes if copied else 0
        self.inputs_bytes = shape.inputs.size_bytes

    @property
    def rough(self) -> bool:
        """Its working memory is taken from another architecture."""
        return self.priced is not self.shape

    @cached_property
    def priced(self) -> ModelShape:
        """The shape the formula is asked about: its own, or a similar architecture's."""
        alike = _ALIKE.get(self.shape.architecture)
        if alike is None or supported(self.shape):
            return self.shape
        return replace(self.shape, architecture=alike)

    @cached_property
    def weights_bytes(self) -> int:
        return self.shape.weights_bytes

    def prepare(self) -> None:
        """Ask the formula all that it will be asked: half a millisecond for each context."""
        for context in CONTEXTS:
            self._at(context)

    def fixed(self, context: int, kv_type: str) -> Fixed | None:
        """What it needs beside the weights, for one slot; None where only the engine can tell.

        The cache is exact; the work lies between what the formula says of two contexts. It grows
        in straight lines that get steeper, so the truth is that or a little less.
        """
        kept = self._last.get(kv_type)
        if kept is None or kept[0] != context:  # another thread may ask for another one
            kept = self._last[kv_type] = (context, self._between(context, kv_type))
        return kept[1]

    def _between(self, context: int, kv_type: str) -> Fixed | None:
        low = max((each for each in CONTEXTS if each <= context), default=CONTEXTS[0])
        high = min((each for each in CONTEXTS if each >= context), default=context)
        below, above = self._at(low), self._at(high)
        if below is None or above is None:
            return None
        share = (context - low) / (high - low) if low < context < high else 0.0
        factor = 1.0 if kv_type == KV_TYPES[0] else _QUANTIZED_CACHE_FACTOR
        return Fixed(
            self.kv_bytes(context, kv_type),
            round((below.work + share * (above.work - below.work)) * factor),
            below.context,
            round(below.host + share * (above.host - below.host)),
        )

    def cells(self, context: int) -> tuple[int, int]:
        """Of one slot, in layers that see everything and in those with a window."""
        full = _padded(context)
        return full, min(_padded(min(full, self.shape.window + _UBATCH)), full)

    def cell_sums(self, kv_type: str) -> list[tuple[float, float, int]]:
        """Of the last 0, 1, 2, … layers: bytes per cell in those that see everything and in
        those with a window, and bytes of states."""
        if kv_type not in self._per_cell:
            self._per_cell[kv_type] = self._cell_sums(kv_type)
        return self._per_cell[kv_type]

    def kv_bytes(self, context: int, kv_type: str) -> int:
        """Cache and states of one slot as `formula.estimate` counts them."""
        full, seen = self.cells(context)
        everywhere, windowed, states = self.cell_sums(kv_type)[-1]
        return round(everywhere * full + windowed * seen + states)

    def _cell_sums(self, kv_type: str) -> list[tuple[float, float, int]]:
        shape = self.shape
        sums: list[tuple[float, float, int]] = [(0.0, 0.0, 0)]
        for layer in reversed(shape.layers):
            everywhere, windowed, states = sums[-1]
            size = layer.kv_bytes_per_cell(kv_type, kv_type, latent=shape.mla)
            if layer.attention == "sliding":
                windowed += size
            else:
                everywhere += size
            states += 4 * (shape.state_r + shape.state_s) * layer.recurrent
            sums.append((everywhere, windowed, states))
        return sums

    @cached_property
    def layer_sums(self) -> list[int]:
        """Bytes of the last 0, 1, 2, … layers' weights."""
        sums = [0]
        for layer in reversed(self.shape.layers):
            sums.append(sums[-1] + layer.dense.size_bytes + layer.experts.size_bytes)
        return sums

    @cached_property
    def largest_layer_bytes(self) -> int:
        """Weights of the layer with the most."""
        layers = self.shape.layers
        return max((each.dense.size_bytes + each.experts.size_bytes for each in layers), default=0)

    def _at(self, context: int) -> Fixed | None:
        if context not in self._known:
            self._known[context] = self._ask(context)
        return self._known[context]

    def _ask(self, context: int) -> Fixed | None:
        shape = self.priced
        settings = LoadSettings(
            context_tokens=context,
            gpu_layers=shape.n_layers + 1,
            embedding=shape.cacheless or self._embedding,
        )
        found = estimate(shape, settings, [Gpu(GPU, 1 << 62)])
        if found is None:
            return None
        factor = ALIKE_FACTOR if self.rough else 1.0
        needs = {need.name: need for need in found.devices}
        gpu, host = needs[GPU], needs[HOST]
        return Fixed(
            gpu.kv_bytes.value + host.kv_bytes.value,
            round(gpu.compute_bytes.value * factor),
            gpu.overhead_bytes.value,
            host.compute_bytes.value + host.overhead_bytes.value,
        )

    @cached_property
    def works(self) -> dict[Verdict, Work]:
        """The work of a token, all on the GPU, with the experts on the host, and all on it.

        With an f16 cache: in a conversation of `SPEED_DEPTH` tokens another type changes the
        speed by a few percent.
        """
        shape, there = self.shape, {GPU: self.shape.n_layers}
        return {
            "gpu": work_of(shape, layers_on=there),
            "experts_on_cpu": work_of(shape, layers_on=there, experts_on_cpu=True),
            "cpu": work_of(shape),
        }


class Load:
    """A file of a model: its body, scaled to the file's size.

    Args:
        scale: the file's bytes by the body's; 1 where the shape is the file's own.
        main_type: the type of most weights, where the shape does not say.
        extra_bytes: what is loaded beside it (a projector), on the GPU where there is room.
    """

    def __init__(
        self, body: Body, scale: float, main_type: str | None = None, extra_bytes: int = 0
    ) -> None:
        self.body = body
        self.scale = scale
        self.main_type = main_type
        self.extra_bytes = extra_bytes
        self._rated: tuple[Speeds | None, dict[Verdict, SpeedFigure | None]] = (None, {})

    def prepare(self) -> None:
        """Compute all that a ranking will ask."""
        self.body.prepare()
        _ = self.works

    def placements(self, context: int, kv_type: str, room: Room) -> list[Placement] | None:
        """The ways worth asking for that fit; None where only the engine can tell.

        What fits on the GPU whole is not placed otherwise; "partial" is with as many layers as
        the GPU holds.
        """
        fixed = self.body.fixed(context, kv_type)
        if fixed is None:
            return None
        body, scale = self.body, self.scale
        inputs, layers = scale * body.inputs_bytes, scale * body.layers_bytes
        experts = scale * body.experts_bytes
        head = scale * (body.head_bytes + body.tied_head_bytes)
        n_layers = body.shape.n_layers
        found: list[Placement] = []

        def keep(verdict: Verdict, layers_on_gpu: int, gpu: float, host: float) -> None:
            if room.holds(host, gpu):
                found.append(Placement(verdict, layers_on_gpu, round(gpu), round(host)))

        if room.gpu:
            # Each of several GPUs works, and loses up to a layer where the next one begins.
            lost = (room.gpus - 1) * scale * body.largest_layer_bytes
            taken = room.gpus * (fixed.work + fixed.context) + lost + self.extra_bytes
            gpu = layers + head + fixed.kv + taken
            host = inputs + fixed.host
            keep("gpu", n_layers, gpu, host)
            if found:
                return found
            if experts:
                keep("experts_on_cpu", n_layers, gpu - experts, host + experts + fixed.work)

            # The engine counts the output as the last layer: it goes with those on the GPU.
            sums, weights = body.cell_sums(kv_type), body.layer_sums
            full, seen = body.cells(context)

            def last(count: int) -> float:
                everywhere, windowed, states = sums[count]
                cache = everywhere * full + windowed * seen + states
                return scale * weights[count] + cache

            count = bisect_right(range(n_layers), room.gpu - taken - head, key=last) - 1
            if count > 0:
                here = last(count)
                rest = layers + fixed.kv - here
                keep("partial", count, here + head + taken, host + rest + fixed.work)
        everything = inputs + layers + scale * (body.head_bytes + body.copied_bytes) + fixed.kv
        keep("cpu", 0, 0, everything + fixed.work + fixed.host + self.extra_bytes)
        return found

    def decode(self, placement: Placement, speeds: Speeds) -> SpeedFigure | None:
        """Generated tokens per second in a conversation of `SPEED_DEPTH` tokens.

        None where a device's speed is not known.
        """
        if placement.verdict != "partial":
            return self._rate(placement.verdict, speeds)
        fast, slow = self._rate("gpu", speeds), self._rate("cpu", speeds)
        if fast is None or slow is None:
            return None
        share = placement.layers_on_gpu / self.body.shape.n_layers

        def mixed(one: float, other: float) -> float:  # the layers' times add up
            return 1 / (share / one + (1 - share) / other)

        source = slow.source if slow.source == "seed_table" else fast.source
        return SpeedFigure(
            mixed(fast.value, slow.value),
            mixed(fast.low, slow.low),
            mixed(fast.high, slow.high),
            source,
        )

    def _rate(self, place: Verdict, speeds: Speeds) -> SpeedFigure | None:
        with_speeds, rates = self._rated
        if with_speeds is not speeds:  # another thread may ask with others
            rates = {}
            self._rated = (speeds, rates)
        if place not in rates:
            rates[place] = speeds.decode(self.works[place], SPEED_DEPTH)
        return rates[place]

    @cached_property
    def works(self) -> dict[Verdict, Work]:
        """The work of one token of this file, by where the model lies."""
        works = self.body.works
        if self.main_type is None:
            return works
        return {place: self._scaled(work) for place, work in works.items()}

    def _scaled(self, work: Work) -> Work:
        return replace(work, portions=tuple(self._portion(each) for each in work.portions))

    def _portion(self, portion: Portion) -> Portion:
        kind = self.main_type or ""
        return replace(
            portion,
            read_bytes={kind: portion.total_read_bytes * self.scale},
            held_bytes=portion.held_bytes * self.scale,
            macs={kind: sum(portion.macs.values())},
            expert_macs={kind: sum(portion.expert_macs.values())},
        )


def _padded(cells: int) -> int:
    return -(-cells // _CACHE_PAD) * _CACHE_PAD
