"""Tools: what the engine is asked so that `tool_choice` holds, and the calls that come back.

llama-server knows "none", "auto" and "required" and takes a forced function for "auto"; where the
model's template has no tools it leaves them out and says nothing (measured, SERVER.md).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from desktop.core.service.api_errors import ApiError
from desktop.core.service.asking.rewrite import Chunk, Rewriter
from desktop.core.service.asking.values import Body, flag, mapping, refused

Mode = Literal["none", "auto", "required"]
_NAME_CHARS = 256
# A model whose template has no tools gets them described here, and is held to the form by a schema.
_NOTE = (
    "Answer by calling {what}. Fill in its arguments from the conversation, as JSON. "
    "These are the functions, each with the JSON schema of its arguments:\n{tools}"
)
_CALL = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(.*)', re.S)


@dataclass(frozen=True)
class Choice:
    """What a request says of tools.

    Attributes:
        tools: those that may be called, in OpenAI's shape.
        forced: one of them was named.
    """

    mode: Mode = "auto"
    tools: tuple[Body, ...] = ()
    forced: bool = False
    single: bool = False

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name_of(tool) for tool in self.tools)

    @property
    def must_call(self) -> bool:
        return bool(self.tools) and self.mode == "required"


def name_of(tool: Body) -> str:
    return str(tool["function"]["name"])


def choice_of(body: Body) -> Choice:
    """What a request says of tools.

    Raises:
        ApiError: 400 where it makes no sense, a name that is not offered among it.
    """
    tools = _tools(body.get("tools"))
    for old in ("functions", "function_call"):
        if body.get(old) is not None:
            raise refused(old, f"“{old}” is not supported; use “tools”.", "unsupported")
    single = body.get("parallel_tool_calls")
    single = single is not None and not flag(single, "parallel_tool_calls")
    mode, wanted = _mode(body.get("tool_choice"))
    if mode == "required" and not tools:
        raise refused("tool_choice", "“tool_choice” asks for a call, but no “tools” are given.")
    if wanted is None:
        return Choice(mode, tools, False, single)
    offered = {name_of(tool) for tool in tools}
    unknown = next((name for name in wanted if name not in offered), None)
    if unknown is not None:
        raise refused("tool_choice", f"There is no tool “{unknown[:100]}” among “tools”.")
    meant = tuple(tool for tool in tools if name_of(tool) in wanted)
    forced = mode == "required" and len(meant) == 1
    return Choice(mode, meant, forced, single or forced)


def _tools(value: Any) -> tuple[Body, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise refused("tools", "“tools” must be a list.")
    found: list[Body] = []
    names: set[str] = set()
    for tool in value:
        kind = mapping(tool, "tools").get("type", "function")
        if kind != "function":
            raise refused(
                "tools", f"A tool of type “{str(kind)[:50]}” is not known.", "unsupported"
            )
        function = mapping(tool.get("function"), "tools.function")
        name = function.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= _NAME_CHARS:
            raise refused("tools", f"A tool needs a name of 1 to {_NAME_CHARS} characters.")
        if function.get("parameters") is not None:
            mapping(function["parameters"], "tools.function.parameters")
        if name in names:
            raise refused("tools", f"There are two tools of the name “{name}”.")
        names.add(name)
        # What the engine does not know ("strict") is left out; a schema is always kept to.
        known = {key: function[key] for key in ("name", "description") if function.get(key)}
        parameters = function.get("parameters") or {"type": "object", "properties": {}}
        found.append({"type": "function", "function": {**known, "parameters": parameters}})
    return tuple(found)


def _mode(value: Any) -> tuple[Mode, list[str] | None]:
    """How tools are to be used, and which of them where not all."""
    if value is None:
        return "auto", None
    if value in ("none", "auto", "required"):
        return value, None
    if isinstance(value, dict):
        if value.get("type") == "function":
            function = value.get("function")
            name = (function if isinstance(function, dict) else value).get("name")
            if isinstance(name, str):
                return "required", [name]
        if value.get("type") == "allowed_tools":
            allowed = mapping(value.get("allowed_tools", value), "tool_choice.allowed_tools")
            mode, listed = allowed.get("mode", "auto"), allowed.get("tools")
            if mode in ("auto", "required") and isinstance(listed, list) and listed:
                names = [_mode(each)[1] for each in listed if isinstance(each, dict)]
                if len(names) == len(listed) and None not in names:
                    return mode, [name for each in names for name in each or ()]
    raise refused(
        "tool_choice",
        "“tool_choice” must be “none”, “auto”, “required” or "
        '{"type": "function", "function": {"name": …}}.',
    )


# --- asking ---------------------------------------------------------------------------------------


def ask_with_template(body: Body, choice: Choice) -> tuple[Body, list[Rewriter]]:
    """The request for a model whose template has tools.

    Where there must be a call, the engine's grammar still lets a model talk as long as it likes
    before it (tried with templates of Qwen and Llama): a form leaves it no room. A template for
    which the engine does not know forms is left with that grammar.
    """
    asked: Body = {**body, "tools": list(choice.tools), "tool_choice": choice.mode}
    if choice.single:
        asked["parallel_tool_calls"] = False
    if not choice.must_call:
        return asked, [CheckedCalls(choice)]
    return _in_form(asked, choice), [_CallsOfForm(choice), CheckedCalls(choice)]


def ask_with_schema(body: Body, choice: Choice) -> tuple[Body, list[Rewriter]]:
    """The request for a model whose template has none: a call is an answer in a given form."""
    asked = _in_form(without_tools(body), choice)
    one = choice.tools[0] if len(choice.tools) == 1 else None
    what = f"the function {name_of(one)}" if one is not None else "one of the functions below"
    described = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in choice.tools)
    asked["messages"] = _noted(body["messages"], _NOTE.format(what=what, tools=described))
    return asked, [_CallsOfForm(choice), CheckedCalls(choice)]


def _in_form(body: Body, choice: Choice) -> Body:
    """With the form of a call: a single tool's arguments, or a tool's name and its arguments."""
    one = choice.tools[0] if len(choice.tools) == 1 else None
    schema = _parameters(one) if one is not None else _any_call(choice.tools)
    form = {"name": "call", "strict": True, "schema": schema}
    asked = {name: value for name, value in body.items() if name not in ("json_schema", "grammar")}
    return {**asked, "response_format": {"type": "json_schema", "json_schema": form}}


def without_tools(body: Body) -> Body:
    gone = ("tools", "tool_choice", "parallel_tool_calls")
    return {name: value for name, value in body.items() if name not in gone}


def _parameters(tool: Body) -> Body:
    found: Body = tool["function"]["parameters"]
    return found if found.get("type") or not found else {"type": "object", **found}


def _any_call(tools: tuple[Body, ...]) -> Body:
    """Any one of the tools by its name; what their schemas refer to moves along with them."""
    defined = {str(at): _moved(_parameters(tool), f"#/$defs/{at}") for at, tool in enumerate(tools)}
    calls = [
        {
            "type": "object",
            "properties": {
                "name": {"const": name_of(tool)},
                "arguments": {"$ref": f"#/$defs/{at}"},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for at, tool in enumerate(tools)
    ]
    return {"anyOf": calls, "$defs": defined}


def _moved(schema: Any, to: str) -> Any:
    if isinstance(schema, list):
        return [_moved(each, to) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: to + value[1:]
        if key == "$ref" and isinstance(value, str) and value.startswith("#")
        else _moved(value, to)
        for key, value in schema.items()
    }


def _noted(messages: list[Any], note: str) -> list[Any]:
    """The conversation with a note beside its system prompt."""
    first = messages[0] if messages and isinstance(messages[0], dict) else {}
    if first.get("role") not in ("system", "developer"):
        return [{"role": "system", "content": note}, *messages]
    said = first.get("content")
    if isinstance(said, list):
        said = [*said, {"type": "text", "text": note}]
    else:
        said = f"{said or ''}\n\n{note}"
    return [{**first, "content": said}, *messages[1:]]


# --- what comes back ------------------------------------------------------------------------------


def new_call_id() -> str:
    return f"call_{secrets.token_hex(12)}"


class CheckedCalls(Rewriter):
    """The engine's calls: only of tools that were offered, with an id, one where only one may be.

    Raises (in the midst of an answer):
        ApiError: the model called something else, or nothing although it had to.
    """

    marks = (b'"tool_calls"', b'"finish_reason":"', b'"finish_reason": "')

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._begun: set[tuple[int, int]] = set()

    def chunk(self, chunk: Chunk) -> Iterable[Chunk]:
        for choice in chunk.get("choices") or ():
            index = int(choice.get("index", 0))
            delta = choice.get("delta") or {}
            if "tool_calls" in delta:
                delta["tool_calls"] = list(self._calls(index, delta["tool_calls"]))
                if not delta["tool_calls"]:
                    return ()
            if choice.get("finish_reason") == "stop" and self._choice.must_call:
                self._check_called(index)
        return (chunk,)

    def _calls(self, index: int, calls: list[Any]) -> Iterator[Any]:
        for call in calls:
            number = int(call.get("index", 0))
            if self._choice.single and number > 0:
                continue
            name = (call.get("function") or {}).get("name")
            if (index, number) not in self._begun and name:
                if name not in self._choice.names:
                    raise _model_failed(
                        f"The model called “{str(name)[:100]}”, which is none of the tools it was "
                        "offered.",
                        "unknown_tool",
                    )
                self._begun.add((index, number))
                call["id"] = call.get("id") or new_call_id()
                call["type"] = "function"
            yield call

    def _check_called(self, index: int) -> None:
        if not any(each == index for each, _ in self._begun):
            raise _model_failed("The model did not call any tool.", "tool_not_called")


def _model_failed(message: str, code: str) -> ApiError:
    return ApiError(502, message, error_type="server_error", code=code)


def _call(name: str | None, arguments: str) -> Body:
    function = {"arguments": arguments}
    if name is None:
        return {"index": 0, "function": function}
    return {
        "index": 0,
        "id": new_call_id(),
        "type": "function",
        "function": {"name": name, **function},
    }


class _CallsOfForm(Rewriter):
    """Answers in the form of a call, as calls; the engine's own calls go through.

    A single tool's arguments are passed on as they come, else a call is told whole at the end.
    """

    def __init__(self, choice: Choice) -> None:
        tools = choice.tools
        self._names = choice.names
        self._one = name_of(tools[0]) if len(tools) == 1 else None
        self._said: dict[int, str] = {}
        self._begun: set[int] = set()  # arguments that are being passed on
        self._called: set[int] = set()

    def chunk(self, chunk: Chunk) -> Iterable[Chunk]:
        wanted = not chunk.get("choices")
        for choice in chunk.get("choices") or ():
            index, delta = int(choice.get("index", 0)), choice.setdefault("delta", {})
            said = self._said.get(index, "") + (delta.pop("content", None) or "")
            if delta.get("role"):
                delta["content"] = None
            if delta.get("tool_calls"):
                self._called.add(index)
                if said.strip():
                    delta["content"] = said
                said = ""
            elif self._one is not None and (index in self._begun or said.lstrip()[:1] == "{"):
                if said:
                    delta["tool_calls"] = [_call(None if index in self._begun else self._one, said)]
                    self._begun.add(index)
                said = ""
            self._said[index] = said
            if choice.get("finish_reason"):
                yield from self._ended(chunk, choice, index)
            wanted = wanted or bool(delta) or bool(choice.get("finish_reason"))
        if wanted:
            yield chunk

    def _ended(self, chunk: Chunk, choice: Body, index: int) -> Iterator[Chunk]:
        """The end of an answer: the call in it, where it was not told yet."""
        whole = choice["finish_reason"] == "stop"
        if self._one is None and index not in self._called:
            found = _CALL.match(self._said[index])
            name = json.loads(found[1]) if found is not None else None
            if found is None or name not in self._names:
                return
            arguments = found[2].rstrip()
            if whole:
                arguments = arguments.removesuffix("}").rstrip()
            delta = {"tool_calls": [_call(name, arguments)]}
            yield {**chunk, "choices": [{"index": index, "delta": delta, "finish_reason": None}]}
            self._called.add(index)
        if whole and (index in self._called or index in self._begun):
            choice["finish_reason"] = "tool_calls"
