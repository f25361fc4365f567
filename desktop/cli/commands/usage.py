"""`paddock usage`: who used how much, and what it cost."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

if TYPE_CHECKING:
    from desktop.core.client.client import Client

_TEXT = (
    "Shows who used how much, and what it cost by the prices in the settings (prices.…). "
    "Times are a day (2026-11-27), a time (2026-11-27T09:30) or how long ago (36h, 7d, 4w)."
)


_HOSTED = "hosted:"


def register(commands: Commands) -> None:
    parser = commands.add("usage", usage, "who used how much, and what it cost", _TEXT)
    parser.add_argument(
        "--by",
        choices=("key", "model", "day", "request"),
        default="model",
        help="sums by these; request: each of them (the newest 100, or all with --csv)",
    )
    parser.add_argument("--since", metavar="TIME", help="from this time on")
    parser.add_argument("--until", metavar="TIME", help="up to it; of a day, its end")
    parser.add_argument("--key", metavar="NAME", help="of this key alone")
    parser.add_argument("--model", metavar="ID", help="of this model alone")
    parser.add_argument(
        "--at",
        metavar="IN,OUT",
        help="what it would have cost at these prices for a million tokens (IN,OUT or "
        "IN,OUT,CACHED), or at those of a known model such as gpt-4o",
    )
    parser.add_argument("--csv", metavar="FILE", help="write it to a file")
    parser.add_argument(
        "--price",
        metavar="NAME=VALUE",
        action="append",
        help="set a price for the requests to come, and show all of them: electricity_per_kwh, "
        "busy_watts, idle_watts, hardware_per_hour, currency, count_as (own or hosted), "
        "hosted:MODEL=IN,OUT or IN,OUT,CACHED (MODEL * is any model); without a value it is "
        "taken away",
    )


def usage(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    client = session.started(out)
    if args.price is not None:
        return _set_prices(client, args.price, out)
    wanted = {name: getattr(args, name) for name in ("since", "until", "key", "model")}
    if args.csv is not None:
        return _to_file(client, args, wanted, out)
    if args.by == "request":
        found = client.ledger(**wanted)
        out.result(found, lambda: _show_requests(found["requests"], out))
        return 0
    document = client.usage(args.by, at=args.at, **wanted)
    out.result(document, lambda: _show(document, out))
    return 0


def _set_prices(client: Client, words: list[str], out: Output) -> int:
    from desktop.core.errors import AppError, ErrorCode

    hosted: dict[str, Any] = dict(client.settings()["prices"]["hosted"])
    changes: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{word}” is not of the form NAME=VALUE.")
        if name.startswith(_HOSTED):
            model = name.removeprefix(_HOSTED)
            hosted.pop(model, None)
            hosted |= {model: value.split(",")} if value else {}
            changes["prices.hosted"] = hosted
        else:
            changes[f"prices.{name}"] = value or None
    prices = client.change_settings(changes)["prices"]

    def show() -> None:
        for name, value in prices.items():
            if name != "hosted":
                out.line(f"{name}: {value:g}" if isinstance(value, float) else f"{name}: {value}")
        for model, figures in prices["hosted"].items():
            out.line(f"{_HOSTED}{model}: {', '.join(f'{each:g}' for each in figures)}")

    out.result({"prices": prices}, show)
    return 0


def _to_file(client: Client, args: argparse.Namespace, wanted: Any, out: Output) -> int:
    from desktop.core.errors import AppError, ErrorCode

    path = Path(args.csv).expanduser().absolute()
    beside = path.with_name(f".{path.name}.part")
    more = {} if args.by == "request" else {"at": args.at}
    try:
        with beside.open("wb") as file:
            for piece in client.usage_csv(args.by, **wanted, **more):
                file.write(piece)
        beside.replace(path)
    except OSError as error:
        raise AppError(ErrorCode.PATH_UNREADABLE, path=str(path), reason=str(error)) from error
    finally:
        beside.unlink(missing_ok=True)
    done = {"path": str(path), "by": args.by}
    out.result(done, lambda: out.line(f"Written to {path}."))
    return 0


def _show(document: dict[str, Any], out: Output) -> None:
    from desktop.cli.units import number

    rows, total, at = document["rows"], document["total"], document["at"]
    if not rows:
        out.line("Nothing was asked in this time.")
        return
    by, currency = document["by"], document["currency"]
    nameless = {"key": "(no key)", "model": "(none)"}.get(by, "")
    columns = [by.upper(), ">REQUESTS", ">ERRORS", ">TOKENS IN", ">CACHED", ">TOKENS OUT", ">BUSY"]
    priced = total["cost"] is not None
    columns += [f">COST {currency}"] if priced else []
    columns += [f">AT {at['name'].upper()}"] if at else []

    def cells(name: str, row: dict[str, Any]) -> list[str]:
        found = [
            name,
            *(number(row[each]) for each in ("requests", "errors")),
            *(number(row[each]) for each in ("prompt_tokens", "cached_tokens")),
            number(row["completion_tokens"]),
            _busy(row["busy_seconds"]),
        ]
        found += [money(row["cost"])] if priced else []
        return found + ([money(row["at_cost"])] if at else [])

    table = [cells(row["name"] or nameless, row) for row in rows]
    if len(rows) > 1:
        table.append(cells("total", total))
    out.table(columns, table)
    for note in _notes(document):
        out.note(note)


def _notes(document: dict[str, Any]) -> list[str]:
    total, at, cache = document["total"], document["at"], document["cache"]
    notes = []
    if at is not None and at["as_of"]:
        notes.append(
            f"{at['name']}: {at['into']:g} in, {at['out']:g} out, {at['cached']:g} cached for a "
            f"million tokens in {at['currency']}, as of {at['as_of']}."
        )
    if total["cost"] is None and at is None:
        notes.append(
            "Without prices there is no cost: set them with --price. What it would have cost "
            "elsewhere: --at."
        )
    elif total["cost"] is not None and total["unpriced"]:
        notes.append(
            f"{total['unpriced']:,} requests have no cost in {document['currency']}: they ended "
            "before there were prices."
        )
    if total["idle_cost"] is not None:
        notes.append(
            f"Waiting cost {money(total['idle_cost'])} {document['currency']} more, if the machine "
            "was on all the time."
        )
    if cache["hit_rate"] is not None:
        notes.append(
            f"{cache['hits']:,} of {cache['hits'] + cache['misses']:,} requests that could repeat "
            f"were repeats since the service started ({100 * cache['hit_rate']:.0f} %)."
        )
    if document["problem"] is not None:
        notes.append(
            f"{document['held']:,} requests wait in memory and are not counted: they cannot be "
            f"stored ({document['problem']})."
        )
    if document["dropped"]:
        notes.append(f"{document['dropped']:,} requests could not be stored and are lost.")
    return notes


def _show_requests(rows: list[dict[str, Any]], out: Output) -> None:
    from desktop.cli.units import figure, moment, number

    if not rows:
        out.line("Nothing was asked in this time.")
        return
    table = [
        (
            row["id"],
            moment(row["arrived"]),
            row["key"] or "",
            number(row["prompt_tokens"]),
            number(row["completion_tokens"]),
            figure(row["ttft_seconds"], 2),
            figure(row["total_seconds"], 2),
            row["error_code"] or row["finish_reason"] or str(row["status"]),
            row["model"] or "",
        )
        for row in rows
    ]
    columns = ("ID", "TIME", "KEY", ">IN", ">OUT", ">TTFT S", ">TOTAL S", "END", "MODEL")
    out.table(columns, table)


def _busy(seconds: float) -> str:
    from desktop.cli.units import duration

    return duration(seconds) if seconds >= 0.5 else "0 s"


def money(amount: float | None) -> str:
    """An amount with the digits that say something: "12.34", "0.0056"."""
    if amount is None:
        return ""
    return f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:.4f}"
