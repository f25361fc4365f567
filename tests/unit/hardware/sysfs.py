"""A /sys with graphics adapters, made from a file of tests/data/hardware."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "data" / "hardware"
DEVICES = "sys/bus/pci/devices"


def sysfs(root: Path, name: str) -> Path:
    """Write the files below `root`, which is then the folder that stands for `/`."""
    for line in (DATA / f"{name}.txt").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        path, _, value = line.partition(" ")
        target = root / DEVICES / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if value.startswith("-> "):
            driver = root / "sys/bus/pci/drivers" / value[3:]
            driver.mkdir(parents=True, exist_ok=True)
            target.symlink_to(driver)
        elif value.startswith("hex:"):
            target.write_bytes(bytes.fromhex(value[4:]))
        else:
            target.write_text(value + "\n", "utf-8")
    return root
