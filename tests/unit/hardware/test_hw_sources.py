from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from desktop.core.hardware.sources import cpu_list, gib, parse_mounts, read_int

DATA = Path(__file__).parents[2] / "data" / "hardware"


def test_cpu_lists_of_the_kernel() -> None:
    assert cpu_list("0-3,8,10-11\n") == [0, 1, 2, 3, 8, 10, 11]
    assert cpu_list("0") == [0]
    assert cpu_list("") == []
    assert cpu_list("none,2") == [2]


def test_mounts_are_read_with_escaped_names_and_both_option_lists() -> None:
    mounts = parse_mounts((DATA / "mountinfo_v2_handwritten.txt").read_text())
    by_point = {mount.point: mount for mount in mounts}
    assert by_point["/media/ann/USB STICK"].filesystem == "vfat"
    assert "ro" in by_point["/mnt/cd"].options
    assert "nsdelegate" in by_point["/sys/fs/cgroup"].options
    assert parse_mounts("nonsense\n\n1 2 3 - x") == []


def test_numbers_in_files(tmp_path: Path) -> None:
    for text, number in (("0x10de\n", 0x10DE), ("1024", 1024), ("max", None), ("", None)):
        (tmp_path / "f").write_text(text)
        assert read_int(tmp_path / "f") == number
    assert read_int(tmp_path / "missing") is None


def test_sizes_as_people_read_them() -> None:
    assert gib(8 << 30) == "8.0 GiB"
    assert gib(300 << 20) == "300 MiB"


def test_importing_the_package_loads_none_of_the_heavy_modules() -> None:
    code = (
        "import sys; import desktop.core.hardware.probe, desktop.core.hardware.doctor;"
        "print([m for m in ('psutil', 'pynvml', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
