"""A task of Windows' task scheduler that starts the server when its person logs on.

A service of Windows would need a program that speaks to the service manager, and would run before
anybody's graphics driver session; a task needs nothing but `schtasks`, which is always there.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

from desktop.core.autostart.job import Job, Plan

TASK = "Paddock server"


def plan(job: Job, *, folder: Path) -> Plan:
    """The task's file, kept in `folder`, and what registers and starts it."""
    path = folder / "paddock-task.xml"
    lasting = [f"setx {name} {value}" for name, value in sorted(job.environment.items())]
    return Plan(
        "schtasks",
        path,
        task(job).encode("utf-16"),
        (
            ("schtasks", "/Create", "/TN", TASK, "/XML", str(path), "/F"),
            ("schtasks", "/Run", "/TN", TASK),
        ),
        (
            ("schtasks", "/End", "/TN", TASK),
            ("schtasks", "/Delete", "/TN", TASK, "/F"),
        ),
        tuple(f"A task gets only what lasts of your environment: {each}" for each in lasting),
    )


def task(job: Job) -> str:
    """The task (Task Scheduler schema 1.2)."""
    program, *words = job.command
    user = escape(job.user or "")
    return f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Paddock, a server for local language models</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{user}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(words))}</Arguments>
    </Exec>
  </Actions>
</Task>
"""
