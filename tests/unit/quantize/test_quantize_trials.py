"""Files of trials: measured once, gone at once, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from quantize.make import sidecar_of
from quantize.recipe import Recipe
from quantize.trials import DECODE, SPEED, Files, deal

ONE, OTHER = Recipe("Q4_0"), Recipe("Q8_0")


class Maker:
    """Writes a recipe's name as its file, and measures how long it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[str] = []
        self.measured: list[str] = []
        self.speeds = iter([1.0, 9.0, 2.0, 8.0, 3.0, 7.0])

    def make(self, recipe: Recipe, path: Path) -> None:
        self.made.append(recipe.quant_type)
        path.write_text(recipe.quant_type)
        sidecar_of(path).write_text("{}")

    def measure(self, name: str) -> Callable[[Path], dict[str, Any]]:
        def measured(path: Path) -> dict[str, Any]:
            self.measured.append(f"{path.read_text()} {name}")
            return {"text": path.read_text()}

        return measured

    def speed(self, path: Path) -> dict[str, Any]:
        self.measured.append(f"{path.read_text()} speed")
        return {DECODE: next(self.speeds)}

    def files(self, spent: float = 0.0) -> Files:
        measures = {"few": self.measure("few"), "rest": self.measure("rest"), SPEED: self.speed}
        source = self.folder / "source"
        source.write_text("source")
        return Files(self.make, measures, source, self.folder / "work", spent=spent)


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    (tmp_path / "work").mkdir()
    return Maker(tmp_path)


def left(maker: Maker) -> list[str]:
    return sorted(path.name for path in (maker.folder / "work").iterdir())


def test_a_file_is_made_once_for_all_that_is_asked_of_it(maker: Maker) -> None:
    files = maker.files()
    with closing(files.ask(ONE, "few", "rest")) as answers:
        assert next(answers)["text"] == "Q4_0"
        assert "trial.gguf" in left(maker)
        assert next(answers)["size_bytes"] == 4
    assert maker.made == ["Q4_0"] and maker.measured == ["Q4_0 few", "Q4_0 rest"]
    assert left(maker) == ["measured.jsonl"], "neither it nor what lay beside it is left"


def test_what_is_left_early_is_removed_and_goes_on_later(maker: Maker) -> None:
    files = maker.files()
    files.first(ONE, "few")
    assert left(maker) == ["measured.jsonl"] and maker.measured == ["Q4_0 few"]
    with closing(files.ask(ONE, "few", "rest")) as answers:
        next(answers)
        assert maker.made == ["Q4_0"], "what is known needs no file"
        next(answers)
    assert maker.made == ["Q4_0", "Q4_0"] and maker.measured == ["Q4_0 few", "Q4_0 rest"]


def test_another_run_knows_what_was_measured_and_how_long_it_took(maker: Maker) -> None:
    first = maker.files(10.0)
    answer = first.first(ONE, "few")
    journal = maker.folder / "work" / "measured.jsonl"
    journal.write_text(journal.read_text() + '{"cut off in the mid')
    again = maker.files(10.0)
    assert again.first(ONE, "few") == answer
    assert maker.made == ["Q4_0"]
    assert again.spent == first.spent > 10.0


def test_a_journal_that_was_cut_off_goes_on(maker: Maker) -> None:
    journal = maker.folder / "work" / "measured.jsonl"
    journal.write_text('{"cut off in the mid')
    maker.files().first(ONE, "few")
    maker.files().first(ONE, "few")
    assert maker.made == ["Q4_0"]


def test_a_failure_leaves_no_file(maker: Maker) -> None:
    files = maker.files()

    def cancelled(path: Path) -> dict[str, Any]:
        raise AppError(ErrorCode.CANCELLED)

    maker.measure = lambda name: cancelled  # type: ignore[method-assign]
    with pytest.raises(AppError):
        maker.files().first(ONE, "few")
    assert left(maker) == []
    assert files.first(OTHER, "few")["text"] == "Q8_0"


def test_the_source_is_measured_where_it_lies(maker: Maker) -> None:
    assert maker.files().first(None, "few")["text"] == "source"
    assert maker.made == [] and (maker.folder / "source").exists()


def test_speeds_are_measured_in_turns(maker: Maker) -> None:
    files = maker.files()
    assert files.race([ONE, OTHER]) == [2.0, 8.0], "the medians"
    assert maker.measured == ["Q4_0 speed", "Q8_0 speed"] * 3
    assert files.race([ONE, OTHER]) == [2.0, 8.0] and len(maker.measured) == 6
    assert left(maker) == ["measured.jsonl"]


def test_a_text_is_dealt_out_whole() -> None:
    lines = [f"line {number} of the text\n" for number in range(4000)]
    parts = deal("".join(lines), (1, 2, 4))
    assert sorted("".join(parts).splitlines()) == sorted("".join(lines).splitlines())
    sizes = [len(part) / sum(map(len, parts)) for part in parts]
    assert sizes == pytest.approx([1 / 7, 2 / 7, 4 / 7], abs=0.05)
    for part in parts:  # each has something from the beginning and from the end
        numbers = [int(line.split()[1]) for line in part.splitlines()]
        assert min(numbers) < 700 and max(numbers) > 3300 and numbers == sorted(numbers)
