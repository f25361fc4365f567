"""From result documents to what the page shows: rows of the history, panels, table, findings."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from desktop.core.bench.compare import Comparison, Row, Verdict
from desktop.core.bench.document import device_of
from desktop.core.hardware.known import KnownSpeed
from desktop.ui import units
from desktop.ui.charts.data import Bar, Group, Panel
from desktop.ui.charts.tabletwin import Sheet
from desktop.ui.tabs.bench import published, words
from desktop.ui.tabs.bench.words import translated

_TESTS = ("prefill", "decode", "load")
_GROUPS_LIMIT = 12  # of a panel; the table has all
_MADE_NAME = r", \d{4}-\d\d-\d\d \d\d:\d\d( \(\d+\))?"  # as core/bench/document.py makes them
_REGISTERED = re.compile(r"\((?:R|TM|C)\)", re.IGNORECASE)
_SUPERFLUOUS = re.compile(r"\b(?:CPU|Processor|\d+-Core)\b|\bNVIDIA (?=GeForce)", re.IGNORECASE)
_MOST = 1e9  # tokens per second beyond what any machine does
_MARKS = {
    Verdict.FASTER: ("▲", "accent"),
    Verdict.SLOWER: ("▼", "warning"),
    Verdict.SAME: ("=", "secondary"),
    Verdict.UNKNOWN: ("?", "secondary"),
}


@dataclass(frozen=True)
class Run:
    """A line of the history.

    Attributes:
        created: seconds since 1970.
        label: the name a person gave it; empty where it has the one that is made for each run.
        model: without the quant type, which has its own column.
        prefill, decode: tokens per second of the first test of that kind; None without one.
    """

    number: int
    created: float
    name: str
    label: str
    model: str
    quant: str
    prefill: float | None
    decode: float | None
    device: str
    engine: str
    disturbed: bool
    doubtful: bool


@dataclass(frozen=True)
class Finding:
    """One verdict: its mark, its colour's name, its words."""

    mark: str
    token: str
    text: str


@dataclass(frozen=True)
class Shown:
    """All the page tells about the chosen runs.

    Attributes:
        series: number of the run → its series in the chart; the newest is 0.
        differences: (what, values), or empty where all was the same.
        order: the numbers in the order of the values, "1 / 2".
        published: the chosen published speeds, with their sources; None without one.
    """

    numbers: tuple[int, ...]
    title: str
    subtitle: str
    panels: tuple[Panel, ...]
    sheet: Sheet
    summary: str
    findings_title: str
    findings: tuple[Finding, ...]
    differences: tuple[tuple[str, str], ...]
    order: str
    warnings: tuple[str, ...]
    disturbed: bool
    published: Sheet | None

    @property
    def series(self) -> dict[int, int]:
        return {number: series for series, number in enumerate(self.numbers)}


