"""What the system is to start, and what it is told; the same for every system."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from desktop.core.paths import resources

# What decides where things lie or how the network is reached. A secret is never among them: the
# files are readable for others.
KEPT = (
    "PADDOCK_HOME",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_ENDPOINT",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
)


@dataclass(frozen=True)
class Job:
    """A server to start.

    Attributes:
        command: program and words.
        environment: beside what the system gives everybody.
        system: with the machine, not with a person's session.
        user: whose process it is, where the job says it.
        groups: that open the graphics cards, for a user that the system makes.
        out: file for what it prints, where the system keeps no log of it.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    system: bool = False
    user: str | None = None
    groups: tuple[str, ...] = ()
    out: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What has to be done on one system.

    Attributes:
        path: of the file the system reads.
        start: commands that make the system read it, start the server, and start it from now on.
        stop: commands that end it, for good.
        hints: what a person may want to know or to do beside it.
    """

    kind: str
    path: Path
    content: bytes
    start: tuple[tuple[str, ...], ...]
    stop: tuple[tuple[str, ...], ...]
    hints: tuple[str, ...] = ()


def own_program() -> Path:
    """The file that starts Paddock and is still there after an upgrade.

    That is the name it is found by where that is this same program, since what the name points to
    may carry a version; else the frozen program itself, or the script of this environment.
    """
    name = "paddock.exe" if sys.platform == "win32" else "paddock"
    frozen = bool(getattr(sys, "frozen", False))
    own = Path(sys.executable) if frozen else Path(sysconfig.get_path("scripts")) / name
    found = shutil.which("paddock")
    if found is not None:
        named = Path(found).absolute()
        if not own.exists() or named.resolve() == own.resolve():
            return named
    return own


def in_source_tree() -> bool:
    """Whether this runs from a checkout, which may be moved or changed at any time."""
    return (resources().parent / "pyproject.toml").is_file()


def kept_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What of this terminal's environment the server needs to find the same files."""
    found = {name: environ.get(name) or environ.get(name.lower()) for name in KEPT}
    return {name: value for name, value in found.items() if value and "@" not in value}


def serve_words(
    *,
    host: str | None,
    port: int | None,
    models: Sequence[str],
    pin: bool = False,
    tls: Mapping[str, str | None] | None = None,
) -> tuple[str, ...]:
    """The words of `paddock serve` for these; files by their whole paths."""
    words = ["serve"]
    if host is not None:
        words += ["--host", host]
    if port is not None:
        words += ["--port", str(port)]
    for name, value in (tls or {}).items():
        if value is not None:
            path = value if name == "tls" else str(Path(value).absolute())
            words += [f"--{name.replace('_', '-')}", path]
    for model in models:
        words += ["--model", model]
    if pin:
        words.append("--pin")
    return tuple(words)
