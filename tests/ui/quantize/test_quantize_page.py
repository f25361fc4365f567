"""The four cards, what they plan, and what Start asks the service for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.tabs.quantize.wish import (
    USUAL,
    Target,
    Text,
    Types,
    Wish,
    bundled_text,
    tensor_types,
)
from desktop.ui.widgets.tick import Tick
from tests.ui.quantize.robot import FOLDER, MODELS, RECIPE, Robot, job, plan_of

OpenPage = Callable[[], Robot]


def test_the_best_source_comes_first_and_what_cannot_be_one_is_not_offered(
    open_page: OpenPage,
) -> None:
    robot = open_page()
    box = robot.find(QComboBox, "quantize-model")
    assert [box.itemText(n) for n in range(box.count())] == [
        "guide:f16",
        "other:q8_0",
        "guide:q4_k_m",
    ]
    assert "llama · 8.0 B parameters" in robot.texts()
    assert robot.page.start.isEnabled() and not robot.reason


def test_what_is_chosen_is_planned_and_started(open_page: OpenPage) -> None:
    robot = open_page()
    robot.context.client.submit = job("queued")
    robot.toggle("Q8_0")
    robot.settled()
    texts = robot.texts()
    assert "guide-Q8_0.gguf" in texts and "8.5 GiB" in texts and "13.4 GiB of 1.0 TiB free" in texts
    assert "~12 min, 9 min–16 min, 64 chunks" in texts
    robot.click(robot.page.start)
    assert robot.submitted() == (
        "quantize",
        {
            "path": f"{FOLDER}/guide-F16.gguf",
            "folder": FOLDER,
            "requantize": False,
            "replace": False,
            "imatrix": bundled_text("importance"),
            "types": ["Q8_0", "Q4_K_M"],
            "recipes": [],
            "evaluate": bundled_text("evaluation"),
            "compare": [],
        },
    )
    assert all(Path(bundled_text(name)).is_file() for name in ("importance", "evaluation"))


def test_many_changes_are_planned_once(open_page: OpenPage) -> None:
    robot = open_page()
    before = len(robot.context.client.called("quant_plan"))
    for name in ("Q8_0", "Q6_K", "Q2_K", "Q8_0"):
        robot.toggle(name)
    assert robot.reason == "Working out what it will be."
    robot.settled()
    assert len(robot.context.client.called("quant_plan")) == before + 1
    assert robot.planned()["types"] == ["Q6_K", "Q4_K_M", "Q2_K"]


def test_the_usual_six_are_chosen_at_once(open_page: OpenPage) -> None:
    robot = open_page()
    robot.click(robot.parts.types.usual)
    assert robot.parts.types.wish().names == USUAL
    robot.click(robot.parts.types.usual)
    assert robot.parts.types.wish().names == ()
    assert robot.reason == "Choose at least one type." and not robot.page.start.isEnabled()
    robot.settled()


def test_types_that_need_a_matrix_are_not_made_without(open_page: OpenPage) -> None:
    robot = open_page()
    robot.click(robot.parts.matrix.kinds.chip("none"))
    robot.parts.types.choose("IQ2_XS", True)
    robot.settled()
    assert robot.reason == "IQ2_XS cannot be made without a matrix."
    assert "IQ2_XS cannot be made without one." in robot.texts()
    robot.click(robot.parts.matrix.kinds.chip("text"))
    assert robot.reason == "Choose the text or the matrix."
    robot.parts.matrix.text._on_selected("/home/ann/book.txt")
    robot.settled()
    assert robot.page.start.isEnabled() and robot.planned()["imatrix"] == "/home/ann/book.txt"


def test_a_quantized_source_wants_an_explicit_yes_that_another_does_not_inherit(
    open_page: OpenPage,
) -> None:
    robot = open_page()
    robot.context.client.submit = job("queued")
    robot.context.client.quant_plan = lambda params: plan_of(
        params, source={**plan_of(params)["source"], "quantized": "guide-F16" not in params["path"]}
    )
    robot.page.show_model("other:q8_0")
    robot.settled()
    again = robot.find(Tick, "quantize-again")
    assert again.isVisible() and not robot.page.start.isEnabled()
    assert robot.reason == "Agree to quantizing it again."
    robot.click(again)
    assert robot.page.start.isEnabled()
    robot.click(robot.page.start)
    _, params = robot.submitted()
    assert params["requantize"] is True
    # The hub's cache is not ours to write to.
    assert params["folder"] == str(robot.context.paths.data / "quantized")
    robot.page.show_model("guide:q4_k_m")
    robot.settled()
    assert not again.isChecked() and not robot.page.start.isEnabled()


def test_files_that_exist_are_replaced_only_when_agreed_to(open_page: OpenPage) -> None:
    robot = open_page()

    def existing(params: dict[str, Any]) -> dict[str, Any]:
        made = plan_of(params)
        return {**made, "outputs": [{**each, "exists": True} for each in made["outputs"]]}

    robot.context.client.quant_plan = existing
    robot.toggle("Q6_K")
    robot.settled()
    assert "exists already" in robot.texts() and not robot.page.start.isEnabled()
    robot.click(robot.find(Tick, "quantize-replace"))
    assert robot.page.start.isEnabled()
    assert robot.page.presenter.wish.params()["replace"] is True


def test_too_little_room_and_other_doubts_are_told_in_place(open_page: OpenPage) -> None:
    robot = open_page()
    memory = {"code": "quant_memory", "params": {"need_gib": 15.9, "free_gib": 7.4}}
    robot.context.client.quant_plan = lambda params: plan_of(
        params, disk_free_bytes=1 << 30, warnings=[memory]
    )
    robot.toggle("Q6_K")
    robot.settled()
    assert robot.reason == "11.5 GiB are needed on the disk and 1.0 GiB are free."
    assert "About 15.9 GiB of memory are needed" in robot.texts()
    broken = AppError(ErrorCode.GGUF_TRUNCATED, path="x", have_bytes=1, need_bytes=2)
    robot.context.client.quant_plan = broken
    robot.toggle("Q6_K")
    robot.settled()
    assert not robot.page.start.isEnabled() and robot.reason
    assert robot.reason in robot.texts()


def test_a_checkpoint_in_pickles_wants_an_explicit_yes(open_page: OpenPage, tmp_path: Path) -> None:
    robot = open_page()
    pickled = {
        "code": "checkpoint_pickled",
        "params": {"path": str(tmp_path), "file": "pytorch_model.bin"},
    }

    def plan(params: dict[str, Any]) -> dict[str, Any]:
        agreed = params["checkpoint"]["allow_pickle"]
        return plan_of(params, warnings=[] if agreed else [pickled])

    robot.context.client.quant_plan = plan
    robot.drop(str(tmp_path))
    robot.settled()
    pickle = robot.find(Tick, "quantize-pickle")
    assert robot.reason == "Agree to reading pickles." and pickle.isVisible()
    assert "about 1 GB" in robot.texts()
    robot.click(pickle)
    robot.settled()
    assert robot.page.start.isEnabled()
    checkpoint = robot.page.presenter.wish.params()["checkpoint"]
    assert checkpoint == {"path": str(tmp_path), "type": "auto", "allow_pickle": True}


def test_a_checkpoint_on_the_hub_is_named(open_page: OpenPage) -> None:
    robot = open_page()
    robot.click(robot.parts.source.kinds.chip("hub"))
    assert robot.reason == "Choose what to quantize."
    robot.qtbot.keyClicks(robot.find(QLineEdit, "quantize-repo"), "Qwen/Qwen3-0.6B")
    robot.settled()
    assert robot.planned()["checkpoint"]["repo"] == "Qwen/Qwen3-0.6B"
    assert "path" not in robot.planned()


def test_a_dropped_file_is_the_source_and_a_text_is_not(open_page: OpenPage) -> None:
    robot = open_page()
    robot.drop("/data/new-BF16.gguf")
    robot.settled()
    assert robot.planned()["path"] == "/data/new-BF16.gguf" and robot.planned()["folder"] == "/data"
    robot.drop("/data/notes.txt")
    assert "is needed here" in robot.context.toasts[-1][0]
    assert robot.page.presenter.wish.source.path == "/data/new-BF16.gguf"


def test_other_files_of_the_model_are_compared(open_page: OpenPage) -> None:
    robot = open_page()
    kin = MODELS[0]["path"]
    assert list(robot.parts.evaluate._ticks) == [kin]  # of the same shape, not other:q8_0
    robot.click(robot.parts.evaluate._ticks[kin])
    robot.parts.evaluate.other._on_selected("/data/theirs-Q5_K_M.gguf")
    box = robot.find(QComboBox, "quantize-budget")
    box.setFocus()
    robot.qtbot.keyClick(box, Qt.Key.Key_Down)
    robot.settled()
    wanted = robot.page.presenter.wish.params()
    assert wanted["compare"] == [kin, "/data/theirs-Q5_K_M.gguf"]
    assert wanted["budget_seconds"] == 300
    robot.click(robot.parts.evaluate.on)
    assert "evaluate" not in robot.page.presenter.wish.params()
    robot.settled()


@pytest.mark.parametrize(
    ("bound", "asked"),
    [("size", {"most_bytes": 4 << 30}), ("speed", {"least_tokens_per_second": 10.0})],
)
def test_a_target_is_searched_for(open_page: OpenPage, bound: str, asked: dict[str, Any]) -> None:
    robot = open_page()
    robot.context.client.submit = job("queued")
    robot.click(robot.parts.types.mode.button("target"))
    robot.click(robot.parts.types.target.bounds.chip(bound))
    robot.settled()
    assert robot.planned()["types"] == list(USUAL)
    assert robot.texts().split("\n").count("within the bound") == (2 if bound == "size" else 0)
    robot.click(robot.page.start)
    kind, params = robot.submitted()
    assert kind == "target" and params.items() >= {**asked, "budget_seconds": 1800.0}.items()
    assert "types" not in params and params["evaluate"] == bundled_text("evaluation")
    robot.click(robot.parts.source.kinds.chip("folder"))
    robot.parts.source.folder._on_selected("/data/checkpoint")
    assert "convert the checkpoint first" in robot.reason
    robot.settled()


def test_a_search_without_a_matrix_is_told_so() -> None:
    """Left out, it would take one of its own accord."""
    wish = Wish(types=Types(target=Target(4 << 30, None, 60.0)))
    assert wish.params()["imatrix"] is False
    with_one = Wish(types=wish.types, matrix=Text("bundled"))
    assert with_one.params()["imatrix"] == bundled_text("importance")


# --- the panel --------------------------------------------------------------------------------


def test_all_types_are_in_the_panel_and_escape_closes_it(open_page: OpenPage) -> None:
    robot = open_page()
    robot.click(robot.parts.types.more)
    assert robot.page.split.panel.isVisible()
    chip = robot.page.panel.chip("IQ2_XS")
    assert "needs an importance matrix" in chip.toolTip()
    chip.setFocus()
    robot.qtbot.keyClick(chip, Qt.Key.Key_Space)
    assert "IQ2_XS" in robot.parts.types.chips.keys
    robot.qtbot.keyClick(chip, Qt.Key.Key_Escape)
    assert robot.page.split.panel.isHidden()
    robot.settled()


def test_overrides_hold_for_every_type_and_are_saved_as_a_recipe(open_page: OpenPage) -> None:
    robot = open_page()
    client = robot.context.client
    client.save_quant_recipe = lambda name, recipe, replace: {"name": name, "recipe": recipe}
    robot.click(robot.parts.types.more)
    panel = robot.page.panel
    panel.overrides_button.click()
    panel.form.output.setCurrentText("Q8_0")
    panel.form.output.activated.emit(panel.form.output.currentIndex())
    panel.form.add.click()
    rule = panel.form.rules[0]
    robot.qtbot.keyClicks(rule.pattern, "attn_v")
    assert rule.type.currentText() == "Q6_K"
    assert "2 overrides" in robot.texts()
    robot.settled()
    assert robot.planned()["types"] == [] and robot.planned()["recipes"] == [RECIPE]
    assert not panel.save.isEnabled()
    robot.qtbot.keyClicks(panel.name, "careful")
    panel.save.click()
    robot.wait(lambda: client.called("save_quant_recipe"))
    assert client.called("save_quant_recipe")[0].args == ("careful", RECIPE)
    client.quant_recipes = [{"name": "careful", "recipe": RECIPE}]
    robot.context.link.tell("recipes.changed", {"name": "careful"})
    robot.wait(lambda: robot.parts.types.recipes.keys == ["careful"])
    rule.remove.click()
    panel.form.output.setCurrentIndex(0)
    panel.form.output.activated.emit(0)
    robot.toggle("Q4_K_M")
    robot.click(robot.parts.types.recipes.chip("careful"))
    robot.settled()
    assert robot.planned()["types"] == []
    assert robot.planned()["recipes"] == [{**RECIPE, "name": "careful"}]


def test_a_recipe_of_the_same_name_is_replaced_only_when_asked(open_page: OpenPage) -> None:
    robot = open_page()
    client = robot.context.client

    def save(name: str, recipe: dict[str, Any], replace: bool) -> dict[str, Any]:
        if not replace:
            raise AppError(ErrorCode.RECIPE_EXISTS, recipe=name)
        return {}

    client.save_quant_recipe = save
    robot.page.presenter.save_recipe("careful", RECIPE)
    robot.wait(lambda: robot.context.toasts)
    text, _, (word, act) = robot.context.toasts[0]
    assert "careful" in text and word == "Replace it"
    act()
    robot.wait(lambda: len(robot.context.toasts) == 2)
    assert client.called("save_quant_recipe")[-1].kwargs == {"replace": True}


def test_single_tensors_get_plain_types() -> None:
    names = ["Q4_K_S", "Q4_K_M", "Q2_K", "Q8_0", "IQ3_M", "IQ4_XS", "MXFP4_MOE", "F16"]
    assert tensor_types(names) == ["Q4_K", "Q2_K", "Q8_0", "IQ3_S", "IQ4_XS", "MXFP4", "F16"]


# --- the page ---------------------------------------------------------------------------------


def test_without_a_service_nothing_starts_and_afterwards_all_is_asked_again(
    open_page: OpenPage,
) -> None:
    robot = open_page()
    robot.context.link.lose()
    assert robot.reason == "The service does not answer." and not robot.page.start.isEnabled()
    before = len(robot.context.client.called("quant_types"))
    robot.context.link.tell_state()
    robot.wait(robot.page.start.isEnabled)
    assert len(robot.context.client.called("quant_types")) == before + 1


@pytest.mark.parametrize(("width", "columns"), [(1400, 4), (700, 2), (300, 1)])
def test_cards_stand_as_wide_as_there_is_room(
    open_page: OpenPage, width: int, columns: int
) -> None:
    robot = open_page()
    cards = robot.parts.cards
    cards.set_room(width)
    assert len({cards._grid.getItemPosition(n)[1] for n in range(4)}) == columns  # type: ignore[index]
