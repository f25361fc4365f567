"""What would be made: each file with its size, what it takes, where it goes, what is doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.ui import units
from desktop.ui.downloads.words import breakable
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.tabs.quantize import words
from desktop.ui.tabs.quantize.cards import tell
from desktop.ui.tabs.quantize.wish import Output, Target
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, Surface, Text, row
from desktop.ui.widgets.field import Field
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.parts import Banner
from desktop.ui.widgets.tick import Tick

Json = dict[str, Any]
_NAMED_LETTERS = 24  # of the name's field


class OutputLines(Translated, QWidget):
    """The files below one another: name, size, bits per weight, what is to be said of it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(TIGHT)
        self._grid.setColumnStretch(0, 3)
        self._grid.setColumnStretch(3, 3)
        self._heads = [Text(theme, role="caption") for _ in range(3)]
        self._lines: list[list[Text]] = []
        self._place(self._heads, 0)
        self.retranslate()

    def retranslate(self) -> None:
        names = (self.tr("File"), self.tr("Size"), self.tr("Bits/weight"))
        for head, name in zip(self._heads, names, strict=True):
            head.setText(name)

    def _place(self, texts: Sequence[Text], line: int) -> None:
        top = Qt.AlignmentFlag.AlignTop
        for column, text in enumerate(texts):
            right = Qt.AlignmentFlag.AlignRight if column in (1, 2) else top
            self._grid.addWidget(text, line, column, right | top)

    def show_lines(self, lines: Sequence[tuple[str, str, str, str]]) -> None:
        while len(self._lines) < len(lines):
            made = [
                Text(self._theme, wrap=True),
                Text(self._theme),
                Text(self._theme, token="secondary"),
                Text(self._theme, role="caption", wrap=True),
            ]
            self._lines.append(made)
            self._place(made, len(self._lines))
        for number, texts in enumerate(self._lines):
            there = number < len(lines)
            for column, text in enumerate(texts):
                text.setVisible(there)
                text.setText(lines[number][column] if there else "")


