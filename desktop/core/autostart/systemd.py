"""A unit of systemd, for a person's session or for the machine.

Hardening keeps to what leaves the graphics cards alone: no private /dev, no locked-down kernel
settings, and the memory may be made executable (drivers compile code). A person's own unit gets
none of the sandbox: there systemd would put it into a user namespace, where the groups that open
the cards do not count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from desktop.core.autostart.job import Job, Plan
from desktop.core.errors import AppError, ErrorCode

NAME = "paddock.service"
STATE = "paddock"  # under /var/lib
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@,+-]+")


def plan(job: Job, *, home: Path) -> Plan:
    """The unit and what makes systemd take it up."""
    systemctl = ("systemctl",) if job.system else ("systemctl", "--user")
    path = (
        Path("/etc/systemd/system") / NAME
        if job.system
        else home / ".config" / "systemd" / "user" / NAME
    )
    log = "journalctl -u paddock" if job.system else "journalctl --user -u paddock"
    hints = [f"Its log: {log} -f"]
    if not job.system:
        hints.append("To have it run while nobody is logged in: loginctl enable-linger")
    if job.system:
        hints.append(
            f"Its data and models lie in /var/lib/{STATE}. For commands that are to reach it: "
            f"sudo PADDOCK_HOME=/var/lib/{STATE} paddock status"
        )
    return Plan(
        "systemd",
        path,
        unit(job).encode(),
        (
            (*systemctl, "daemon-reload"),
            (*systemctl, "enable", NAME),
            (*systemctl, "restart", NAME),
        ),
        ((*systemctl, "disable", "--now", NAME),),
        tuple(hints),
    )


def unit(job: Job) -> str:
    """The text of the unit."""
    lines = ["[Unit]", "Description=Paddock, a server for local language models"]
    if job.system:
        lines += ["Wants=network-online.target", "After=network-online.target"]
    lines += [
        "StartLimitIntervalSec=600",
        "StartLimitBurst=10",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={_command_line(job.command)}",
    ]
    environment = dict(job.environment)
    if job.system:
        home = f"/var/lib/{STATE}"
        environment = {**environment, "PADDOCK_HOME": home, "HF_HOME": f"{home}/huggingface"}
    pairs = [f"{name}={value}" for name, value in sorted(environment.items())]
    lines += [f"Environment={quoted(pair)}" for pair in pairs]
    lines += [
        "Restart=on-failure",
        "RestartSec=5",
        "# The models' processes are ended by the server itself, answers first.",
        "KillMode=mixed",
        "TimeoutStopSec=60",
        "SyslogIdentifier=paddock",
        "LimitNOFILE=65536",
        "LimitMEMLOCK=infinity",
    ]
    if job.system:
        lines += _system_lines(job)
    lines += ["", "[Install]", f"WantedBy={'multi-user' if job.system else 'default'}.target", ""]
    return "\n".join(lines)


def _system_lines(job: Job) -> list[str]:
    lines = [
        "# NVIDIA's devices exist once its driver was asked for them, which takes privileges.",
        "ExecStartPre=-+/usr/bin/nvidia-modprobe -u -c=0",
    ]
    lines += ["DynamicUser=yes", f"StateDirectory={STATE}", "StateDirectoryMode=0700"]
    if job.groups:
        lines.append(f"SupplementaryGroups={' '.join(job.groups)}")
    return [
        *lines,
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "ProtectSystem=full",
        "ProtectControlGroups=yes",
        "ProtectHostname=yes",
        "RestrictSUIDSGID=yes",
        "RestrictRealtime=yes",
        "LockPersonality=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "SystemCallArchitectures=native",
    ]


def _command_line(command: Sequence[str]) -> str:
    """Of its words only the later ones have variables replaced, and the program's name may hold
    neither quotes nor backslashes (systemd.service(5), and string_is_safe in its source).

    Raises:
        AppError: AUTOSTART_FAILED.
    """
    program, *words = command
    if any(letter in program for letter in "\"'\\"):
        raise AppError(
            ErrorCode.AUTOSTART_FAILED,
            reason=f"systemd starts no program whose path holds quotes or backslashes: {program}.",
        )
    return " ".join([quoted(program), *(quoted(word).replace("$", "$$") for word in words)])


def quoted(word: str) -> str:
    """A word as systemd reads it, with its quotes and `%` (systemd.syntax and systemd.unit(5)).

    Raises:
        AppError: AUTOSTART_FAILED for control characters, which a unit cannot hold.
    """
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in word):
        raise AppError(ErrorCode.AUTOSTART_FAILED, reason=f"{word!r} holds control characters.")
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
