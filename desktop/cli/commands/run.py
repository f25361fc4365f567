"""`paddock run`: get a model if need be, load it, and talk with it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from desktop.cli.commands.chat import given_prompt, talk, talk_arguments
from desktop.cli.commands.pull import quant_arguments
from desktop.cli.output import Output
from desktop.cli.parser import Commands

if TYPE_CHECKING:
    from desktop.core.client.client import Client
    from desktop.core.errors import AppError


def register(commands: Commands) -> None:
    parser = commands.add(
        "run",
        run,
        "get a model if need be, load it, and chat with it",
        "A model that is not here yet is fetched from the hub first: "
        "`paddock run owner/repo:QUANT`.",
    )
    talk_arguments(parser)
    from desktop.cli.commands.load import load_arguments

    load_arguments(parser)
    quant_arguments(parser)


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.commands.load import load_options
    from desktop.core.errors import AppError

    prompt = given_prompt(args, out)  # before gigabytes are fetched
    client, options = session.started(out), load_options(args)
    try:
        return talk(client, args, prompt, out, options)
    except AppError as error:
        if not _is_about(error, args.model):
            raise
        model = _fetched(client, args, error, out)
    args.model = model
    return talk(session.started(out), args, prompt, out, options)


def _is_about(error: AppError, model: str) -> bool:
    """Whether the model itself, and nothing that was to be loaded beside it, is not here whole."""
    from desktop.core.errors import ErrorCode
    from desktop.core.hub.names import parse_name

    if error.code is ErrorCode.MODEL_BROKEN:  # a part of it may still be on its way
        return parse_name(model) is not None
    return error.code is ErrorCode.MODEL_NOT_FOUND and error.params.get("model") == model


def _fetched(client: Client, args: argparse.Namespace, unknown: AppError, out: Output) -> str:
    """The id of the model, which is here now.

    Raises:
        AppError: `unknown`, where it is no model on the hub either.
    """
    from desktop.cli.commands.pull import hub_model, in_catalogue
    from desktop.cli.pulling import pull
    from desktop.core.hub.access import web_settings
    from desktop.core.hub.names import parse_name
    from desktop.core.paths import paths

    name: str | None = args.model
    if parse_name(args.model, web_settings(paths()).endpoint) is None:
        name = in_catalogue(args.model, out)
    if name is None:
        raise unknown
    model = hub_model(name, out, best=args.best)
    done: dict[str, Any] = pull(client, model, out, projector=not args.no_projector)
    return str(done["model"])
