"""Languages: English in the code, others from `resources/i18n/<language>/*.ts`, switched live.

The files are Qt's own translation sources, read as they are: no compiled copies that could be
missing or stale. A few hundred texts take a few milliseconds.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QObject, QTranslator, Signal

from desktop.core.paths import resources

LANGUAGES = {"en": "English", "ja": "日本語"}


def read_catalogue(folder: Path) -> dict[tuple[str, str], str]:
    """(context, source text) → translation, of every finished message in a folder of .ts files."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted(folder.glob("*.ts")):
        for context in ElementTree.parse(path).getroot().iter("context"):
            name = context.findtext("name") or ""
            for message in context.iter("message"):
                text = message.findtext("translation")
                if text:
                    found[name, message.findtext("source") or ""] = text
    return found


class _Translator(QTranslator):
    """Looks texts up in a catalogue. The same text in another context is a translation too:
    a base class's texts are asked for under the name of the derived one."""

    def __init__(self, catalogue: dict[tuple[str, str], str], parent: QObject) -> None:
        super().__init__(parent)
        self._catalogue = catalogue
        self._any = {source: text for (_, source), text in catalogue.items()}

    def isEmpty(self) -> bool:
        return not self._catalogue

    def translate(
        self, context: str, source: str, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        return self._catalogue.get((context, source)) or self._any.get(source)


class Language(QObject):
    """The language in use; `set` changes it everywhere at once."""

    changed = Signal()

    def __init__(self, parent: QObject, wanted: str = "system") -> None:
        super().__init__(parent)
        self._translator: _Translator | None = None
        self.code = "en"
        self.set(wanted)

    def set(self, wanted: str) -> None:
        """Use "en", "ja", or "system" for what the system is set to."""
        code = wanted
        if wanted not in LANGUAGES:
            code = "ja" if QLocale.system().language() == QLocale.Language.Japanese else "en"
        if code == self.code and (code == "en") == (self._translator is None):
            return
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None
        if code != "en":
            catalogue = read_catalogue(resources() / "i18n" / code)
            self._translator = _Translator(catalogue, self)
            QCoreApplication.installTranslator(self._translator)
        self.code = code
        self.changed.emit()


class Translated:
    """Mixed into a widget with texts, before its Qt class: `class Page(Translated, QWidget)`.

    `retranslate` sets every text; the widget calls it once when it is built, and Qt does on each
    change of language.
    """

    def retranslate(self) -> None:
        """Set every text again."""

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)  # type: ignore[misc]
