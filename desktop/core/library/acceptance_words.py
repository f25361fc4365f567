"""The English words of every mark: what was found, why, and what to do about it.

The window translates them under the context "Acceptance", with the titles of the checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop.core.errors import AppError, Words
from desktop.core.library.acceptance import Check, CheckName

TITLES: dict[CheckName, str] = {
    "loads": "Loads",
    "template": "Chat template",
    "stops": "Stops by itself",
    "tools": "Calls tools",
    "schema": "Keeps to a JSON schema",
    "thinking": "Thinking",
    "embeddings": "Embeddings",
    "vision": "Pictures and sound",
}

_OTHER_FILE = "Get another or a newer file of this model: its converter may have been at fault."
_PROJECTOR = (
    "Get the projector, a file with “mmproj” in its name, from where the model came from, and put "
    "it into the model's folder. `paddock pull` brings it along."
)

WORDS: dict[str, Words] = {
    # of any check
    "not_loaded": Words("Not tried", "The model did not load.", ""),
    "makes_vectors": Words("Not tried", "It makes vectors and no text.", ""),
    "timed_out": Words(
        "Not finished",
        "There was no answer within {seconds} seconds.",
        "Try again when nothing else uses the machine.",
    ),
    "engine_ended": Words(
        "The engine ended",
        "{reason}",
        "Try again; when it ends once more, get another quant of the model or a newer engine.",
    ),
    "refused": Words(
        "The engine gave no answer", "It said: {reason}", _OTHER_FILE
    ),
    "too_long": Words(
        "Not tried",
        "What its chat template puts around a question is longer than the {tokens} tokens of this "
        "test.",
        "",
    ),
    # loads
    "loads_ok": Words("It loads", "It was ready after {seconds} seconds.", ""),
    "loads_failed": Words("It does not load", "{reason}", "{remedy}"),
    "loads_template": Words(
        "It does not load",
        "The engine cannot read its chat template: {reason}",
        "Get another or a newer file of this model, with a chat template that was corrected.",
    ),
    # template
    "template_ok": Words("Conversations are put into the model's own form", "", ""),
    "template_merges_system": Words(
        "Conversations are put into the model's own form",
        "It knows no system prompt: the engine puts it before the first question.",
        "",
    ),
    "template_missing": Words(
        "It has no chat template",
        "Conversations get a common form that the model may not know, so that its answers can be "
        "confused or endless.",
        "For chats get a model made for them: “instruct”, “chat” or “it” is in its name. A base "
        "model that only continues texts works as it is.",
    ),
    "template_error": Words(
        "Its chat template does not work", "The engine said: {reason}", _OTHER_FILE
    ),
    "template_no_system": Words(
        "Conversations are put into the model's own form",
        "It knows no system prompt: one has no effect.",
        "",
    ),
    "template_loses": Words(
        "Its chat template loses words",
        "A question with Japanese characters does not reach the model unchanged.",
        _OTHER_FILE,
    ),
    "template_forgets": Words(
        "Its chat template loses what was said before",
        "Of a conversation the last question reaches the model, and not all that came before it.",
        "Ask each question by itself. For conversations get a model that is made for them.",
    ),
    # stops
    "stops_ok": Words("It ends its answers", "A short answer ended after {tokens} tokens.", ""),
    "stops_endless": Words(
        "It does not stop",
        "A greeting did not end within {tokens} tokens: the file may name the wrong stop token, or "
        "the model does not chat.",
        "Get another or a newer file of this model, or set a limit for the length of answers.",
    ),
    "stops_raw": Words(
        "Special tokens show in its answers",
        "“{token}” stands in an answer as plain text: the file does not say that it is a special "
        "token.",
        _OTHER_FILE,
    ),
    "stops_empty": Words("It answers nothing", "A greeting got an empty answer.", _OTHER_FILE),
    # tools
    "tools_ok": Words("It calls tools", "It called one and took the result.", ""),
    "tools_none": Words("Not tried", "Its chat template knows no tools.", ""),
    "tools_no_call": Words(
        "It did not call the tool",
        "It was told to use a tool and answered without.",
        "Use another model for agents and tools; for chats nothing is missing.",
    ),
    "tools_other_name": Words(
        "It calls tools that do not exist",
        "It called “{name}”, which it was not offered.",
        "Use a larger model or a better quant for agents and tools.",
    ),
    "tools_bad_arguments": Words(
        "It calls tools with wrong arguments",
        "They are not what the tool takes.",
        "Use a larger model or a better quant for agents and tools.",
    ),
    "tools_result_lost": Words(
        "A tool's result does not reach it",
        "Its chat template leaves the result out.",
        _OTHER_FILE,
    ),
    # schema
    "schema_ok": Words("It keeps to a JSON schema", "", ""),
    "schema_not_json": Words(
        "Its answer to a JSON schema is no JSON",
        "The engine holds a model to the schema; with this one it did not succeed.",
        "Use another model where programs read the answers, or try a newer engine.",
    ),
    "schema_wrong": Words(
        "Its answer does not keep to the JSON schema",
        "It is JSON with other keys or other kinds of values.",
        "Use another model where programs read the answers, or try a newer engine.",
    ),
    "schema_endless": Words(
        "Its answer to a JSON schema does not end",
        "It was not whole after {tokens} tokens.",
        "Use another model where programs read the answers.",
    ),
    # thinking
    "thinking_none": Words("Not tried", "Its chat template knows no thinking.", ""),
    "thinking_ok": Words(
        "Thinking is kept apart from the answer", "It can be switched off.", ""
    ),
    "thinking_always": Words(
        "Thinking is kept apart from the answer", "It cannot be switched off.", ""
    ),
    "thinking_unseen": Words(
        "Not seen", "Its chat template knows thinking; it answered without.", ""
    ),
    "thinking_leaks": Words(
        "Its thinking shows in the answers",
        "“{tag}” stands in an answer as plain text: the engine does not recognise it.",
        "Get a newer file of this model or a newer engine.",
    ),
    "thinking_open": Words(
        "Its thinking does not end",
        "There was no answer after {tokens} tokens of thinking.",
        "Give it more room: a larger context and no limit for the length of answers. If that does "
        "not help, get another file of this model.",
    ),
    "thinking_stays": Words(
        "Its thinking cannot be switched off",
        "It goes on thinking although its chat template was told not to.",
        "Leave thinking on with this model, or get a newer file of it.",
    ),
    # embeddings
    "embeddings_none": Words("Not tried", "It makes text and no vectors.", ""),
    "embeddings_ranks": Words("Not tried", "It ranks texts and makes no vectors.", ""),
    "embeddings_ok": Words("It makes vectors", "{dimension} numbers for each text.", ""),
    "embeddings_dimension": Words(
        "Its vectors have the wrong length",
        "{found} numbers instead of {dimension}.",
        _OTHER_FILE,
    ),
    "embeddings_not_finite": Words(
        "Its vectors are no numbers", "There are values that are not finite.", _OTHER_FILE
    ),
    "embeddings_not_normal": Words(
        "Its vectors are not of length 1",
        "Programs that compare vectors expect a length of 1; it is {length}.",
        "Divide them by their length before you compare them.",
    ),
    "embeddings_alike": Words(
        "Different texts get the same vector",
        "Its tokenizer may know none of the words.",
        _OTHER_FILE,
    ),
    # vision
    "vision_none": Words("Not tried", "It is made for text alone.", ""),
    "vision_text": Words(
        "Not tried",
        "Its chat template takes pictures or sound, but its repository offers no projector: this "
        "one is made for text alone.",
        "",
    ),
    "vision_ok": Words("Its projector loads", "", ""),
    "vision_missing": Words(
        "Its projector is missing",
        "It is made for pictures or sound; without a projector beside it, it takes text alone.",
        _PROJECTOR,
    ),
    "vision_maybe": Words(
        "Its projector is missing",
        "Its chat template takes pictures or sound; without a projector beside it, it takes text "
        "alone. Some models share the template with a larger one that sees: then nothing is "
        "missing.",
        _PROJECTOR,
    ),
    "vision_failed": Words(
        "Its projector does not load",
        "Without the projector the model loads. With it: {reason}",
        "Get the projector that belongs to exactly this model.",
    ),
    "vision_no_room": Words(
        "Not tried", "Beside what is loaded now, its projector does not fit in memory.", ""
    ),
    "vision_unused": Words(
        "Its projector brings nothing",
        "It loads, but the engine takes neither pictures nor sound with it.",
        "Get the projector that belongs to exactly this model, or a newer engine.",
    ),
}  # fmt: skip


class _Params(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return f"({key})"


def filled(text: str, params: Mapping[str, Any]) -> str:
    """`text`, in whatever language, with its {fields} filled."""
    return text.format_map(_Params(params))


def error_of(check: Check) -> AppError | None:
    """The error that a mark tells of, where it is one of Paddock's own."""
    data = check.params.get("error")
    return AppError.from_dict(data) if isinstance(data, dict) else None


def words_of(check: Check) -> Words:
    """A mark's words, filled; those of a newer version are its code."""
    words = WORDS.get(check.code)
    if words is None:
        return Words(check.code, "", "")
    params = dict(check.params)
    error = error_of(check)
    if error is not None:
        params |= {"reason": str(error), "remedy": error.remedy}
    return Words(*(filled(text, params) for text in (words.title, words.cause, words.remedy)))
