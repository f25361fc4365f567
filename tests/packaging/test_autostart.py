"""What systems are told to start, as those systems read it."""

from __future__ import annotations

import plistlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from desktop.cli.app import run as paddock
from desktop.core.autostart import install as installer
from desktop.core.autostart import launchd, systemd, windows
from desktop.core.autostart.job import Job, kept_environment, own_program, serve_words
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import paths
from desktop.core.procs import Outcome

ODD = "/opt/odd place/50% $HOME/paddock"
JOB = Job((ODD, "serve", "--model", "a:q4 b"), {"PADDOCK_HOME": "/srv/my data/100%"})
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
HAS_ANALYZE = shutil.which("systemd-analyze") is not None


def settings(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def verified(folder: Path, job: Job) -> str:
    """What systemd itself says of a unit; empty: nothing is wrong with it."""
    path = folder / systemd.NAME
    path.write_text(systemd.unit(job), "utf-8")
    mode = [] if job.system else ["--user"]
    done = subprocess.run(
        ["systemd-analyze", *mode, "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )
    said = [line for line in done.stderr.splitlines() if systemd.NAME in line]
    return "\n".join(said)


@on_linux
@pytest.mark.skipif(not HAS_ANALYZE, reason="systemd-analyze is not here")
@pytest.mark.parametrize("system", [False, True])
def test_systemd_takes_the_unit(tmp_path: Path, system: bool) -> None:
    program = tmp_path / "odd 50% place $HOME" / "paddock"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    odd = 'a "b" \\ $HOME %h é'
    job = Job((str(program), "serve", "--model", odd), {"PADDOCK_HOME": f"/srv/{odd}"}, system)
    assert verified(tmp_path, job) == ""
    program.unlink()
    assert "not executable" in verified(tmp_path, job)  # it does look


def test_a_unit_starts_again_after_a_failure_and_tells_the_journal() -> None:
    found = settings(systemd.unit(JOB))
    assert found["Restart"] == ["on-failure"] and found["RestartSec"] == ["5"]
    assert found["SyslogIdentifier"] == ["paddock"] and found["KillMode"] == ["mixed"]
    assert found["WantedBy"] == ["default.target"]
    quoted = '"/opt/odd place/50%% $HOME/paddock" serve --model "a:q4 b"'
    assert found["ExecStart"] == [quoted]
    assert found["Environment"] == ['"PADDOCK_HOME=/srv/my data/100%%"']
    # A user namespace would take the groups away that open graphics cards.
    sandbox = {"PrivateTmp", "ProtectSystem", "ProtectHome", "PrivateUsers", "NoNewPrivileges"}
    assert not sandbox & set(found)


def test_a_unit_of_the_machine_has_a_user_of_its_own_and_reaches_the_cards() -> None:
    unit = systemd.unit(Job(("/opt/paddock/paddock", "serve"), {}, True, None, ("video", "render")))
    found = settings(unit)
    assert found["DynamicUser"] == ["yes"] and found["NoNewPrivileges"] == ["yes"]
    assert found["SupplementaryGroups"] == ["video render"]
    assert found["WantedBy"] == ["multi-user.target"]
    assert "PADDOCK_HOME=/var/lib/paddock" in found["Environment"]
    assert "HF_HOME=/var/lib/paddock/huggingface" in found["Environment"]
    for breaks_drivers in ("PrivateDevices", "DevicePolicy", "MemoryDenyWriteExecute"):
        assert breaks_drivers not in found


def test_a_unit_holds_no_second_line_of_anybodys() -> None:
    for words in (("/opt/paddock", "a\nExecStartPre=/bin/evil"), ('/opt/a "b"', "serve")):
        with pytest.raises(AppError) as failure:
            systemd.unit(Job(words))
        assert failure.value.code is ErrorCode.AUTOSTART_FAILED


def test_launchd_reads_the_list(tmp_path: Path) -> None:
    job = Job(JOB.command, JOB.environment, out=tmp_path / "serve.log")
    made = launchd.plan(job, home=Path("/Users/ann"), uid=501)
    assert made.path == Path("/Users/ann/Library/LaunchAgents/paddock.serve.plist")
    found = plistlib.loads(made.content)
    assert found["Label"] == made.path.stem
    assert found["ProgramArguments"] == list(JOB.command)
    assert found["EnvironmentVariables"] == dict(JOB.environment)
    assert found["RunAtLoad"] is True and found["KeepAlive"] == {"SuccessfulExit": False}
    assert found["StandardErrorPath"] == str(tmp_path / "serve.log")
    assert ("launchctl", "bootstrap", "gui/501", str(made.path)) in made.start
    system = launchd.plan(Job(JOB.command, {}, True, "ann"), home=Path("/"), uid=0)
    assert system.path.parent == Path("/Library/LaunchDaemons")
    assert plistlib.loads(system.content)["UserName"] == "ann"


def test_windows_reads_the_task() -> None:
    job = Job(("C:\\My Programs\\paddock.exe", *JOB.command[1:]), JOB.environment, user="PC\\a & b")
    made = windows.plan(job, folder=Path("config"))
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    root = ET.fromstring(made.content)  # UTF-16, as it says of itself

    def text(path: str) -> str | None:
        return root.findtext(path, namespaces=space)

    assert text(".//t:Exec/t:Command") == "C:\\My Programs\\paddock.exe"
    assert text(".//t:Exec/t:Arguments") == 'serve --model "a:q4 b"'
    assert text(".//t:LogonTrigger/t:UserId") == text(".//t:Principal/t:UserId") == "PC\\a & b"
    assert text(".//t:RestartOnFailure/t:Interval") == "PT1M"
    assert text(".//t:ExecutionTimeLimit") == "PT0S"  # no end: the default is three days
    assert text(".//t:DisallowStartIfOnBatteries") == "false"
    assert made.start[0][:3] == ("schtasks", "/Create", "/TN")
    assert any("setx PADDOCK_HOME" in hint for hint in made.hints)


def test_what_of_the_environment_is_kept() -> None:
    environ = {
        "PADDOCK_HOME": "/srv/p",
        "https_proxy": "http://proxy:3128",
        "HTTP_PROXY": "http://ann:secret@proxy:3128",
        "HF_TOKEN": "hf_secret",
        "PADDOCK_SERVER_PORT": "1",
        "PATH": "/bin",
    }
    kept = kept_environment(environ)
    assert kept == {"PADDOCK_HOME": "/srv/p", "HTTPS_PROXY": "http://proxy:3128"}


def test_the_words_of_the_server() -> None:
    tls = {"tls": None, "tls_certificate": "cert.pem", "tls_key": None}
    words = serve_words(host="0.0.0.0", port=9000, models=["a", "b"], pin=True, tls=tls)
    certificate = str(Path("cert.pem").absolute())
    assert words == (
        *("serve", "--host", "0.0.0.0", "--port", "9000"),
        *("--tls-certificate", certificate, "--model", "a", "--model", "b", "--pin"),
    )
    from desktop.cli.parser import build

    assert build().parse_args(list(words)).model == ["a", "b"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_the_program_is_named_as_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the folder of a version that the next upgrade removes."""
    version = tmp_path / "paddock-1.2.3"
    version.mkdir()
    real = version / "paddock"
    real.write_text("#!/bin/sh\n")
    real.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "paddock").symlink_to(real)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(real))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert own_program() == tmp_path / "bin" / "paddock"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_program() == real


class System:
    """What the commands of a system answer."""

    def __init__(self, fails: str = "") -> None:
        self.ran: list[str] = []
        self._fails = fails

    def __call__(self, command: Sequence[str]) -> Outcome:
        self.ran.append(" ".join(command))
        if self._fails and self._fails in self.ran[-1]:
            return Outcome(1, b"", b"warning: first\nFailed to enable unit: it is masked\n")
        return Outcome(0, b"", b"")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Path, "home", classmethod(lambda cls: tmp_path))
    monkeypatch.setattr(installer, "_BOOTED", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(installer, "own_program", lambda: Path(sys.executable))
    return tmp_path


def made(**how: Any) -> installer.Plan:
    return installer.plan(paths(), ["serve"], system=False, platform="linux", **how)


def test_installing_twice_and_taking_it_away(home: Path) -> None:
    system = System()
    plan = made()
    for _ in range(2):  # an upgrade writes the same file anew
        installer.install(plan, start=True, run=system)
    assert plan.path == home / ".config/systemd/user/paddock.service"
    assert plan.path.read_bytes() == plan.content
    restart = "systemctl --user restart paddock.service"
    assert system.ran == ["systemctl --user daemon-reload", *system.ran[1:5], restart]
    system.ran.clear()
    assert installer.uninstall(plan, run=system)
    assert not plan.path.exists()
    assert system.ran[0] == "systemctl --user disable --now paddock.service"
    assert not installer.uninstall(plan, run=system)


def test_nothing_but_the_file_where_it_is_not_to_be_started(home: Path) -> None:
    system = System()
    installer.install(made(), start=False, run=system)
    assert made().path.exists() and system.ran == []


def test_a_system_that_refuses_is_quoted(home: Path) -> None:
    with pytest.raises(AppError) as failure:
        installer.install(made(), start=True, run=System("enable"))
    assert failure.value.code is ErrorCode.AUTOSTART_FAILED
    assert "Failed to enable unit: it is masked" in str(failure.value)


def test_a_machine_that_systemd_does_not_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "_BOOTED", home / "nothing")
    system = System()
    with pytest.raises(AppError, match="systemd does not run this machine"):
        installer.install(made(), start=True, run=system)
    assert not made().path.exists() and system.ran == []
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(AppError, match="does not run systemd"):
        made()


@pytest.mark.parametrize(
    ("platform", "how", "reason"),
    [
        ("win32", {"system": True}, "leave --system out"),
        ("darwin", {"system": True, "environ": {}}, "--as USER"),
        ("linux", {"system": False, "user": "ann"}, "enable-linger"),
        ("sunos5", {"system": False}, "no way yet"),
    ],
)
def test_what_a_system_cannot_do_is_said(
    home: Path, platform: str, how: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AppError, match=re.escape(reason)):
        installer.plan(paths(), ["serve"], platform=platform, **how)


def test_printing_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["serve", "--install", "--print", "--port", "9001", "--model", "a"]
    assert paddock(words) == 0
    shown = capsys.readouterr()
    assert "Nothing was changed" in shown.err and "9001" in shown.out
    assert paddock([*words, "--json"]) == 0
    assert '"written": false' in capsys.readouterr().out
    assert paddock(["serve", "--uninstall"]) == 0
    assert "It was not installed" in capsys.readouterr().out
    assert paddock(["serve", "--install", "--uninstall"]) == 2
    assert paddock(["serve", "--install", "--as", "ann"]) == 2
    assert [path for path in home.rglob("paddock*") if path.suffix] == []
