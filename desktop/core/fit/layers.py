"""Which layer of a model goes to which device, as the engine decides it.

`load_tensors` of src/llama-model.cpp and common/fit.cpp in llama.cpp 0c1e570: the last layers go to
the GPUs, spread by their free memory; what was not chosen is placed so that a margin stays free.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from desktop.core.engine.flags import LoadSettings
from desktop.core.fit.estimate import HOST
from desktop.core.gguf.shape import ModelShape

# `fit_params_target` of common.h: what the engine leaves free when it places layers itself.
ENGINE_MARGIN_BYTES = 1 << 30


@dataclass(frozen=True)
class Gpu:
    """A device to place layers on.

    Attributes:
        free_bytes: what it can give now.
        tensor_split: its share when the model is spread over several; None: by free memory.
        unified: its memory is the host's.
        integrated: one chip with the CPU: the engine takes it only where there is no card, or
            where it was named.
        host_buffers: its driver gives host memory of its own, which the engine then prefers for
            the weights on the host (CUDA, HIP, Vulkan and SYCL do; Metal and RPC do not).
    """

    name: str
    free_bytes: int
    tensor_split: float | None = None
    unified: bool = False
    integrated: bool = False
    host_buffers: bool = True


@dataclass(frozen=True)
class Places:
    """Where each layer, its experts and the output lie: a GPU's name or HOST."""

    layers: tuple[str, ...]
    experts: tuple[str, ...]
    output: str

    @property
    def on_gpu(self) -> int:
        """Layers that lie on a GPU, without their experts or with them."""
        return sum(name != HOST for name in self.layers)


@dataclass(frozen=True)
class LayerCosts:
    """Bytes per layer (dense part with cache; experts) and of what comes with a device.

    Attributes:
        fixed: per device that computes anything: working memory.
        output: of the output layer.
    """

    dense: tuple[int, ...]
    experts: tuple[int, ...]
    output: int
    fixed: int


def chosen_gpus(settings: LoadSettings, gpus: Sequence[Gpu]) -> list[Gpu]:
    """The GPUs that the settings allow, each with the share they give it.

    As `llama_prepare_model_devices` of src/llama.cpp: those that were named, in their order; else
    the cards, and the integrated GPUs only where there is none; of them all with the split mode
    "none" the first.
    """
    if settings.device is not None:
        by_name = {gpu.name: gpu for gpu in gpus}
        wanted = [name.strip() for name in settings.device.split(",")]
        chosen = [by_name[name] for name in wanted if name in by_name]
    else:
        chosen = [gpu for gpu in gpus if not gpu.integrated] or list(gpus)
    if settings.split_mode == "none":
        chosen = chosen[:1]
    shares = settings.tensor_split
    if not any(shares[: len(chosen)]):  # nothing for any of them: the engine takes free memory
        return chosen
    return [
        replace(gpu, tensor_split=shares[index] if index < len(shares) else 0.0)
        for index, gpu in enumerate(chosen)
    ]


def place(
    shape: ModelShape, settings: LoadSettings, gpus: Sequence[Gpu], costs: LayerCosts
) -> Places:
    """Where everything goes with these settings."""
    usable = chosen_gpus(settings, gpus)
    count = shape.n_layers
    if not usable or settings.gpu_layers == 0:
        return Places((HOST,) * count, (HOST,) * count, HOST)
    if settings.gpu_layers is not None or settings.experts_on_cpu or settings.tensor_split:
        wanted = count + 1 if settings.gpu_layers is None else settings.gpu_layers
        return _spread(shape, settings, usable, wanted)
    whole = _spread(shape, settings, usable, count + 1)
    if _fits(whole, usable, costs):
        return whole
    return _filled(shape, usable, costs)


def _spread(shape: ModelShape, settings: LoadSettings, gpus: Sequence[Gpu], wanted: int) -> Places:
    """The last `wanted` layers (the output is the last), spread over the GPUs by their shares."""
    count = shape.n_layers
    shares = [gpu.free_bytes if gpu.tensor_split is None else gpu.tensor_split for gpu in gpus]
    total = sum(shares) or 1
    ends = [sum(shares[: index + 1]) / total for index in range(len(gpus))]
    start = max(count + 1 - wanted, 0)
    used = min(wanted, count + 1)
    layers = []
    for index in range(count + 1):
        if index < start:
            layers.append(HOST)
        else:
            which = bisect_right(ends, (index - start) / used)
            layers.append(gpus[min(which, len(gpus) - 1)].name)
    stay = settings.experts_on_cpu
    moved = count if stay is True else int(stay)
    experts = [HOST if index < moved else name for index, name in enumerate(layers[:count])]
    return Places(tuple(layers[:count]), tuple(experts), layers[count])


def _filled(shape: ModelShape, gpus: Sequence[Gpu], costs: LayerCosts) -> Places:
    """What the engine makes of it when not everything fits: as much as leaves its margin free.

    Of a model with experts the dense parts of all layers come first; else whole layers, from the
    output backwards.
    """
    count = shape.n_layers
    room = {gpu.name: gpu.free_bytes - ENGINE_MARGIN_BYTES - costs.fixed for gpu in gpus}
    routed = any(costs.experts)
    dense = [costs.dense[index] + (0 if routed else costs.experts[index]) for index in range(count)]
    layers, output = [HOST] * count, HOST
    order = [gpu.name for gpu in reversed(gpus)]
    place = 0
    for index in range(count, -1, -1):
        size = costs.output if index == count else dense[index]
        while place < len(order) and room[order[place]] < size:
            place += 1
        if place == len(order):
            break
        room[order[place]] -= size
        if index == count:
            output = order[place]
        else:
            layers[index] = order[place]
    experts = [
        name if not costs.experts[i] or not routed else HOST for i, name in enumerate(layers)
    ]
    if routed and HOST not in layers:
        for index in range(count):
            name = layers[index]
            if room[name] >= costs.experts[index]:
                room[name] -= costs.experts[index]
                experts[index] = name
    elif not routed:
        experts = list(layers)
    return Places(tuple(layers), tuple(experts), output)


def _fits(places: Places, gpus: Sequence[Gpu], costs: LayerCosts) -> bool:
    for gpu in gpus:
        need = costs.fixed + (costs.output if places.output == gpu.name else 0)
        for index, name in enumerate(places.layers):
            if name == gpu.name:
                need += costs.dense[index]
            if places.experts[index] == gpu.name:
                need += costs.experts[index]
        if need > gpu.free_bytes - ENGINE_MARGIN_BYTES:
            return False
    return True
