"""The system prompt and how tokens are chosen, for this conversation."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QPlainTextEdit,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, IconButton, Surface, Text, row

Json = dict[str, Any]
_QUIET_MS = 500


class _Scrolled(QScrollArea):
    """As high as what it holds, and lower where there is no room for that."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self._inside = inside
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setWidget(inside)
        for each in (self.viewport(), inside):
            each.setAutoFillBackground(False)

    def sizeHint(self) -> QSize:
        return self._inside.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(self._inside.minimumSizeHint().width(), 3 * self.fontMetrics().height())


class Options(Translated, Surface):
    """Emits `changed` with the system prompt and the sampling when the hands rest."""

    changed = Signal(str, dict)
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, padding=16, parent=parent)
        self._theme = theme
        self._pinned = False
        self._kept: Json = {}  # what was set elsewhere and has no field here
        self._title = Text(theme, role="strong")
        self._close = IconButton(theme, "close", "")
        self._close.clicked.connect(self.closed)
        self._system_label = Text(theme, role="caption")
        self.system = QPlainTextEdit()
        self.system.setFrameShape(QFrame.Shape.NoFrame)
        system_box = Surface(theme, token="window", padding=4)
        system_box.body.addWidget(self.system)
        self.system.setTabChangesFocus(True)
        self.system.setFixedHeight(3 * self.system.fontMetrics().lineSpacing() + 16)
        self.temperature, self.top_p = QDoubleSpinBox(), QDoubleSpinBox()
        for share, most in ((self.temperature, 2.0), (self.top_p, 1.0)):
            share.setRange(-0.05, most)  # the lowest stands for "as the model has it"
            share.setSingleStep(0.05)
            share.setDecimals(2)
        self.max_tokens = QSpinBox()
        self.max_tokens.setRange(0, 1_000_000)
        self.max_tokens.setSingleStep(256)
        self.max_tokens.setGroupSeparatorShown(True)
        self._fields = (self.temperature, self.top_p, self.max_tokens)
        self._labels = [Text(theme, role="caption") for _ in self._fields]
        self._reason = Text(theme, role="caption", wrap=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        for number, (label, field) in enumerate(zip(self._labels, self._fields, strict=True)):
            grid.addWidget(label, 0, number)
            grid.addWidget(field, 1, number)
            grid.setColumnStretch(number, 1)
            label.setBuddy(field)
        self.body.addLayout(row(self._title, 1, self._close))
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self._system_label)
        column.addWidget(system_box)
        column.addLayout(grid)
        column.addWidget(self._reason)
        self.body.addWidget(_Scrolled(inside))
        self.body.setSpacing(GAP)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_QUIET_MS)
        self._later.timeout.connect(self._tell)
        self.system.textChanged.connect(self._later.start)
        for each in self._fields:
            each.valueChanged.connect(self._later.start)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.show_options("", {}, pinned=False)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("For this conversation"))
        self._close.set_name(self.tr("Close"))
        self._system_label.setText(self.tr("System prompt"))
        self.system.setAccessibleName(self.tr("System prompt"))
        self.system.setPlaceholderText(self.tr("What the model should know or be, if anything"))
        names = (self.tr("Temperature"), self.tr("Top-p"), self.tr("Most tokens"))
        for label, field, name in zip(self._labels, self._fields, names, strict=True):
            label.setText(name)
            field.setAccessibleName(name)
        own = self.tr("Automatic")
        self.temperature.setSpecialValueText(own)
        self.top_p.setSpecialValueText(own)
        self.max_tokens.setSpecialValueText(self.tr("no limit"))
        self._set_pinned()

    def _on_theme_changed(self) -> None:
        palette = self.system.palette()
        palette.setColor(QPalette.ColorRole.Base, self._theme.colour("window"))
        self.system.setPalette(palette)

    def show_options(self, system: str, sampling: Json, *, pinned: bool) -> None:
        """Args: pinned: the model answers at temperature 0, whatever is set here."""
        if not self._later.isActive() and (system, sampling) != self.value():
            blockers = [QSignalBlocker(each) for each in (self.system, *self._fields)]
            self.system.setPlainText(system)
            self.temperature.setValue(sampling.get("temperature", -0.05))
            self.top_p.setValue(sampling.get("top_p", -0.05))
            self.max_tokens.setValue(sampling.get("max_tokens", 0))
            own = ("temperature", "top_p", "max_tokens")
            self._kept = {name: value for name, value in sampling.items() if name not in own}
            del blockers
        self._pinned = pinned
        self._set_pinned()

    def _set_pinned(self) -> None:
        self.temperature.setEnabled(not self._pinned)
        self.top_p.setEnabled(not self._pinned)
        self._reason.setVisible(self._pinned)
        self._reason.setText(
            self.tr(
                "The bundled model always answers at temperature 0: it knows its answers by"
                " heart, and chance would only spoil them."
            )
        )

    def value(self) -> tuple[str, Json]:
        sampling = dict(self._kept)
        if self.temperature.value() >= 0:
            sampling["temperature"] = round(self.temperature.value(), 2)
        if self.top_p.value() >= 0:
            sampling["top_p"] = round(self.top_p.value(), 2)
        if self.max_tokens.value():
            sampling["max_tokens"] = self.max_tokens.value()
        return self.system.toPlainText(), sampling

    def flush(self) -> None:
        """Tell what was changed just now, before something is sent."""
        if self._later.isActive():
            self._later.stop()
            self._tell()

    def _tell(self) -> None:
        self.changed.emit(*self.value())
