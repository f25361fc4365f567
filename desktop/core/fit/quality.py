"""What a quantization costs: expected KL divergence and same-top-token rate, from tensor types.

A file is judged by what its tensors are made of, not by its label: files of one label differ by a
factor of five. The model: the divergence is a sum over what tensors are for, each with the
sensitivity of that role times the damage of its types. (For small errors the divergence grows with
the squared error of the logits, and independent errors' squares add up.)

Damage and sensitivity were fitted by least squares to the 26 files of llama.cpp's LLaMA 3 8b
scoreboard (`published.SCOREBOARD`), which they give back within 14 %. Size and band were fitted to
39 files of other models, from 0.6B to 109B (`published.OTHERS`): the figure is right within a
factor of 3 for 33 of them. Nearly all of what they deviate is between models, not between quants,
so the order of a model's own quants is far surer than the figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from desktop.core.fit.estimate import Source
from desktop.core.gguf.roles import ROLES
from desktop.core.gguf.shape import ModelShape

# Mean KL divergence in nats of an 8B model all of whose tensors were of this type.
# MXFP4 and NVFP4 after training: of Qwen3.6 27B and 35B-A3B (llama.cpp pull requests 23572 and
# 25153). Types a model must be trained for (ternary, 1 and 2 bit) have no figure.
DAMAGE: Mapping[str, float] = MappingProxyType(
    {
        "F32": 0.0,
        "F16": 0.0,
        "BF16": 0.0,
        "Q8_0": 0.00139,
        "Q6_K": 0.0056,
        "Q5_K": 0.01645,
        "Q5_1": 0.0199,
        "Q5_0": 0.02488,
        "Q4_K": 0.03949,
        "IQ4_NL": 0.04415,
        "IQ4_XS": 0.04495,
        "Q4_1": 0.07991,
        "Q4_0": 0.08113,
        "MXFP4": 0.10,
        "NVFP4": 0.10,
        "IQ3_S": 0.14843,
        "IQ3_XXS": 0.21848,
        "Q3_K": 0.22839,
        "IQ2_S": 0.50789,
        "IQ2_XS": 0.71129,
        "Q2_K": 0.81312,
        "IQ2_XXS": 1.10854,
        "IQ1_M": 2.11325,
        "IQ1_S": 3.62494,
    }
)
SENSITIVITY: Mapping[str, float] = MappingProxyType(
    {
        "ffn_down": 0.375,
        "ffn": 0.154,
        "attn_v": 0.137,
        "attn_output": 0.111,
        "output": 0.100,
        "attention": 0.098,
        "embedding": 0.025,
    }
)
_REFERENCE_PARAMETERS = 8.03e9
# Larger models lose less: (8 billion / parameters) to this power, times the level of today's
# models against Llama 3 8B, which is sensitive for its size.
_SIZE_EXPONENT = 0.35
_LEVEL = 0.72
_SMALLEST, _LARGEST = 1e8, 4e11  # nothing was measured beyond
BAND = 3.0
# 1 - rate = factor × divergence to the power: fitted to the 21 files of which both are known.
_DIFFER_FACTOR, _DIFFER_POWER, _DIFFER_BAND = 0.39, 0.467, 1.3
# Trained in this type: it costs nothing.
NATIVE: Mapping[str, str] = MappingProxyType({"gpt-oss": "MXFP4", "deepseek4": "MXFP4"})
_CONFIDENCE = 1.96  # standard errors on each side hold 95 % of what is normally distributed
_STRAY = 0.005  # a smaller share of a role is a stray tensor

Level = Literal["near_lossless", "good", "visible", "strong", "broken"]
# Upper bounds of the mean divergence. Under 0.005 is typical of good 6-bit files, 0.01 to 0.05 of
# 4-bit ones; above 0.1 answers differ plainly (smcleod.net, "Measuring model quantisation quality
# with KL divergence", 2026-04).
_LEVELS: tuple[tuple[float, Level], ...] = (
    (0.01, "near_lossless"),
    (0.05, "good"),
    (0.15, "visible"),
    (0.5, "strong"),
)

RoleTypes = Mapping[str, Mapping[str, float]]  # role -> type -> weights or their share


@dataclass(frozen=True)
class Band:
    """A figure with its band and where it comes from."""

    value: float
    low: float
    high: float
    source: Source

    def to_dict(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high, "source": self.source}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Band:
        return cls(data["value"], data["low"], data["high"], data["source"])


@dataclass(frozen=True)
class Loss:
    """What a file loses against the model at 16 bits.

    Attributes:
        kld_mean: mean KL divergence in nats per token.
        same_top_rate: how often its most likely token is the 16-bit model's, from 0 to 1.
    """

    kld_mean: Band
    same_top_rate: Band

    @property
    def level(self) -> Level:
        """The loss in one word."""
        for bound, name in _LEVELS:
            if self.kld_mean.value <= bound:
                return name
        return "broken"

    def to_dict(self) -> dict[str, Any]:
        return {
            "kld_mean": self.kld_mean.to_dict(),
            "same_top_rate": self.same_top_rate.to_dict(),
            "level": self.level,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Loss:
        """The inverse of `to_dict`."""
        return cls(Band.from_dict(data["kld_mean"]), Band.from_dict(data["same_top_rate"]))


LEVELS: tuple[Level, ...] = (*(name for _, name in _LEVELS), "broken")


def level_bound(level: Level) -> float:
    """The largest mean divergence of a level but the last."""
    return next(bound for bound, name in _LEVELS if name == level)


def measured_loss(
    kld_mean: float,
    same_top_rate: float,
    *,
    kld_error: float = 0.0,
    same_top_error: float = 0.0,
) -> Loss:
    """A file's own loss, as `llama-perplexity --kl-divergence` measured it here.

    Args:
        kld_error, same_top_error: standard errors; the bands hold at 95 %.
    """
    kld, half = max(0.0, kld_mean), _CONFIDENCE * kld_error
    rate, half_rate = same_top_rate, _CONFIDENCE * same_top_error
    return Loss(
        Band(kld, max(0.0, kld - half), kld + half, "measured"),
        Band(rate, max(0.0, rate - half_rate), min(1.0, rate + half_rate), "measured"),
    )


def loss_of_shape(shape: ModelShape) -> Loss | None:
    """The expected loss of a file, from its header's tensors.

    None where the shape has none (a table's row) or where most of it is of a type that nobody
    measured.
    """
    if not shape.roles:
        return None
    native = NATIVE.get(shape.architecture)
    roles = _merged(shape.roles, _share_of_experts(shape), native)
    return expected_loss(roles, effective_parameters(shape))


def _share_of_experts(shape: ModelShape) -> float:
    """How many of the experts work on one token."""
    used = max((layer.n_experts_used for layer in shape.layers), default=0)
    return min(1.0, used / shape.n_experts) if shape.n_experts else 1.0


def effective_parameters(shape: ModelShape) -> float:
    """What a model counts as: its weights; of a mixture the geometric mean of all and used."""
    total = shape.embedding.count + shape.output.count + shape.dense.count + shape.experts.count
    active = total - shape.experts.count * (1 - _share_of_experts(shape))
    return math.sqrt(total * active)


def _merged(
    roles: Mapping[str, Mapping[str, int]], share: float, native: str | None
) -> dict[str, dict[str, float]]:
    """Experts as what they are for; each counts as often as it is used."""
    made: dict[str, dict[str, float]] = {}
    for role, kinds in roles.items():
        plain = role.removeprefix("expert_")
        target = made.setdefault(plain, {})
        for kind, count in kinds.items():
            name = "F16" if kind == native else kind
            target[name] = target.get(name, 0.0) + count * (share if plain != role else 1.0)
    return made


def expected_loss(roles: RoleTypes, effective_parameters: float) -> Loss | None:
    """The expected loss of a mix of types.

    Args:
        roles: weights, or shares of them, by role and type. A missing "output" is the embedding;
            missing values are part of "attention"; other missing roles are left out of account.
        effective_parameters: of a dense model; of a mixture the geometric mean of all and used.

    Returns:
        None where a type has no published figure, or where there is nothing to judge.
    """
    present = {
        role: kinds for role, kinds in roles.items() if role in ROLES and any(kinds.values())
    }
    damage, weight = 0.0, 0.0
    for role in ROLES:
        kinds = present.get(role) or present.get(_STANDS_FOR.get(role, ""))
        if kinds is None:
            continue
        mean = _mean_damage(kinds)
        if mean is None:
            return None
        damage += SENSITIVITY[role] * mean
        weight += SENSITIVITY[role]
    if not weight:
        return None
    size = min(max(effective_parameters, _SMALLEST), _LARGEST)
    factor = _LEVEL * math.pow(_REFERENCE_PARAMETERS / size, _SIZE_EXPONENT)
    kld = factor * damage / weight
    low, high = kld / BAND, kld * BAND
    return Loss(
        Band(kld, low, high, "seed_table"),
        Band(
            same_top_rate(kld),
            max(0.0, 1 - (1 - same_top_rate(high)) * _DIFFER_BAND),
            1 - (1 - same_top_rate(low)) / _DIFFER_BAND,
            "seed_table",
        ),
    )


_STANDS_FOR: Mapping[str, str] = MappingProxyType({"output": "embedding", "attn_v": "attention"})


def _mean_damage(kinds: Mapping[str, float]) -> float | None:
    total = sum(kinds.values())
    known = {kind: count for kind, count in kinds.items() if kind in DAMAGE}
    counted = sum(known.values())
    if total - counted > _STRAY * total:
        return None
    return sum(DAMAGE[kind] * count for kind, count in known.items()) / counted


def same_top_rate(kld_mean: float) -> float:
    """How often the most likely token stays the same at this divergence."""
    return 1 - min(1.0, _DIFFER_FACTOR * math.pow(max(0.0, kld_mean), _DIFFER_POWER))
