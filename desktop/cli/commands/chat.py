"""`paddock chat`: one answer, or a conversation in the terminal."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, Parser, UsageError, whole

if TYPE_CHECKING:
    from desktop.core.client.client import Client


def register(commands: Commands) -> None:
    talk_arguments(commands.add("chat", run, "ask a model, or talk with it"))


def talk_arguments(parser: Parser) -> None:
    parser.add_argument("model", metavar="MODEL", help="its id, alias or file name")
    parser.add_argument("-p", "--prompt", help="ask this and end; - reads it from stdin")
    parser.add_argument("--system", help="the system prompt")
    parser.add_argument("--temperature", type=_temperature, metavar="T", help="0 to 2")
    parser.add_argument("--max-tokens", type=whole(1, 10_000_000), metavar="N")


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2")
    return value


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    prompt = given_prompt(args, out)
    return talk(session.started(out), args, prompt, out, {})


def given_prompt(args: argparse.Namespace, out: Output) -> str | None:
    """What is to be asked; None: the person types.

    Raises:
        UsageError: it is empty, or missing with --json.
    """
    if out.json and args.prompt is None:
        raise UsageError("with --json a prompt is needed: -p PROMPT, or -p - for stdin", "")
    prompt: str | None = sys.stdin.read() if args.prompt == "-" else args.prompt
    if prompt is not None and not prompt.strip():
        raise UsageError("the prompt is empty", "")
    return prompt


def talk(
    client: Client,
    args: argparse.Namespace,
    prompt: str | None,
    out: Output,
    options: dict[str, Any],
) -> int:
    """Load the model, and ask it or let the person ask.

    Args:
        options: of `Client.load`.
    """
    from desktop.cli.answer import ask
    from desktop.cli.following import load

    loaded = load(client, args.model, {**options, "for_now": True}, out)
    conversation = Conversation(client, loaded["id"], out, args)
    if prompt is None:
        conversation.interact(f"Talking with {loaded['id']}. /exit or Ctrl-D leaves.")
    else:
        answer = ask(client, conversation.body(prompt), out)
        out.result(answer.to_dict())
        out.note(answer.figures())
        tell_cut(answer.finish_reason, out)
    return 0


def tell_cut(finish_reason: str | None, out: Output) -> None:
    """An answer that ended for want of room is not a whole one: that is said."""
    if finish_reason == "length":
        out.note("The answer was cut off: it reached --max-tokens or the end of the context.")


class Conversation:
    """Several turns with one model; what was said before goes along with each."""

    def __init__(
        self, client: Client, model: str, out: Output, args: argparse.Namespace | None = None
    ) -> None:
        self._client, self._model, self._out = client, model, out
        self._options: dict[str, Any] = {}
        self._messages: list[dict[str, str]] = []
        if args is not None and args.system:
            self._messages.append({"role": "system", "content": args.system})
        if args is not None and args.temperature is not None:
            self._options["temperature"] = args.temperature
        if args is not None and args.max_tokens is not None:
            self._options["max_tokens"] = args.max_tokens

    def body(self, prompt: str) -> dict[str, Any]:
        """The request with the conversation so far and this as its next turn."""
        messages = [*self._messages, {"role": "user", "content": prompt}]
        return {"model": self._model, "messages": messages, **self._options}

    def interact(self, hint: str) -> None:
        """Prompt, answer, and so on, until /exit or the end of the input.

        Ctrl-C stops an answer in progress; at the prompt it ends the program.
        """
        if self._out.interactive:
            self._out.note(hint)
        while (line := self._read()) is not None:
            if line.strip() in ("/exit", "/quit", "/bye"):
                return
            if line.strip():
                self._turn(line)

    def _read(self) -> str | None:
        return self._out.prompt() if self._out.interactive else sys.stdin.readline() or None

    def _turn(self, prompt: str) -> None:
        from desktop.cli.answer import ask
        from desktop.cli.app import Terminated, chat_error
        from desktop.core.client.client import ChatFailed

        body = self.body(prompt)
        try:
            answer = ask(self._client, body, self._out)
        except ChatFailed as error:
            if not self._out.interactive:
                raise
            self._out.error(chat_error(error))
            return
        except Terminated:
            raise
        except KeyboardInterrupt:
            if not self._out.interactive:
                raise
            self._out.line()
            self._out.note("(stopped)")
            return
        self._messages = [*body["messages"], {"role": "assistant", "content": answer.text}]
        self._out.note(answer.figures())
        tell_cut(answer.finish_reason, self._out)