def moment(seconds: float) -> str:
    """Local date and time."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OSError, OverflowError, ValueError):  # a year no calendar of this system knows
        return "–"


def day(seconds: float) -> str:
    """As `moment`, without the year where it is this one."""
    return moment(seconds).removeprefix(time.strftime("%Y-"))


def short_device(name: str) -> str:
    """ "Intel Xeon E5-2680 v4" of "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz": as people say it."""
    short = _REGISTERED.sub("", name.partition(" @ ")[0])
    return " ".join(_SUPERFLUOUS.sub("", short).split()) or name


def speed(value: float | None) -> str:
    """As `units.speed`; an imported file may hold any number, and it must not fill the window."""
    return f"{value:.1e}" if value is not None and value >= _MOST else units.speed(value)


def run_of(document: dict[str, Any]) -> Run:
    best: dict[str, float] = {}
    for result in document["results"]:
        best.setdefault(result["test"], result["tokens_per_second"])
    model, name, quant = document["model"], document["name"], document["model"]["quant_type"]
    made = re.fullmatch(re.escape(model["id"]) + _MADE_NAME, name)
    return Run(
        number=document["id"],
        created=document["created"],
        name=name,
        label="" if made else name,
        model=model["id"].removesuffix(f":{(quant or '').lower()}"),
        quant=quant or "–",
        prefill=best.get("prefill"),
        decode=best.get("decode"),
        device=device_of(document) or "–",
        engine=_engine(document["fingerprint"]["runtime"]),
        disturbed=document["disturbed"] is not None,
        doubtful=bool(document["warnings"]),
    )


def _engine(runtime: dict[str, Any]) -> str:
    """ "0.5.0-dev 0c1e570": what a version says before its bracket, and the commit."""
    version = str(runtime.get("version") or runtime.get("id") or "–").partition(" (")[0]
    commit = runtime.get("commit")
    return f"{version} {commit[:9]}" if isinstance(commit, str) and commit else version


def shown(
    documents: list[dict[str, Any]], comparison: Comparison, speeds: Sequence[KnownSpeed] = ()
) -> Shown:
    """Args: documents: the chosen ones, the oldest first; comparison: of them in this order;
    speeds: the published ones to stand beside them."""
    newest = documents[-1]
    numbers = tuple(document["id"] for document in reversed(documents))
    rows = sorted(comparison.rows, key=_place)
    title = translated("Run {number}: {name}").format(number=numbers[0], name=newest["name"])
    others = ", ".join(str(number) for number in numbers[1:])
    subtitle = translated("compared with run {numbers}").format(numbers=others) if others else ""
    sheet = _sheet(rows, documents, numbers)
    panels = tuple(
        _panel(test, rows, documents, published.groups(test, speeds, newest))
        for test in _TESTS
        if _of(test, rows)
    )
    summary = "; ".join(
        f"{' '.join((group.name, group.note)).strip()}: "
        + ", ".join(f"{bar.name} {bar.label}" for bar in group.bars)
        for panel in panels
        for group in panel.groups
        if group.bars
    )
    return Shown(
        numbers=numbers,
        title=title,
        subtitle=subtitle,
        panels=panels,
        sheet=sheet,
        summary=summary,
        findings_title=_against(numbers),
        findings=_findings(rows, documents),
        differences=tuple(words.differences(comparison.differences)),
        order=" / ".join(str(document["id"]) for document in documents),
        warnings=tuple(words.warnings(newest)),
        disturbed=newest["disturbed"] is not None,
        published=published.sheet(speeds, newest) if speeds else None,
    )


def _place(row: Row) -> tuple[int, int, int, int]:
    return _TESTS.index(row.test), row.depth, row.tokens, row.concurrency


def _of(test: str, rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.test == test]


def _name(row: Row) -> tuple[str, int, int, int, int | None]:
    return row.test, row.tokens, row.depth, row.concurrency, row.prompt_tokens


def _panel(
    test: str, rows: list[Row], documents: list[dict[str, Any]], others: tuple[Group, ...]
) -> Panel:
    groups: list[Group] = []
    for row in _of(test, rows)[:_GROUPS_LIMIT]:
        bars = []
        for series, column in enumerate(reversed(range(len(documents)))):
            cell = row.cells[column]
            if cell is None:
                continue
            number = documents[column]["id"]
            label = speed(cell.tokens_per_second)
            if cell.disturbed:
                label = translated("{speed} (disturbed)").format(speed=label)
            tip = translated("Run {number}: {speed} tokens per second").format(
                number=number, speed=_with_spread(cell.tokens_per_second, cell.stddev)
            )
            value, spread = _drawn(cell.tokens_per_second), _drawn(cell.stddev or 0.0)
            bars.append(Bar(series, str(number), value, spread, label, tip))
        groups.append(Group(words.test(*_name(row)), tuple(bars)))
    return Panel(words.panel(test), translated("tokens per second"), (*groups, *others))


def _drawn(value: float) -> float:
    return min(value, _MOST)


def _with_spread(value: float, spread: float | None) -> str:
    return speed(value) if spread is None else f"{speed(value)} ± {speed(spread)}"


def _sheet(rows: list[Row], documents: list[dict[str, Any]], numbers: tuple[int, ...]) -> Sheet:
    columns = [translated("Test")]
    newest_last = list(range(len(documents)))
    for column, number in zip(reversed(newest_last), numbers, strict=True):
        columns.append(translated("Run {number}, tok/s").format(number=number))
        if column:
            base = documents[0]["id"]
            columns.append(translated("Against run {number}").format(number=base))
    lines = []
    for row in rows:
        line = [words.whole_test(*_name(row))]
        for column in reversed(newest_last):
            cell = row.cells[column]
            line.append("–" if cell is None else _with_spread(cell.tokens_per_second, cell.stddev))
            if column:
                ratio = None if cell is None or row.cells[0] is None else cell.ratio
                line.append("–" if ratio is None else words.verdict(ratio))
        lines.append(tuple(line))
    return Sheet(tuple(columns), tuple(lines))


def _against(numbers: tuple[int, ...]) -> str:
    base = numbers[-1]
    if len(numbers) == 2:
        return translated("Run {number} against run {base}").format(number=numbers[0], base=base)
    return translated("Against run {base}, the oldest of them").format(base=base)


def _findings(rows: list[Row], documents: list[dict[str, Any]]) -> tuple[Finding, ...]:
    """The newest against the oldest, then the others against it; only tests both ran."""
    found = []
    for column in reversed(range(1, len(documents))):
        for row in rows:
            cell = row.cells[column]
            if cell is None or cell.ratio is None or row.cells[0] is None:
                continue
            mark, token = _MARKS[cell.ratio.verdict]
            text = translated("{test}: {verdict}").format(
                test=words.whole_test(*_name(row)), verdict=words.verdict(cell.ratio)
            )
            if len(documents) > 2:
                run = translated("Run {number}").format(number=documents[column]["id"])
                text = translated("{run}, {finding}").format(run=run, finding=text)
            found.append(Finding(mark, token, text))
    return tuple(found)
