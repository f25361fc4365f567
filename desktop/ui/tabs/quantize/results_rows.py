"""From a job's result to the rows of the table and the points of the plot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.core.quant_table import table_rows
from desktop.ui.charts.pareto_data import Point, Reference
from desktop.ui.tabs.quantize import results_words as words

Json = dict[str, Any]
_GIB, _MIB = float(1 << 30), float(1 << 20)


@dataclass(frozen=True)
class Row:
    """A line of the results.

    Attributes:
        key: of its point in the plot.
        series: 0 of the result that is shown, 1 of the one it is compared with.
        title: of its result.
        evaluated: whether its result has figures of what was lost.
        recipe: how it was made; None of what was not made here.
        sha256: of its content, where that is known.
        data: as `core/quant_table.table_rows` tells it.
    """

    key: int
    series: int
    title: str
    evaluated: bool
    recipe: Json | None
    sha256: str | None
    data: Json

    @property
    def kind(self) -> str:
        """ "base", "made", "foreign" or "tried"."""
        return str(self.data["kind"])

    @property
    def label(self) -> str:
        return str(self.data["label"])

    @property
    def path(self) -> str | None:
        path: str | None = self.data["path"]
        return path

    @property
    def note(self) -> str:
        return words.note(self.kind, recommended=bool(self.data["recommended"]))


def rows_of(results: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Row]:
    """Args: results: (title, result) of the one that is shown and of the one to compare it with."""
    found: list[Row] = []
    for series, (title, result) in enumerate(results):
        recipes = {(each.get("label"), each.get("path")): each for each in result["outputs"]}
        for data in table_rows(result):
            output = recipes.get((data["label"], data["path"]), {})
            sha256 = output.get("sha256")
            if data["kind"] == "base":
                sha256 = result.get("source_sha256")
            row = Row(
                len(found),
                series,
                title,
                result.get("base") is not None,
                output.get("recipe"),
                sha256,
                data,
            )
            found.append(row)
    return found


def unit_of(rows: Iterable[Row]) -> tuple[float, str]:
    """The unit in which these sizes are told: its bytes and its name."""
    largest = max((row.data["size_bytes"] or 0 for row in rows), default=0)
    return (_GIB, "GiB") if largest >= 0.1 * _GIB else (_MIB, "MiB")


def points_of(rows: Sequence[Row]) -> tuple[list[Point], list[Reference], str]:
    """What of it has a place in the plot, what it is compared with, and the unit of its sizes."""
    size, unit = unit_of(rows)
    points = [
        Point(
            key=row.key,
            series=row.series,
            name=row.label,
            cost=row.data["size_bytes"] / size,
            loss=row.data["kld_mean"],
            low=row.data["kld_low"],
            high=row.data["kld_high"],
            weight=row.data["decode_tokens_per_second"],
            other=row.kind == "foreign",
            strong=bool(row.data["recommended"]),
            tip=words.figures(row.data),
        )
        for row in rows
        if row.kind != "base" and row.data["kld_mean"] is not None and row.data["size_bytes"]
    ]
    references = {
        row.data["size_bytes"]: Reference(
            row.data["size_bytes"] / size, f"{row.label}, {words.size(row.data['size_bytes'])}"
        )
        for row in rows
        if row.kind == "base" and row.data["size_bytes"]
    }
    return points, list(references.values()), unit
