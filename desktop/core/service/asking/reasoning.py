"""How much a model thinks before it answers: OpenAI's efforts, and budgets in tokens."""

from __future__ import annotations

from typing import Any

from desktop.core.service.asking.abilities import Abilities
from desktop.core.service.asking.values import Body, flag, mapping, refused, whole

# Levels as OpenAI and others name them, by the three that templates know.
_LEVELS = {
    "none": "none",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
# Tokens for a model whose template has no levels: after so many the engine closes the thinking.
_BUDGETS = {"low": 1024, "medium": 8192, "high": -1}
_BUDGET_NAMES = ("thinking_budget_tokens", "reasoning_budget_tokens")
_MOST = 2**31 - 1


def check(body: Body) -> None:
    """Raises ApiError: 400 for an effort or a budget that is none."""
    _effort(body)
    _budget(body)
    _hidden(body)


def with_reasoning(body: Body, abilities: Abilities) -> tuple[Body, bool]:
    """The request in the engine's words.

    Returns: it, and whether the client wants no word of the thinking.
    """
    effort, budget, hidden = _effort(body), _budget(body), _hidden(body)
    gone = ("reasoning_effort", "reasoning", *_BUDGET_NAMES)
    asked = {name: value for name, value in body.items() if name not in gone}
    if effort == "none":
        given = body.get("chat_template_kwargs")
        kwargs = dict(given) if isinstance(given, dict) else {}
        kwargs["enable_thinking"] = False
        asked["chat_template_kwargs"] = kwargs
        asked["reasoning_effort"] = "none"
        budget = 0 if budget is None else budget
    elif effort is not None and abilities.effort is not False:
        asked["reasoning_effort"] = effort
    if budget is None and effort in _BUDGETS and abilities.effort is not True:
        budget = _BUDGETS[effort]
    if budget is not None:
        asked["reasoning_budget_tokens"] = budget
    return asked, hidden


def _object(body: Body) -> Body:
    found = body.get("reasoning")
    return {} if found is None else mapping(found, "reasoning")


def _effort(body: Body) -> str | None:
    param, value = "reasoning_effort", body.get("reasoning_effort")
    if value is None:
        param, value = "reasoning.effort", _object(body).get("effort")
    if value is None:
        enabled = _object(body).get("enabled")
        off = enabled is not None and not flag(enabled, "reasoning.enabled")
        return "none" if off else None
    if not isinstance(value, str) or value not in _LEVELS:
        raise refused(param, f"“{param}” must be one of {', '.join(_LEVELS)}.")
    return _LEVELS[value]


def _budget(body: Body) -> int | None:
    given: list[tuple[str, Any]] = [(name, body.get(name)) for name in _BUDGET_NAMES]
    given.append(("reasoning.max_tokens", _object(body).get("max_tokens")))
    for name, value in given:
        if value is not None:
            return whole(value, name, -1, _MOST)
    return None


def _hidden(body: Body) -> bool:
    exclude = _object(body).get("exclude")
    return exclude is not None and flag(exclude, "reasoning.exclude")
