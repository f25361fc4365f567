"""Decides what has to be done on this system, does it, and undoes it."""

from __future__ import annotations

import getpass
import os
import shutil
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from desktop.core import procs
from desktop.core.autostart import launchd, systemd, windows
from desktop.core.autostart.job import Job, Plan, in_source_tree, kept_environment, own_program
from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import write_atomic
from desktop.core.paths import Paths

# Groups whose members may use graphics cards: DRM's, and AMD's compute.
_CARD_GROUPS = ("video", "render")
_COMMAND_SECONDS = 60
_BOOTED = Path("/run/systemd/system")  # there where systemd runs the machine: sd_booted(3)

Run = Callable[[Sequence[str]], procs.Outcome]


def plan(
    where: Paths,
    words: Sequence[str],
    *,
    system: bool,
    user: str | None = None,
    environ: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> Plan:
    """What has the system start `paddock` with these words.

    Args:
        system: with the machine, before anybody logs in.
        user: whose process it is then, on macOS; systemd makes a user for it.

    Raises:
        AppError: AUTOSTART_FAILED, where this system has no way to do it.
    """
    program = own_program()
    if not program.exists():
        raise _failed(f"The program to start is not there: {program}.")
    environment = kept_environment(environ)
    job = Job((str(program), *words), environment, system, user)
    home = Path.home()
    if platform == "linux":
        if shutil.which("systemctl") is None:
            raise _failed(
                "This system does not run systemd. Have its own start-up system run: "
                + " ".join(job.command)
            )
        if user is not None:
            raise _failed(
                "With systemd a person's server is a unit of their own: as that person run "
                "`paddock serve --install`, and `loginctl enable-linger` to have it start with the "
                "machine."
            )
        if system and not _open_to_all(program):
            raise _failed(
                f"{program} can only be read by its owner, and the server runs as a user of its "
                "own. Put Paddock where everybody can read it, such as /opt, or leave --system out."
            )
        made = systemd.plan(replace(job, groups=_card_groups()), home=home)
    elif platform == "darwin":
        if system and user is None:
            user = environ.get("SUDO_USER")
            if not user or user == "root":
                raise _failed("Say whose process it is to be: --as USER.")
        job = replace(job, user=user, out=where.logs / "serve.log")
        made = launchd.plan(job, home=home, uid=os.getuid() if hasattr(os, "getuid") else 0)
    elif platform == "win32":
        if system:
            raise _failed("On Windows it starts when a person logs on: leave --system out.")
        made = windows.plan(replace(job, user=_windows_user(environ)), folder=where.config)
    else:
        raise _failed(f"There is no way yet to do this on {platform}.")
    if in_source_tree() and not getattr(sys, "frozen", False):
        hint = f"It starts what lies in {program.parent}: do not move this folder."
        made = replace(made, hints=(*made.hints, hint))
    return made


def install(made: Plan, *, start: bool, run: Run | None = None) -> None:
    """Write the file; with `start`, have the system take it up.

    Raises:
        AppError: AUTOSTART_FAILED, DISK_FULL.
    """
    run = run or _run
    old = made.path.exists()
    if start and made.kind == "systemd" and not _BOOTED.is_dir():
        raise _failed(
            "systemd does not run this machine (in a container there is none). Nothing was written."
        )
    try:
        write_atomic(made.path, made.content)
    except PermissionError as error:
        raise _failed(f"{made.path} cannot be written: {error.strerror}. Use sudo.") from error
    if not start:
        return
    if made.kind == "launchd" and old:
        run(made.stop[0])  # an older one that is running; where it does not, that is well
    for command in made.start:
        _checked(run, command)


def uninstall(made: Plan, *, run: Run | None = None) -> bool:
    """Stop it, and take the file away; returns whether there was one.

    Raises:
        AppError: AUTOSTART_FAILED.
    """
    run = run or _run
    if not made.path.exists():
        return False
    there = made.kind != "systemd" or _BOOTED.is_dir()
    for command in made.stop if there else ():
        run(command)  # one that does not run cannot be stopped, and need not be
    try:
        made.path.unlink()
    except PermissionError as error:
        raise _failed(f"{made.path} cannot be removed: {error.strerror}. Use sudo.") from error
    if made.kind == "systemd" and there:
        _checked(run, made.start[0])  # daemon-reload
    return True


def _run(command: Sequence[str]) -> procs.Outcome:
    return procs.run(command, timeout_seconds=_COMMAND_SECONDS)


def _checked(run: Run, command: Sequence[str]) -> None:
    words = " ".join(command)
    try:
        done = run(command)
    except (OSError, AppError) as error:
        raise _failed(f"`{words}`: {error}") from error
    if not done.ok:
        said = done.tail(1).strip().rstrip(".") or "it said nothing"
        raise _failed(f"`{words}` failed: {said}.")


def _failed(reason: str) -> AppError:
    return AppError(ErrorCode.AUTOSTART_FAILED, reason=reason)


def _card_groups() -> tuple[str, ...]:
    """Those of the groups that this system has: systemd refuses a unit with others."""
    if sys.platform == "win32":
        return ()
    import grp

    there = {each.gr_name for each in grp.getgrall()}
    return tuple(name for name in _CARD_GROUPS if name in there)


def _open_to_all(program: Path) -> bool:
    """Whether any user can start it."""
    real = program.resolve()
    needed = [real, *real.parents]
    return all(each.stat().st_mode & stat.S_IXOTH for each in needed)


def _windows_user(environ: Mapping[str, str]) -> str:
    domain, name = environ.get("USERDOMAIN"), environ.get("USERNAME") or getpass.getuser()
    return f"{domain}\\{name}" if domain else name
