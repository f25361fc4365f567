"""`paddock results`: stored benchmarks, read from the database, changed through the service."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

_FORMATS = ("json", "csv", "md")


def register(commands: Commands) -> None:
    group = commands.group("results", "benchmarks that were measured before")
    parser = group.add("list", list_results, "list the results, the newest first")
    parser.add_argument("--model", metavar="MODEL", help="only this model's")
    parser = group.add("compare", compare, "set results side by side; the first is the measure")
    parser.add_argument("result", nargs="+", metavar="RESULT", help="a number or a name")
    parser = group.add("export", export, "write results to a file, or print them")
    parser.add_argument("result", nargs="*", metavar="RESULT", help="all where none is named")
    parser.add_argument("-o", "--output", metavar="FILE", help="a new file; stdout without it")
    parser.add_argument("--format", choices=_FORMATS, help="by the file's name, else json")
    parser = group.add("import", import_file, "take over a file of exported results")
    parser.add_argument("file", metavar="FILE")
    parser = group.add("rename", rename, "give a result a name of your own")
    parser.add_argument("result", metavar="RESULT", help="a number or a name")
    parser.add_argument("name", metavar="NAME")
    parser = group.add("remove", remove, "put results aside; they can be restored for 30 days")
    parser.add_argument("result", nargs="+", metavar="RESULT", help="a number or a name")
    parser = group.add("restore", restore, "bring removed results back")
    parser.add_argument("number", nargs="+", type=int, metavar="NUMBER")


def list_results(args: argparse.Namespace, out: Output) -> int:
    from desktop.core.bench.results import read_results
    from desktop.core.paths import paths

    found = read_results(paths())
    if args.model:
        found = [each for each in found if each["model"]["id"] == args.model]
    out.result({"results": found}, lambda: _show_list(found, out))
    return 0


def _show_list(found: list[dict[str, Any]], out: Output) -> None:
    from desktop.cli.units import moment

    rows = [
        (each["id"], moment(each["created"]), each["model"]["id"], _best(each), each["name"])
        for each in found
    ]
    if rows:
        out.table((">NUMBER", "WHEN", "MODEL", "MEASURED", "NAME"), rows)
    else:
        out.note("There are no results yet; `paddock bench MODEL` makes one.")


def _best(document: dict[str, Any]) -> str:
    """The first figure of each kind, in a few words."""
    from desktop.cli.units import figure

    first: dict[str, str] = {}
    for each in document["results"]:
        first.setdefault(each["test"], f"{each['test']} {figure(each['tokens_per_second'])}")
    return ", ".join(first.values()) + " tok/s"


def compare(args: argparse.Namespace, out: Output) -> int:
    from desktop.core.bench.compare import compare as compare_documents
    from desktop.core.bench.results import pick, read_results
    from desktop.core.paths import paths

    stored = read_results(paths())
    comparison = compare_documents([pick(stored, wanted) for wanted in args.result])
    plain = comparison.to_dict()
    out.result(plain, lambda: _show_comparison(plain, out))
    return 0


def _show_comparison(plain: dict[str, Any], out: Output) -> None:
    names = plain["names"]
    for number, name in enumerate(names, 1):
        out.line(f"[{number}] {name}")
    columns = ["TEST", ">TOKENS", ">DEPTH", ">CONCURRENCY"]
    columns += [f">[{number}] TOK/S" for number in range(1, len(names) + 1)]
    rows = []
    for row in plain["rows"]:
        cells = [_cell(cell) for cell in row["cells"]]
        rows.append((row["test"], row["tokens"], row["depth"], row["concurrency"], *cells))
    out.table(columns, rows)
    if plain["differences"]:
        out.line("Not the same in all of them:")
        for each in plain["differences"]:
            values = " | ".join("–" if value is None else str(value) for value in each["values"])
            out.line(f"  {each['key']}: {values}")
    out.note(f"Ratios: {plain['method']}.")


_VERDICTS = {
    "faster": "faster",
    "slower": "slower",
    "no_real_difference": "no real difference",
    "too_few_samples": "too few samples",
}


def _cell(cell: dict[str, Any] | None) -> str:
    from desktop.cli.units import figure

    if cell is None:
        return "–"
    text = figure(cell["tokens_per_second"], 2) + (" (disturbed)" if cell["disturbed"] else "")
    ratio = cell["ratio"]
    if ratio is None:
        return text
    band = "" if ratio["low"] is None else f" [{ratio['low']:.2f}–{ratio['high']:.2f}]"
    return f"{text} ×{ratio['value']:.2f}{band} {_VERDICTS[ratio['verdict']]}"


def export(args: argparse.Namespace, out: Output) -> int:
    import json

    from desktop.core.bench.export import export_text, format_of, save
    from desktop.core.bench.results import pick, read_results
    from desktop.core.paths import paths

    stored = read_results(paths())
    chosen = [pick(stored, wanted) for wanted in args.result] or stored
    if args.output is None:
        # With --json the one document is what `results import` reads, whatever --format says.
        plain = json.loads(export_text(chosen, "json"))
        out.result(plain, lambda: out.write(export_text(chosen, args.format or "json")))
        return 0
    path = Path(args.output).expanduser().absolute()
    form = args.format or format_of(path)
    save(chosen, path, form)
    done = {"path": str(path), "format": form, "count": len(chosen)}
    out.result(done, lambda: out.line(f"{len(chosen)} results written to {path}."))
    return 0


def import_file(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.core.bench.export import read_file

    documents = read_file(Path(args.file).expanduser().absolute())
    done = session.started(out).import_results(documents)
    known = len(documents) - done["added"]
    also = f" {known} were there already." if known else ""
    out.result(done, lambda: out.line(f"{done['added']} results added.{also}"))
    return 0


def rename(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    done = session.started(out).rename_result(args.result, args.name)
    out.result(done, lambda: out.line(f"Result {done['id']} is now called {done['name']}."))
    return 0


def remove(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    gone = session.started(out).delete_results(args.result)
    out.result({"removed": gone}, lambda: _show_removed(gone, out))
    return 0


def _show_removed(gone: list[dict[str, Any]], out: Output) -> None:
    for each in gone:
        out.line(f"Removed {each['id']}: {each['name']}")
    numbers = " ".join(str(each["id"]) for each in gone)
    out.note(f"`paddock results restore {numbers}` brings back what was removed.")


def restore(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    back = session.started(out).restore_results(args.number)
    out.result({"restored": back}, lambda: _show_restored(back, out))
    return 0


def _show_restored(back: list[dict[str, Any]], out: Output) -> None:
    for each in back:
        out.line(f"Restored {each['id']}: {each['name']}")
