"""Lists on the Machine page: disks, and what the doctor found."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.hardware.disk import DiskInfo
from desktop.core.hardware.facts import Finding
from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.machine.words import words_of
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Surface, Text
from desktop.ui.widgets.parts import IconLabel, Line
from desktop.ui.widgets.progressrow import Bar


class DisksCard(Translated, Surface):
    """Each disk once: the folders on it, how full it is, what is odd about it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._title = Text(theme, role="strong")
        self._box = QWidget()
        self._disks: tuple[DiskInfo, ...] = ()
        self.body.addWidget(self._title)
        self.body.addWidget(self._box)
        self.retranslate()

    def show_disks(self, disks: tuple[DiskInfo, ...]) -> None:
        if disks != self._disks:
            self._disks = disks
            self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Disks"))
        box, self._box = self._box, QWidget()
        self.body.replaceWidget(box, self._box)
        box.hide()
        box.deleteLater()
        grid = QGridLayout(self._box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 3)
        grid.setColumnStretch(1, 2)
        for number, (disk, folders) in enumerate(self._once()):
            place = Text(self._theme, "\n".join(folders), role="mono", wrap=True)
            bar = Bar(self._theme)
            used = 1 - disk.free_bytes / disk.total_bytes if disk.total_bytes else 0.0
            bar.set_share(used)
            free = self.tr("{free} free of {total}").format(
                free=units.size(disk.free_bytes), total=units.size(disk.total_bytes)
            )
            bar.setAccessibleName(free)
            words = Text(self._theme, free)
            kind = Text(self._theme, " · ".join(self._kind(disk)), role="caption")
            grid.addWidget(place, number, 0)
            grid.addWidget(bar, number, 1)
            grid.addWidget(words, number, 2, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(kind, number, 3)

    def _once(self) -> list[tuple[DiskInfo, list[str]]]:
        found: dict[str, tuple[DiskInfo, list[str]]] = {}
        for disk in self._disks:
            key = disk.mount_point or disk.folder
            found.setdefault(key, (disk, []))[1].append(disk.folder)
        return list(found.values())

    def _kind(self, disk: DiskInfo) -> list[str]:
        words = [disk.filesystem]
        if disk.is_network:
            words.append(self.tr("network"))
        if disk.is_in_memory:
            words.append(self.tr("in memory"))
        if disk.read_only or not disk.writable:
            words.append(self.tr("read only"))
        return words


class FindingRow(Translated, QWidget):
    """Icon and word for how bad it is, what it is, why, and what to do."""

    def __init__(self, theme: Theme, finding: Finding) -> None:
        super().__init__()
        self._finding = finding
        icon = "check" if finding.severity == "ok" else finding.severity
        token = {"ok": "accent"}.get(finding.severity, finding.severity)
        self._word = Text(theme, role="caption", token=token)
        self._title = Text(theme, role="strong", wrap=True)
        self._detail = Text(theme, token="secondary", wrap=True)
        self._remedy = Text(theme, wrap=True)
        self._remedy.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title, 1)
        head.addWidget(self._word)
        texts.addLayout(head)
        texts.addWidget(self._detail)
        texts.addWidget(self._remedy)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(12)
        line.addWidget(IconLabel(theme, icon, token), 0, Qt.AlignmentFlag.AlignTop)
        line.addLayout(texts, 1)
        self.retranslate()

    def retranslate(self) -> None:
        title, detail, remedy = words_of(self._finding)
        words = {
            "error": self.tr("Problem"),
            "warning": self.tr("Could be better"),
            "info": self.tr("Good to know"),
            "ok": self.tr("Fine"),
        }
        word = words[self._finding.severity]
        self._word.setText(word)
        self._title.setText(title)
        self._detail.setText(detail)
        self._detail.setVisible(bool(detail))
        self._remedy.setText(f"→ {remedy}")
        self._remedy.setVisible(bool(remedy))
        self.setAccessibleName(f"{word}: {title}. {detail} {remedy}".strip())


class DoctorCard(Translated, Surface):
    """What decides how well models run here, worst first."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._title = Text(theme, role="strong")
        self._text = Text(theme, token="secondary", wrap=True)
        self._rows = QVBoxLayout()
        self._lines: list[FindingRow] = []
        self._rows.setSpacing(12)
        self._findings: Sequence[Finding] | None = None
        self.body.setSpacing(12)
        self.body.addWidget(self._title)
        self.body.addWidget(self._text)
        self.body.addLayout(self._rows)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("What decides how well models run here"))
        if self._findings is None:
            self._text.setText(self.tr("Looking at the machine …"))
            return
        counts = {
            word: sum(f.severity == word for f in self._findings) for word in ("error", "warning")
        }
        self._text.setText(
            self.tr("{errors} problems, {warnings} that could be better, {rest} others").format(
                errors=counts["error"],
                warnings=counts["warning"],
                rest=len(self._findings) - counts["error"] - counts["warning"],
            )
        )

    def show_findings(self, findings: Sequence[Finding]) -> None:
        self._findings = findings
        self._lines = []
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for number, finding in enumerate(findings):
            if number:
                self._rows.addWidget(Line(self._theme))
            self._lines.append(FindingRow(self._theme, finding))
            self._rows.addWidget(self._lines[-1])
        self.retranslate()

    def rows(self) -> list[FindingRow]:
        return list(self._lines)
