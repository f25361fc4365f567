"""How fast a priced model will be: its header's work, placed as the engine's plan places it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from desktop.core.fit.estimate import HOST, Estimate
from desktop.core.fit.speed import SpeedFigure
from desktop.core.fit.speed_predict import Asked, Predictor
from desktop.core.fit.speed_work import work_of
from desktop.core.gguf.shape import ModelShape

if TYPE_CHECKING:  # it brings the network along, which takes a third of a second to import
    from desktop.core.fit.subject import Subject

# A conversation of some length: at a model's full context it is slower, and that is told, too.
DEPTH_TOKENS = 1024
PROMPT_TOKENS = 512


@dataclass(frozen=True)
class ExpectedSpeed:
    """Tokens per second; None where nothing is known of a device or of the architecture.

    Attributes:
        decode: after a conversation of `DEPTH_TOKENS`, or the context where that is less.
        decode_full: where the context is nearly full.
        prefill: of a prompt of `PROMPT_TOKENS`.
    """

    decode: SpeedFigure | None = None
    decode_full: SpeedFigure | None = None
    prefill: SpeedFigure | None = None

    def to_dict(self) -> dict[str, Any]:
        def plain(figure: SpeedFigure | None) -> dict[str, Any] | None:
            return None if figure is None else figure.to_dict()

        return {
            "decode_tokens_per_second": plain(self.decode),
            "decode_full_context_tokens_per_second": plain(self.decode_full),
            "prefill_tokens_per_second": plain(self.prefill),
        }


def expected_speed(subject: Subject, estimate: Estimate, predictor: Predictor) -> ExpectedSpeed:
    """What one request at a time will get with the estimate's settings."""
    return speed_of_shape(
        ModelShape.of(subject.facts), estimate, predictor, fingerprint=subject.fingerprint
    )


def speed_of_shape(
    shape: ModelShape | None,
    estimate: Estimate,
    predictor: Predictor,
    *,
    fingerprint: str | None = None,
) -> ExpectedSpeed:
    """The same for a model whose layers are known.

    Args:
        fingerprint: of its file where that is here: what was measured with it counts.
    """
    if shape is None or not shape.n_layers:
        return ExpectedSpeed()
    architecture, settings = shape.architecture, estimate.settings
    work = work_of(
        shape,
        layers_on=layers_on(shape, estimate),
        experts_on_cpu=settings.experts_on_cpu,
        kv_type_k=settings.kv_type_k,
        kv_type_v=settings.kv_type_v,
    )

    def predicted(
        test: Literal["decode", "prefill"], depth: int = 0, tokens: int = 0
    ) -> SpeedFigure | None:
        asked = Asked(
            work,
            architecture,
            test,
            depth,
            tokens,
            model=fingerprint,
            settings=settings,
        )
        found = predictor.predict(asked)
        return None if found is None else found.shown

    last = settings.context_tokens - 1
    return ExpectedSpeed(
        decode=predicted("decode", min(DEPTH_TOKENS, last)),
        decode_full=predicted("decode", last),
        prefill=predicted("prefill", tokens=min(PROMPT_TOKENS, settings.context_tokens)),
    )


def layers_on(shape: ModelShape, estimate: Estimate) -> dict[str, int]:
    """How many layers lie on each GPU, from the weights the plan puts there.

    The engine fills its devices with whole layers, the last one's with the output matrix.
    """
    gpus = [need for need in estimate.devices if need.name != HOST]
    if not gpus or not shape.n_layers or estimate.settings.gpu_layers == 0:
        return {}
    on_host = estimate.settings.experts_on_cpu
    sizes = [
        layer.dense.size_bytes
        + (0 if on_host is True or index < int(on_host) else layer.experts.size_bytes)
        for index, layer in enumerate(shape.layers)
    ]
    placed: dict[str, int] = {}
    left = len(sizes)
    held = float(shape.head.size_bytes)
    for need in reversed(gpus):  # the last device holds the last layers
        room, count = need.weights_bytes.value - held, 0
        while left > 0 and room >= sizes[left - 1] / 2:
            room -= sizes[left - 1]
            left -= 1
            count += 1
        placed[need.name] = count
        held = 0.0
    return {need.name: placed[need.name] for need in gpus if placed[need.name]}
