"""What `paddock quantize` says of types and of recipes under names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.core.errors import AppError, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop.core.client.client import Client

Json = dict[str, Any]
_MOST_BYTES = 1 << 20


def show_types(client: Client, out: Output) -> int:
    """The types of the engine in use, the one with most bits first."""
    types = client.quant_types()
    out.result({"types": types}, lambda: _table(types, out))
    return 0


def _table(types: list[Json], out: Output) -> None:
    from desktop.cli.units import figure

    rows = [
        (
            each["name"],
            figure(each["bits_per_weight"], 2),
            "needed" if each["needs_imatrix"] else "",
            " ".join(each["text"].split()),
        )
        for each in types
    ]
    out.table(("TYPE", ">BITS/WEIGHT", "MATRIX", "LLAMA-QUANTIZE SAYS"), rows)
    out.note("Bits per weight are those of Llama 3 8B; --dry-run tells those of your model.")


def show(client: Client, out: Output) -> int:
    found = client.quant_recipes()
    rows = [
        (each["name"], each["recipe"]["quant_type"], in_words(each["recipe"])) for each in found
    ]
    out.result({"recipes": found}, lambda: out.table(("NAME", "TYPE", "MIXED IN"), rows))
    return 0


def in_words(recipe: Json) -> str:
    """What a recipe mixes in, as the options that would."""
    words = ["--pure"] if recipe.get("pure") else []
    for option, name in (("--output-type", "output_type"), ("--embedding-type", "embedding_type")):
        if recipe.get(name):
            words.append(f"{option} {recipe[name]}")
    words += [f"--tensor '{pattern}={kind}'" for pattern, kind in recipe.get("tensor_types") or ()]
    return " ".join(words)


def remove(client: Client, name: str, out: Output) -> int:
    gone = client.remove_quant_recipe(name)
    out.result(gone, lambda: out.line(f"Removed {gone['name']}."))
    return 0


def named(client: Client, names: Sequence[str]) -> list[Json]:
    """Saved recipes as a job takes them, in this order.

    Raises:
        AppError: RECIPE_NOT_FOUND.
    """
    known = {each["name"].casefold(): each for each in client.quant_recipes()}
    found = []
    for name in names:
        each = known.get(name.casefold())
        if each is None:
            raise AppError(ErrorCode.RECIPE_NOT_FOUND, recipe=name)
        found.append({**each["recipe"], "name": each["name"]})
    return found


def take_over(client: Client, path: Path, replace: bool, out: Output) -> int:
    """Save the recipes of a file; with one that cannot be, or is there already, none is saved."""
    found = _read(path)
    there = {each["name"].casefold() for each in client.quant_recipes()}
    for each in found:
        if each["name"].casefold() in there and not replace:
            raise AppError(ErrorCode.RECIPE_EXISTS, recipe=each["name"])
    saved = [client.save_quant_recipe(**each, replace=replace) for each in found]
    names = [each["name"] for each in saved]
    out.result({"recipes": saved}, lambda: out.line(f"Saved: {', '.join(names)}."))
    return 0


def _read(path: Path) -> list[Json]:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise AppError(ErrorCode.PATH_UNREADABLE, path=str(path), reason=reason) from error
    try:
        document = json.loads(raw.decode("utf-8-sig")) if len(raw) <= _MOST_BYTES else {}
        found = [
            {"name": str(each["name"]), "recipe": dict(each["recipe"])}
            for each in document["recipes"]
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = []
    if not found:
        reason = "It holds no recipes, as `paddock quantize --recipes --json` shows them."
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"{path}: {reason}")
    return found
