"""`paddock tour`, and `paddock` without a screen: the whole job in the terminal, in a minute.

What this machine is, the bundled model loaded, one question answered with its measured speed, the
server's address, then a prompt. Where nobody sits at the terminal, what was started is stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

if TYPE_CHECKING:
    from desktop.cli.answer import Answer
    from desktop.core.client.client import Client
    from desktop.core.hardware.probe import Hardware

ANSWER_TOKENS = 512  # far more than it needs: a bound on a model that does not find its end


@dataclass
class _Started:
    """What this run started, for it is stopped again; and what there is to tell of it."""

    client: Client | None = None
    service: bool = False
    model: str | None = None
    public: bool = False
    document: dict[str, Any] = field(default_factory=dict)


def register(commands: Commands) -> None:
    commands.add(
        "tour",
        run,
        "this machine, the bundled model, one answer with its speed, then a chat",
    )


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli.texts import tour_texts

    texts, started = tour_texts(), _Started()
    try:
        code = _tour(texts, started, out)
        stays = out.interactive
        if stays:
            from desktop.cli.commands.chat import Conversation

            assert started.client is not None
            out.note()
            talk = Conversation(started.client, started.document["model"], out)
            talk.interact(texts["chat"])
    except BaseException:
        _stop(started, out)
        raise
    if stays:
        url, model = started.document["url"], started.document["model"]
        if url:
            out.note(texts["stays"].format(url=url, model=model))
        out.note(texts["next"])
    else:
        _stop(started, out)
        out.note(texts["stopped"])
    out.result(started.document)
    return code


def _tour(texts: dict[str, str], started: _Started, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.answer import ask
    from desktop.cli.machine import look
    from desktop.core.errors import AppError

    out.line(texts["what"])
    hardware = look(out)
    out.line(texts["machine"].format(hardware=_one_line(hardware, texts)))

    started.service = session.running(out) is None
    client = started.client = session.started(out)
    state = client.state()
    model = _load(client, state, texts, started, out)

    out.line()
    question = texts["question"]
    out.line(texts["asking"].format(question=question))
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": question}]}
    body["max_tokens"] = ANSWER_TOKENS
    answer = ask(client, body, out)
    out.line(_figures(answer, texts))
    started.document = {**answer.to_dict(), "question": question, "url": None}

    out.line()
    try:
        started.public = not state["public"]["on"]
        public = client.public_on() if started.public else state["public"]
    except AppError as error:  # a port that is taken spoils nothing but the server
        started.public = False
        started.document["error"] = error.to_dict()
        if not out.json:
            out.error(error.to_dict())
        return 1
    started.document["url"] = public["url"]
    out.line(texts["server"].format(url=public["url"]))
    out.line(_snippet(public, model, question))
    if public.get("key_required"):
        out.line(texts["server_key"])
    return 0


def _load(
    client: Client, state: dict[str, Any], texts: dict[str, str], started: _Started, out: Output
) -> str:
    """The bundled model, loaded; its id."""
    from desktop.cli.background import call
    from desktop.cli.following import load
    from desktop.cli.units import number, size
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.paths import demo_model

    bundled = next((each for each in call(client.models) if each["bundled"]), None)
    if bundled is None:
        file = demo_model()
        if file.exists():  # then the library could not read it; its scan is in the log
            raise AppError(ErrorCode.MODEL_NOT_FOUND, model=file.stem)
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(file))
    name: str = bundled["id"]
    if any(each["id"] == name and each["state"] == "ready" for each in state["models"]):
        out.line(texts["kept"].format(model=name))
        return name
    out.line(texts["loading"].format(model=name, size=size(bundled["size_bytes"])))
    started.model = name
    loaded = load(client, name, {"for_now": True}, out)
    memory = size(loaded.get("memory_bytes"))
    context = number((loaded.get("settings") or {}).get("context_tokens"))
    out.line(texts["loaded"].format(context=context or "?", memory=memory))
    return name


def _one_line(hardware: Hardware, texts: dict[str, str]) -> str:
    """The machine in a line: what decides which models it can run."""
    from desktop.cli.machine import gpu_line
    from desktop.cli.units import figure, size

    cpu, ram = hardware.cpu, hardware.ram
    cores = cpu.usable_physical_cores or cpu.usable_cpus
    parts = [cpu.name, texts["cores"].format(count=cores)]
    if ram is not None:
        available, total = size(ram.available_bytes), size(ram.total_bytes)
        parts.append(texts["ram"].format(available=available, total=total))
    if hardware.bandwidth is not None:
        parts.append(f"✓ {figure(hardware.bandwidth.gb_per_second)} GB/s")
    parts += [gpu_line(gpu) for gpu in hardware.gpus] or [texts["no_gpu"]]
    return texts["comma"].join(parts)


def _figures(answer: Answer, texts: dict[str, str]) -> str:
    from desktop.cli.units import figure

    return texts["figures"].format(
        rate=figure(answer.tokens_per_second) or "?",
        tokens=answer.usage.get("completion_tokens", "?"),
        seconds=figure(answer.ttft_seconds, 2) or "?",
    )


def _snippet(public: dict[str, Any], model: str, question: str) -> str:
    """A call of the server that works as it is pasted, in this system's shell."""
    messages = [{"role": "user", "content": question}]
    body = json.dumps({"model": model, "messages": messages}, ensure_ascii=False)
    url = f"{public['url']}/v1/chat/completions"
    key = ["-H", "Authorization: Bearer YOUR_KEY"] if public.get("key_required") else []
    words = ["-s", url, *key, "-H", "Content-Type: application/json", "-d", body]
    if sys.platform == "win32":  # cmd.exe knows double quotes only; PowerShell's curl.exe, too
        import subprocess

        return "curl.exe " + subprocess.list2cmdline(words)
    import shlex

    return "curl " + shlex.join(words)


def _stop(started: _Started, out: Output) -> None:
    """Undo what this run did, and nothing that was there before; whatever fails, the rest goes on.

    A service that we started takes its model and its server with it.
    """
    from desktop.cli import session
    from desktop.core.errors import AppError

    client = started.client
    if client is None:
        return
    with contextlib.suppress(AppError):  # it has ended already: that is what was wanted
        if started.service:
            client.stop()
            session.wait_until_ended(client.endpoint.pid)
            return
        if started.public:
            client.public_off()
        if started.model is not None:
            client.unload(started.model)
