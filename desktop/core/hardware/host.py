"""What surrounds the hardware: container, virtual machine, power supply, power-saving modes."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from desktop.core.hardware.sources import read_text


@dataclass(frozen=True)
class Battery:
    """A laptop's battery. `plugged_in`: None where the system does not know."""

    percent: float
    plugged_in: bool | None


@dataclass(frozen=True)
class HostInfo:
    """The surroundings of this process.

    Attributes:
        system: "Linux", "Darwin" or "Windows"; `release`: its kernel's version.
        container: "docker", "podman", "kubernetes", …; None outside one.
        wsl: Windows Subsystem for Linux.
        nvidia_visible_devices: what the container runtime was asked for; None where unset.
        cuda_visible_devices: what programs are told to see; None where unset.
        gpu_device_nodes: /dev/nvidia0, /dev/dri/renderD128, /dev/kfd, /dev/dxg, …, as far as there.
        power_saver: what makes the CPU run slower than it could, in words; None where nothing.
    """

    system: str
    release: str
    container: str | None = None
    wsl: bool = False
    nvidia_visible_devices: str | None = None
    cuda_visible_devices: str | None = None
    gpu_device_nodes: tuple[str, ...] = ()
    power_saver: str | None = None
    battery: Battery | None = None


def probe_host(environ: Mapping[str, str], root: Path = Path("/")) -> HostInfo:
    """The surroundings, from the environment and the files below `root`; no battery (see there)."""
    release = platform.release()
    return HostInfo(
        system=platform.system(),
        release=release,
        container=_container(environ, root),
        wsl="microsoft" in (read_text(root / "proc/version") or "").lower(),
        nvidia_visible_devices=environ.get("NVIDIA_VISIBLE_DEVICES"),
        cuda_visible_devices=environ.get("CUDA_VISIBLE_DEVICES"),
        gpu_device_nodes=_device_nodes(root),
        power_saver=power_saver(root),
    )


def _container(environ: Mapping[str, str], root: Path) -> str | None:
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    if environ.get("container"):  # set by podman, systemd-nspawn and lxc
        return environ["container"]
    if (root / ".dockerenv").exists():
        return "docker"
    return "podman" if (root / "run/.containerenv").exists() else None


def _device_nodes(root: Path) -> tuple[str, ...]:
    patterns = ("nvidia[0-9]*", "nvidiactl", "dxg", "kfd", "dri/renderD*")
    found = (node for pattern in patterns for node in (root / "dev").glob(pattern))
    return tuple(sorted(f"/{node.relative_to(root).as_posix()}" for node in found))


def power_saver(root: Path = Path("/")) -> str | None:
    """What slows the CPU down to save power (Linux), in words; None where nothing does.

    The governor "powersave" of intel_pstate and of amd-pstate's active mode is their normal,
    dynamic one (kernel documentation of both): there the energy preference "power" is what slows.
    """
    profile = read_text(root / "sys/firmware/acpi/platform_profile")
    if profile in ("low-power", "quiet"):
        return f"the platform profile is “{profile}”"
    for policy in sorted((root / "sys/devices/system/cpu/cpufreq").glob("policy[0-9]*")):
        driver = read_text(policy / "scaling_driver")
        governor = read_text(policy / "scaling_governor")
        preference = read_text(policy / "energy_performance_preference")
        dynamic = driver in ("intel_pstate", "amd-pstate-epp")
        if governor == "powersave" and not dynamic:
            return "the CPU's frequency governor is “powersave”"
        if dynamic and governor == "powersave" and preference == "power":
            return "the CPU's energy preference is “power”"
    return None


def probe_battery() -> Battery | None:
    """This machine's battery; None where there is none."""
    import psutil  # type: ignore[import-untyped]

    sensors = getattr(psutil, "sensors_battery", None)
    state = sensors() if sensors else None
    return None if state is None else Battery(float(state.percent), state.power_plugged)
