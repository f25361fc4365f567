"""Files dragged from outside: a quiet overlay says what would happen, a drop hands on the paths."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme


class DropOverlay(Translated, QWidget):
    """Lies over a widget while files are dragged over it."""

    def __init__(self, theme: Theme, over: QWidget) -> None:
        super().__init__(over)
        self._theme = theme
        self._text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        self.retranslate()

    def retranslate(self) -> None:
        self._text = self.words()
        self.setAccessibleName(self._text)

    def words(self) -> str:
        """What would happen."""
        return self.tr("Drop GGUF files or folders to add them to the Library")

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(theme.colour("window"))
        veil.setAlphaF(0.86)
        painter.fillRect(self.rect(), veil)
        pen = QPen(theme.colour("accent"), 2)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.setBrush(theme.colour("tint"))
        box = QRectF(self.rect()).adjusted(16, 16, -16, -16)
        painter.setOpacity(0.9)
        painter.drawRoundedRect(box, 12, 12)
        painter.setOpacity(1.0)
        painter.setFont(theme.font(3, semibold=True))
        painter.setPen(theme.colour("text"))
        painter.drawText(
            box.adjusted(24, 24, -24, -24),
            int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap),
            self._text,
        )


class FileDrop(QObject):
    """Takes local files dropped on a widget or on what it holds, unless a child takes them itself.

    Args:
        overlay: what lies over it meanwhile and says what would happen; by default, that they are
            added to the Library.

    Signals:
        paths_dropped: the local paths, as text.
    """

    paths_dropped = Signal(list)

    def __init__(self, theme: Theme, over: QWidget, overlay: DropOverlay | None = None) -> None:
        super().__init__(over)
        self._over = over
        self._overlay = overlay or DropOverlay(theme, over)
        over.setAcceptDrops(True)
        over.installEventFilter(self)

    @property
    def highlighted(self) -> bool:
        return not self._overlay.isHidden()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.DragEnter:
            if not local_paths(event.mimeData()):  # type: ignore[attr-defined]
                return False
            self._overlay.setGeometry(self._over.rect())
            self._overlay.show()
            self._overlay.raise_()
            event.acceptProposedAction()  # type: ignore[attr-defined]
            return True
        if kind == QEvent.Type.DragMove and self.highlighted:
            event.acceptProposedAction()  # type: ignore[attr-defined]
            return True
        if kind == QEvent.Type.DragLeave:
            self._overlay.hide()
        if kind == QEvent.Type.Drop and self.highlighted:
            self._overlay.hide()
            event.acceptProposedAction()  # type: ignore[attr-defined]
            self.paths_dropped.emit(local_paths(event.mimeData()))  # type: ignore[attr-defined]
            return True
        if kind == QEvent.Type.Resize:
            self._overlay.setGeometry(self._over.rect())
        return False


def local_paths(data: QMimeData) -> list[str]:
    """The files and folders of this machine among what is dragged."""
    return [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
