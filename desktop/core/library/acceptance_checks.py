"""The checks of a model that is loaded: a few short, greedy requests to its own engine.

What the engine offers is in tools/server/README.md of llama.cpp 0c1e570: `/props` has the template,
what it can do (`chat_template_caps`) and what the projector takes (`modalities`); `/apply-template`
renders a conversation without running the model. Nothing here renders a template itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from desktop.core.gguf.words import clean
from desktop.core.library.acceptance import CHECKS, Check, CheckName, Mark
from desktop.core.library.acceptance_engine import (
    Answer,
    Engine,
    EngineGone,
    Pace,
    Reply,
    TimedOut,
    answer_of,
    kind_of_error,
    mapping,
    prompt_of,
    reason,
    vectors_of,
)
from desktop.core.library.acceptance_signs import raw_token, thinking_tag, vision_sign

CONTEXT_TOKENS = 2048  # the longest request with its answer stays below
ANSWER_TOKENS = 192
CALL_TOKENS = 192
SCHEMA_TOKENS = 160
THINKING_TOKENS = 128  # after so many the engine closes the thinking itself
_CLOSING_TOKENS = 128  # for what a model thinks on in spite of that
_SEED = 1
_SHORT_PROMPT, _TOOL_PROMPT = 300, 700  # tokens, with what templates put around it
_RENDER_SECONDS = 60.0
_TOO_LONG = "exceed_context_size_error"
_ALIKE = 1e-5
_OFF_LENGTH = 0.01

_CJK = "これは日本語の文です。漢字もあります。"
_TURNS = (
    ("system", "Answer in short sentences."),
    ("user", "What is a paddock?"),
    ("assistant", "A field for horses."),
    ("user", _CJK),
)
_TOOL_NAME = "get_temperature"
_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": _TOOL_NAME,
        "description": "The temperature in a city, in degrees Celsius.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "The city's name."}},
            "required": ["city"],
        },
    },
}
_TOOL_QUESTION = "How warm is it in Kyoto now? Use the tool."
_TEMPERATURE = "21.5"
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
_SCHEMA_QUESTION = "Anna is 31 years old. Give her name and her age as JSON."
_TEXTS = ("A paddock is a small field.", "The price of copper rose again yesterday.", _CJK)


@dataclass(frozen=True)
class Subject:
    """What is known of the model before it is asked anything.

    Attributes:
        ranks: it ranks texts.
        dimension: how long its vectors are; None where the file does not say.
        has_template: its file holds a chat template.
        projector: it is loaded with one.
        offers_projector: whether its repository has one; None where nobody knows.
        thinks: whether the engine found thinking in its template; None where it did not say.
    """

    architecture: str | None = None
    n_layers: int | None = None
    embedding: bool = False
    ranks: bool = False
    dimension: int | None = None
    has_template: bool = True
    projector: bool = False
    offers_projector: bool | None = None
    thinks: bool | None = None


class _Verdict(NamedTuple):
    mark: Mark
    code: str
    params: dict[str, Any]

    def of(self, name: CheckName) -> Check:
        return Check(name, self.mark, self.code, self.params)


def _passed(code: str, **params: Any) -> _Verdict:
    return _Verdict("passed", code, params)


def _failed(code: str, **params: Any) -> _Verdict:
    return _Verdict("failed", code, params)


def _skipped(code: str, **params: Any) -> _Verdict:
    return _Verdict("skipped", code, params)


class _Refused(Exception):
    """The engine did not answer a request that it should answer."""

    def __init__(self, reply: Reply) -> None:
        self.verdict = _failed("refused", reason=reason(reply))
        if kind_of_error(reply) == _TOO_LONG:
            self.verdict = _skipped("too_long", tokens=CONTEXT_TOKENS)
        super().__init__(self.verdict.code)


def check_loaded(
    subject: Subject,
    engine: Engine,
    pace: Pace,
    on_check: Callable[[CheckName], None] = lambda name: None,
) -> Iterator[Check]:
    """All checks but "loads", in the order of `CHECKS`.

    After a request that was not answered in time the rest is skipped: the engine is still busy
    with it. The same after the engine ended.

    Args:
        on_check: told which one begins.
    """
    checks = _Checks(subject, engine, pace)
    given_up: _Verdict | None = None
    for name in CHECKS[1:]:
        on_check(name)
        if given_up is not None:
            yield given_up.of(name)
            continue
        try:
            yield checks.verdict(name).of(name)
        except _Refused as refused:
            yield refused.verdict.of(name)
        except TimedOut as late:
            given_up = _skipped("timed_out", seconds=late.seconds)
            yield given_up.of(name)
        except EngineGone as gone:
            given_up = _skipped("not_loaded")
            yield _failed("engine_ended", error=gone.error.to_dict()).of(name)


def check_unloaded(subject: Subject) -> list[Check]:
    """The checks but "loads" of a model that does not load; what is missing is still told."""
    checks = [_skipped("not_loaded").of(name) for name in CHECKS[1:-1]]
    missing = _skipped("not_loaded") if subject.projector else _without_projector(subject, "")
    return [*checks, missing.of("vision")]


def _without_projector(subject: Subject, template: str) -> _Verdict:
    """What is to be said of a model that has no projector beside it."""
    sign = vision_sign(subject.architecture, subject.n_layers, template)
    if sign is None:
        return _skipped("vision_none")
    if sign == "template" and subject.offers_projector is False:
        return _skipped("vision_text")
    sure = sign == "architecture" or subject.offers_projector
    return _failed("vision_missing" if sure else "vision_maybe")


@dataclass
class _Props:
    """What `/props` says of the model."""

    template: str = ""
    caps: dict[str, Any] = field(default_factory=dict)
    modalities: dict[str, Any] = field(default_factory=dict)
    special: tuple[str, ...] = ()

    @classmethod
    def of(cls, reply: Reply) -> _Props:
        props = mapping(reply.body) if reply.status == 200 else {}
        texts = [props.get(name) for name in ("chat_template", "chat_template_tool_use")]
        return cls(
            "\n".join(text for text in texts if isinstance(text, str)),
            mapping(props.get("chat_template_caps")),
            mapping(props.get("modalities")),
            tuple(str(props[name]) for name in ("bos_token", "eos_token") if props.get(name)),
        )


class _Checks:
    def __init__(self, subject: Subject, engine: Engine, pace: Pace) -> None:
        self._subject = subject
        self._engine = engine
        self._pace = pace
        self._known_props: _Props | None = None
        self._switchable = False  # whether thinking can be switched off
        self._greeting: Answer | None = None

    def verdict(self, name: CheckName) -> _Verdict:
        """The outcome of one check; they are asked for in the order of `CHECKS`.

        Raises:
            _Refused, TimedOut, EngineGone.
        """
        of_text: dict[CheckName, Callable[[], _Verdict]] = {
            "template": self._template,
            "stops": self._stops,
            "tools": self._tools,
            "schema": self._schema,
            "thinking": self._thinking,
        }
        if name in of_text:
            return _skipped("makes_vectors") if self._subject.embedding else of_text[name]()
        return self._embeddings() if name == "embeddings" else self._vision()

    # --- asking -------------------------------------------------------------------------------

    @property
    def _props(self) -> _Props:
        if self._known_props is None:
            self._known_props = _Props.of(self._engine.ask("/props", None, _RENDER_SECONDS))
        return self._known_props

    @property
    def _thinks(self) -> bool:
        """Whether the template knows thinking, as far as can be told."""
        if self._switchable or self._subject.thinks is not None:
            return self._switchable or bool(self._subject.thinks)
        return thinking_tag(self._props.template) is not None

    def _render(self, messages: list[dict[str, Any]], **more: Any) -> Reply:
        body = {"messages": messages, **more}
        return self._engine.ask("/apply-template", body, _RENDER_SECONDS)

    def _chat(
        self,
        messages: list[dict[str, Any]],
        tokens: int,
        prompt_tokens: int = _SHORT_PROMPT,
        *,
        thinking: bool = False,
        **more: Any,
    ) -> Answer:
        """A greedy answer of at most so many tokens; thinking, where it cannot be left out, has
        room beside them."""
        room = 0
        if thinking or (self._thinks and not self._switchable):
            more["thinking_budget_tokens"] = THINKING_TOKENS
            room = THINKING_TOKENS + _CLOSING_TOKENS
        elif self._switchable:
            more["chat_template_kwargs"] = {"enable_thinking": False}
        sampling = {"max_tokens": tokens + room, "temperature": 0, "seed": _SEED}
        body = {"messages": messages, **sampling, **more}
        seconds = self._pace.seconds(prompt_tokens, tokens + room)
        reply = self._engine.ask("/v1/chat/completions", body, seconds)
        answer = answer_of(reply)
        if answer is None:
            raise _Refused(reply)
        return answer

    # --- the checks ---------------------------------------------------------------------------

    def _template(self) -> _Verdict:
        messages = [{"role": role, "content": content} for role, content in _TURNS]
        reply = self._render(messages)
        system = prompt_of(reply) is not None
        if not system:
            messages = messages[1:]
            reply = self._render(messages)
        prompt = prompt_of(reply)
        if prompt is None:
            return _failed("template_error", reason=reason(reply))
        on, off = (
            prompt_of(self._render(messages[-1:], chat_template_kwargs={"enable_thinking": wanted}))
            for wanted in (True, False)
        )
        self._switchable = None not in (on, off) and on != off
        if not self._subject.has_template:
            return _failed("template_missing")
        lost = {place for place, each in enumerate(messages) if each["content"] not in prompt}
        if len(messages) - 1 in lost:
            return _failed("template_loses")
        if lost - {0} or (lost and not system):
            return _failed("template_forgets")
        if lost or not system:
            return _passed("template_no_system")
        knows = self._props.caps.get("supports_system_role", True)
        return _passed("template_ok" if knows else "template_merges_system")

    def _stops(self) -> _Verdict:
        answer = self._chat([{"role": "user", "content": "Say hello."}], ANSWER_TOKENS)
        self._greeting = answer
        token = raw_token(answer.text, self._props.special)
        if token is not None:
            return _failed("stops_raw", token=token)
        if answer.finish == "length":
            return _failed("stops_endless", tokens=answer.tokens)
        if not answer.text.strip() and not answer.thoughts.strip():
            return _failed("stops_empty")
        return _passed("stops_ok", tokens=answer.tokens)

    def _tools(self) -> _Verdict:
        caps = self._props.caps
        offered = caps.get("supports_tools") or caps.get("supports_tool_calls")
        if not self._subject.has_template or not offered:
            return _skipped("tools_none")
        messages: list[dict[str, Any]] = [{"role": "user", "content": _TOOL_QUESTION}]
        tools: dict[str, Any] = {"tools": [_TOOL], "parallel_tool_calls": False}
        first = self._chat(messages, CALL_TOKENS, _TOOL_PROMPT, tool_choice="required", **tools)
        if not first.calls:
            return _failed("tools_no_call")
        named = mapping(first.calls[0].get("function")).get("name")
        if named != _TOOL_NAME:
            return _failed("tools_other_name", name=clean(str(named), 64))
        if not _are_wanted(first.calls[0]):
            return _failed("tools_bad_arguments")
        called = {"id": "call00001", "type": "function", **first.calls[0]}
        messages = [
            *messages,
            {"role": "assistant", "content": first.text, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": called["id"], "content": _TEMPERATURE},
        ]
        rendered = prompt_of(self._render(messages, **tools))
        if rendered is not None and _TEMPERATURE not in rendered:
            return _failed("tools_result_lost")
        self._chat(messages, CALL_TOKENS, _TOOL_PROMPT, **tools)
        return _passed("tools_ok")

    def _schema(self) -> _Verdict:
        wanted = {"name": "person", "strict": True, "schema": _SCHEMA}
        answer = self._chat(
            [{"role": "user", "content": _SCHEMA_QUESTION}],
            SCHEMA_TOKENS,
            response_format={"type": "json_schema", "json_schema": wanted},
        )
        try:
            found = json.loads(answer.text)
        except ValueError:
            if answer.finish == "length":
                return _failed("schema_endless", tokens=answer.tokens)
            return _failed("schema_not_json")
        return _passed("schema_ok") if _is_person(found) else _failed("schema_wrong")

    def _thinking(self) -> _Verdict:
        shown = thinking_tag(self._greeting.text) if self._greeting else None
        if shown is not None:  # also where the template knows nothing of it
            return _failed("thinking_leaks", tag=shown)
        if not self._thinks:
            return _skipped("thinking_none")
        question = [{"role": "user", "content": "What is 7 + 5?"}]
        answer = self._chat(question, ANSWER_TOKENS, thinking=True)
        shown = thinking_tag(answer.text)
        if shown is not None:
            return _failed("thinking_leaks", tag=shown)
        if answer.thoughts.strip() and not answer.text.strip():
            return _failed("thinking_open", tokens=answer.tokens)
        if self._switchable:
            quiet = self._chat(question, ANSWER_TOKENS)
            if quiet.thoughts.strip() or thinking_tag(quiet.text) is not None:
                return _failed("thinking_stays")
        if not answer.thoughts.strip():
            return _skipped("thinking_unseen")
        return _passed("thinking_ok" if self._switchable else "thinking_always")

    def _embeddings(self) -> _Verdict:
        if not self._subject.embedding:
            return _skipped("embeddings_none")
        if self._subject.ranks:
            return _skipped("embeddings_ranks")
        body = {"input": list(_TEXTS), "encoding_format": "float"}
        reply = self._engine.ask("/v1/embeddings", body, self._pace.seconds(_SHORT_PROMPT, 0))
        vectors = vectors_of(reply)
        if vectors is None or len(vectors) != len(_TEXTS):
            raise _Refused(reply)
        wanted = self._subject.dimension or len(vectors[0])
        for vector in vectors:
            if len(vector) != wanted:
                return _failed("embeddings_dimension", found=len(vector), dimension=wanted)
            if not all(math.isfinite(number) for number in vector):
                return _failed("embeddings_not_finite")
            length = math.hypot(*vector)
            if abs(length - 1) > _OFF_LENGTH:
                return _failed("embeddings_not_normal", length=round(length, 3))
        one, other, _ = vectors
        if max(abs(a - b) for a, b in zip(one, other, strict=True)) < _ALIKE:
            return _failed("embeddings_alike")
        return _passed("embeddings_ok", dimension=wanted)

    def _vision(self) -> _Verdict:
        subject = self._subject
        if subject.projector:
            takes = any(self._props.modalities.values())
            return _passed("vision_ok") if takes else _failed("vision_unused")
        of_its_own = subject.has_template and not subject.embedding
        return _without_projector(subject, self._props.template if of_its_own else "")


def _are_wanted(call: dict[str, Any]) -> bool:
    """Whether a call's arguments are what the tool takes."""
    arguments = mapping(call.get("function")).get("arguments")
    try:
        found = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return False
    city = mapping(found).get("city")
    return isinstance(city, str) and bool(city.strip())


def _is_person(found: Any) -> bool:
    """Whether a value keeps to `_SCHEMA`."""
    if not isinstance(found, dict) or set(found) != set(_SCHEMA["properties"]):
        return False
    name, age = found["name"], found["age"]
    return isinstance(name, str) and isinstance(age, int) and not isinstance(age, bool)
