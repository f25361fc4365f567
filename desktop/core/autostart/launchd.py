"""A property list of launchd: an agent of a person's session, or a daemon of the machine."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

from desktop.core.autostart.job import Job, Plan

LABEL = "paddock.serve"


def plan(job: Job, *, home: Path, uid: int) -> Plan:
    """The list and what makes launchd take it up (launchctl(1))."""
    folder = Path("/Library/LaunchDaemons") if job.system else home / "Library" / "LaunchAgents"
    path = folder / f"{LABEL}.plist"
    domain = "system" if job.system else f"gui/{uid}"
    return Plan(
        "launchd",
        path,
        property_list(job),
        (
            ("launchctl", "enable", f"{domain}/{LABEL}"),
            ("launchctl", "bootstrap", domain, str(path)),
            ("launchctl", "kickstart", f"{domain}/{LABEL}"),
        ),
        (("launchctl", "bootout", f"{domain}/{LABEL}"),),
        (f"What it prints: {job.out}",) if job.out else (),
    )


def property_list(job: Job) -> bytes:
    """The list as XML (launchd.plist(5))."""
    found: dict[str, Any] = {
        "Label": LABEL,
        "ProgramArguments": list(job.command),
        "EnvironmentVariables": dict(job.environment),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},  # again after a failure, not after `paddock stop`
        "ThrottleInterval": 10,
        "ExitTimeOut": 60,
        "ProcessType": "Interactive",  # else the system slows it down as background work
        "SoftResourceLimits": {"NumberOfFiles": 65536},
    }
    if job.out is not None:
        found |= {"StandardOutPath": str(job.out), "StandardErrorPath": str(job.out)}
    if job.user is not None:
        found["UserName"] = job.user
    return plistlib.dumps(found, sort_keys=False)
