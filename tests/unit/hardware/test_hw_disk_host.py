from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from desktop.core.hardware import host
from desktop.core.hardware.disk import mount_of, nearest_existing, probe_disk
from desktop.core.hardware.sources import Mount, parse_mounts

DATA = Path(__file__).parents[2] / "data" / "hardware"
MOUNTS = parse_mounts((DATA / "mountinfo_v2_handwritten.txt").read_text())


@pytest.mark.parametrize(
    ("path", "filesystem"),
    [
        ("/home/ann/models/x/y.gguf", "nfs4"),
        ("/home/ann/models2", "ext4"),
        ("/media/ann/USB STICK/m", "vfat"),
        ("/", "ext4"),
    ],
)
def test_the_deepest_mount_counts(path: str, filesystem: str) -> None:
    mount = mount_of(Path(path), MOUNTS)
    assert mount is not None
    assert mount.filesystem == filesystem


def test_a_later_mount_covers_an_earlier_one() -> None:
    point = ("/", "/data")
    first = Mount(*point, "ext4", "a", frozenset())
    second = Mount(*point, "xfs", "b", frozenset())
    assert mount_of(Path("/data/x"), [first, second]) is second
    assert mount_of(Path("/other"), [first]) is None


def mounted(folder: Path, filesystem: str, *options: str) -> list[Mount]:
    return [Mount("/", str(folder.resolve()), filesystem, "dev", frozenset(options))]


def test_fat_has_a_limit(tmp_path: Path) -> None:
    assert probe_disk(tmp_path, mounted(tmp_path, "vfat")).max_file_bytes == 4 * 2**30 - 1
    assert probe_disk(tmp_path, mounted(tmp_path, "FAT32")).max_file_bytes is not None
    assert probe_disk(tmp_path, mounted(tmp_path, "exfat")).max_file_bytes is None


@pytest.mark.parametrize(
    ("filesystem", "options", "network", "memory"),
    [
        ("nfs4", (), True, False),
        ("fuse.sshfs", (), True, False),
        ("NTFS", ("remote",), True, False),
        ("tmpfs", (), False, True),
        ("ext4", (), False, False),
    ],
)
def test_kinds_of_file_systems(
    tmp_path: Path, filesystem: str, options: tuple[str, ...], network: bool, memory: bool
) -> None:
    info = probe_disk(tmp_path, mounted(tmp_path, filesystem, *options))
    assert (info.is_network, info.is_in_memory) == (network, memory)
    assert not info.read_only


def test_a_read_only_mount_is_not_writable(tmp_path: Path) -> None:
    info = probe_disk(tmp_path, mounted(tmp_path, "ext4", "ro", "relatime"))
    assert info.read_only
    assert not info.writable


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_above(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert nearest_existing(folder) == tmp_path
    info = probe_disk(folder)
    assert info.folder == str(folder)
    assert 0 <= info.free_bytes <= info.total_bytes
    assert info.writable


def test_a_link_is_followed_to_the_disk_it_points_to(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    assert probe_disk(tmp_path / "link", mounted(target, "nfs")).is_network


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_not_writable(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert not probe_disk(tmp_path).writable
    tmp_path.chmod(0o700)


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


@pytest.mark.parametrize(
    ("driver", "governor", "preference", "slow"),
    [
        ("acpi-cpufreq", "powersave", None, True),
        ("acpi-cpufreq", "schedutil", None, False),
        ("intel_pstate", "powersave", "balance_performance", False),
        ("intel_pstate", "powersave", "power", True),
        ("amd-pstate-epp", "powersave", "balance_power", False),
        ("intel_pstate", "performance", "power", False),
    ],
)
def test_power_saving(
    tmp_path: Path, driver: str, governor: str, preference: str | None, slow: bool
) -> None:
    policy = "sys/devices/system/cpu/cpufreq/policy0"
    write(tmp_path, f"{policy}/scaling_driver", driver)
    write(tmp_path, f"{policy}/scaling_governor", governor)
    if preference:
        write(tmp_path, f"{policy}/energy_performance_preference", preference)
    assert (host.power_saver(tmp_path) is not None) == slow


def test_low_power_profile(tmp_path: Path) -> None:
    write(tmp_path, "sys/firmware/acpi/platform_profile", "low-power")
    assert "low-power" in (host.power_saver(tmp_path) or "")


def test_container_and_its_gpu_nodes(tmp_path: Path) -> None:
    assert host.probe_host({}, tmp_path).container is None
    assert host.probe_host({"container": "podman"}, tmp_path).container == "podman"
    assert host.probe_host({"KUBERNETES_SERVICE_HOST": "x"}, tmp_path).container == "kubernetes"
    for name in (".dockerenv", "dev/nvidia0", "dev/nvidiactl", "dev/dri/renderD128", "dev/null"):
        write(tmp_path, name, "")
    write(tmp_path, "proc/version", "Linux version 6.6 (Microsoft@WSL2)")
    info = host.probe_host({"NVIDIA_VISIBLE_DEVICES": "all"}, tmp_path)
    assert info.container == "docker"
    assert info.wsl
    assert info.nvidia_visible_devices == "all"
    assert info.gpu_device_nodes == ("/dev/dri/renderD128", "/dev/nvidia0", "/dev/nvidiactl")


def test_battery(monkeypatch: pytest.MonkeyPatch) -> None:
    state = SimpleNamespace(percent=41, power_plugged=False)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: state, raising=False)
    assert host.probe_battery() == host.Battery(41.0, False)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)
    assert host.probe_battery() is None
    monkeypatch.delattr(psutil, "sensors_battery")
    assert host.probe_battery() is None