class _Fact(QWidget):
    """What it is, above its figure."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.name = Text(theme, role="caption")
        self.value = Text(theme)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.name)
        layout.addWidget(self.value)

    def say(self, name: str, value: str, token: str = "text") -> None:
        self.name.setText(name)
        self.value.setText(value)
        self.value.set_token(token)
        self.setAccessibleName(f"{name}: {value}")
        self.setVisible(bool(value))
        self.updateGeometry()


class PlanPane(Translated, Surface):
    """Signals:
    changed: where files go, how they are called, or whether some may be replaced.
    """

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._folder = self._default = ""
        self._told: tuple[Any, ...] = (None, None, (), None)
        self._title = Text(theme, role="strong", wrap=True)
        self._reason = Text(theme, role="caption", wrap=True)
        self._reason.hide()
        self.lines = OutputLines(theme)
        self.disk, self.memory, self.time = _Fact(theme), _Fact(theme), _Fact(theme)
        self._facts = QWidget()
        flow = FlowLayout(self._facts, 24)
        for fact in (self.disk, self.memory, self.time):
            flow.addWidget(fact)
        self._doubts = QVBoxLayout()
        self._doubts.setSpacing(GAP)
        self._banners: list[Banner] = []
        self.replace_tick = Tick(theme)
        self.replace_tick.setObjectName("quantize-replace")
        self.replace_tick.clicked.connect(self.changed)
        self.replace_tick.hide()
        self._place = Text(theme, role="mono", wrap=True)
        self.change = Button(theme, icon_name="folder", shrinks=True)
        self.change.setObjectName("quantize-folder")
        self.change.clicked.connect(self._on_change_clicked)
        self.name = QLineEdit()
        self.name.setObjectName("quantize-name")
        letters = _NAMED_LETTERS * self.name.fontMetrics().averageCharWidth()
        self.name.setMaximumWidth(letters + 24)
        self.name.textEdited.connect(self.changed)
        self._name = Field(theme, self.name)
        self._where = Text(theme, role="caption")
        self._build()
        self.retranslate()

    def _build(self) -> None:
        self.body.addWidget(self._title)
        self.body.addWidget(self._reason)
        self.body.addWidget(self.lines)
        self.body.addLayout(self._doubts)
        self.body.addWidget(self.replace_tick)
        self.body.addWidget(self._facts)
        where = QVBoxLayout()
        where.setSpacing(TIGHT)
        where.addWidget(self._where)
        line = row(self._place, self.change)
        line.setStretch(0, 1)
        where.addLayout(line)
        foot = row(self._name, spacing=24)
        foot.addLayout(where, 1)
        self.body.addLayout(foot)

    def retranslate(self) -> None:
        self._where.setText(self.tr("Folder"))
        self.change.setText(self.tr("Change…"))
        self.change.setAccessibleName(self.tr("Change the folder"))
        self.change.setToolTip(self.tr("Change the folder"))
        self.change.updateGeometry()
        self.replace_tick.setText(self.tr("Replace the files that exist"))
        self._name.set_name(
            self.tr("Names begin with"), self.tr("Each file's name ends with its type.")
        )
        self.name.setPlaceholderText(self.tr("As the source"))
        self.show_plan(*self._told)

    # --- what is shown --------------------------------------------------------------------------

    def show_plan(
        self,
        plan: Json | None,
        problem: AppError | None,
        existing: Sequence[str],
        target: Target | None = None,
    ) -> None:
        """Args:
        problem: why there is none; existing: paths of files that would be replaced.
        target: what is made is not known yet; the plan is of what it will be compared with.
        """
        self._told = (plan, problem, existing, target)
        outputs = sorted(plan["outputs"], key=_size, reverse=True) if plan else []
        self.lines.show_lines([self._output(each, target) for each in outputs])
        self.lines.setVisible(bool(outputs))
        made, plain = self.tr("What will be made"), self.tr("Plain types, to compare with")
        self._title.setText(made if target is None else plain)
        self._show_facts(plan, searching=target is not None)
        self._show_doubts(plan, problem)
        self.replace_tick.setVisible(bool(existing))

    def show_reason(self, reason: str) -> None:
        """Why it cannot be started, where that has no room beside the button."""
        tell(self._reason, reason)

    def _output(self, output: Json, target: Target | None) -> tuple[str, str, str, str]:
        size, fallbacks = output.get("size_bytes"), len(output.get("fallbacks") or ())
        notes = []
        if target is not None:
            fits = size is not None and target.most_bytes is not None and size <= target.most_bytes
            notes += [self.tr("within the bound")] if fits else []
        elif output.get("exists"):
            notes.append(self.tr("exists already"))
        if fallbacks:
            one = self.tr("1 tensor gets another type")
            many = self.tr("{count} tensors get another type")
            notes.append(one if fallbacks == 1 else many.format(count=fallbacks))
        name = words.file_name(output.get("path")) if target is None else ""
        name = name or str(output["label"])
        known = units.size(size) if size is not None else self.tr("known later")
        bits = words.bits(output.get("bits_per_weight"))
        return breakable(name), known, bits, ", ".join(notes)

    def _show_facts(self, plan: Json | None, *, searching: bool) -> None:
        self._facts.setVisible(plan is not None)
        if plan is None:
            return
        need, free = plan.get("disk_bytes"), plan.get("disk_free_bytes")
        of = self.tr("{need} of {free} free")
        short = need is not None and free is not None and need > free
        told = of.format(need=units.size(need), free=units.size(free)) if need else ""
        self.disk.say(self.tr("Disk"), "" if searching else told, "error" if short else "text")
        need, free = plan.get("memory_bytes"), plan.get("memory_available_bytes")
        short = need is not None and free is not None and need > free
        told = of.format(need=units.size(need), free=units.size(free)) if need else ""
        self.memory.say(self.tr("Memory"), told, "warning" if short else "text")
        told = "" if searching or not plan.get("seconds") else words.expected_time(plan["seconds"])
        chunks = plan.get("chunks")
        if told and chunks:
            told = self.tr("{time}, {count} chunks").format(time=told, count=units.count(chunks))
        self.time.say(self.tr("Time"), told)

    def _show_doubts(self, plan: Json | None, problem: AppError | None) -> None:
        told: list[tuple[str, str, str]] = []
        if problem is not None:
            said = message(problem)
            told.append(("error", said.title, said.text))
        for warning in plan.get("warnings", ()) if plan else ():
            if not words.told_elsewhere(warning):
                said = words.doubt(warning)
                kind = "error" if words.blocks(warning) else "warning"
                told.append((kind, said.title, said.text))
        while len(self._banners) < len(told):
            banner = Banner(self._theme, "warning")
            self._banners.append(banner)
            self._doubts.addWidget(banner)
        for number, banner in enumerate(self._banners):
            banner.setVisible(number < len(told))
            if number < len(told):
                kind, title, text = told[number]
                banner.tell(title, text, kind=kind)

    # --- what is wanted -------------------------------------------------------------------------

    def show_default(self, folder: str) -> None:
        """Where files go unless a folder was chosen by hand."""
        self._default = folder
        self._place.setText(breakable(self._folder or folder))

    def wish(self) -> Output:
        replace = self.replace_tick.isChecked() and not self.replace_tick.isHidden()
        return Output(self._folder or self._default, self.name.text().strip(), replace)

    def choose_folder(self, folder: str) -> None:
        self._folder = folder
        self.replace_tick.setChecked(False)
        self.show_default(self._default)
        self.changed.emit()

    def _on_change_clicked(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose a folder for the files"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.choose_folder)
        dialog.open()


def _size(output: Mapping[str, Any]) -> float:
    return float(output.get("size_bytes") or 0.0)
