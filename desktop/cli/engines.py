"""The engines of this machine, read in a command's own process."""

from __future__ import annotations

from desktop.cli.output import Output
from desktop.core.engine.store import RuntimeStore
from desktop.core.paths import paths


def store(out: Output, chosen: str | None = None) -> RuntimeStore:
    """The runtimes.

    Args:
        chosen: which one the running service uses; None where none runs: the settings say it.
    """
    where = paths()
    return RuntimeStore(where, chosen or _from_settings(out))


def _from_settings(out: Output) -> str:
    from desktop.core.settings import SettingsFile

    file = SettingsFile(paths().settings_file)
    for notice in file.notices:
        out.once(notice.text)
    return file.settings.engine.runtime
