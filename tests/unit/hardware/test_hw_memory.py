"""Memory limits. The hybrid layout was recorded on this project's build machine; the others are
hand-written after the kernel's cgroup documentation and what Docker mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.core.hardware.cgroups import cpu_quota, memory_limits
from desktop.core.hardware.memory import SystemMemory, probe_memory

DATA = Path(__file__).parents[2] / "data" / "hardware"
GIB = 1 << 30
SYSTEM = SystemMemory(32 * GIB, 20 * GIB, 8 * GIB, GIB)
V2 = (DATA / "mountinfo_v2_handwritten.txt").read_text()
UNLIMITED_V1 = "9223372036854771712"


def system(root: Path, cgroup: str, mountinfo: str, files: dict[str, str]) -> Path:
    for name, text in {
        "proc/self/cgroup": cgroup,
        "proc/self/mountinfo": mountinfo,
        **files,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_no_cgroups_at_all(tmp_path: Path) -> None:
    info = probe_memory(tmp_path, system=SYSTEM)
    assert (info.total_bytes, info.available_bytes) == (32 * GIB, 20 * GIB)
    assert info.limited_by == info.available_limited_by == "ram"
    assert (info.swap_total_bytes, info.swap_used_bytes) == (8 * GIB, GIB)


def test_v2_the_tightest_group_up_to_the_root_binds(tmp_path: Path) -> None:
    top = "sys/fs/cgroup"
    root = system(
        tmp_path,
        "0::/user.slice/app.slice/paddock.scope\n",
        V2,
        {
            f"{top}/user.slice/memory.max": str(8 * GIB),
            f"{top}/user.slice/memory.current": str(6 * GIB),
            f"{top}/user.slice/memory.stat": f"anon 1\ninactive_file {GIB}\n",
            f"{top}/user.slice/app.slice/memory.max": "max",
            f"{top}/user.slice/app.slice/memory.current": str(GIB),
            f"{top}/user.slice/app.slice/paddock.scope/memory.max": str(16 * GIB),
            f"{top}/user.slice/app.slice/paddock.scope/memory.current": str(GIB),
        },
    )
    info = probe_memory(root, system=SYSTEM)
    assert info.total_bytes == 8 * GIB
    assert info.available_bytes == 3 * GIB  # 8 - 6 used, of which 1 is idle file cache
    assert info.limited_by == "/sys/fs/cgroup/user.slice/memory.max"
    assert info.available_limited_by == "/sys/fs/cgroup/user.slice/memory.max"
    assert info.physical_bytes == 32 * GIB


def test_v2_total_and_available_may_be_bound_by_different_things(tmp_path: Path) -> None:
    top = "sys/fs/cgroup"
    root = system(
        tmp_path,
        "0::/a/b",
        V2,
        {
            f"{top}/a/memory.max": str(10 * GIB),
            f"{top}/a/memory.current": str(9 * GIB),
            f"{top}/a/b/memory.high": str(4 * GIB),
            f"{top}/a/b/memory.current": "0",
        },
    )
    info = probe_memory(root, system=SYSTEM)
    assert (info.total_bytes, info.limited_by) == (4 * GIB, "/sys/fs/cgroup/a/b/memory.high")
    assert info.available_bytes == GIB
    assert info.available_limited_by == "/sys/fs/cgroup/a/memory.max"


def test_v2_inside_a_container_the_own_group_is_the_mount(tmp_path: Path) -> None:
    root = system(
        tmp_path,
        "0::/\n",
        V2,
        {"sys/fs/cgroup/memory.max": str(2 * GIB), "sys/fs/cgroup/memory.current": str(3 * GIB)},
    )
    info = probe_memory(root, system=SYSTEM)
    assert info.total_bytes == 2 * GIB
    assert info.available_bytes == 0  # over its limit for a moment: never negative


def test_v2_a_group_outside_our_namespace_uses_the_mount(tmp_path: Path) -> None:
    root = system(tmp_path, "0::/../other", V2, {"sys/fs/cgroup/memory.max": str(GIB)})
    assert [limit.source for limit in memory_limits(root)] == ["/sys/fs/cgroup/memory.max"]


def test_a_limit_above_the_machine_does_not_bind(tmp_path: Path) -> None:
    root = system(tmp_path, "0::/", V2, {"sys/fs/cgroup/memory.max": str(64 * GIB)})
    assert probe_memory(root, system=SYSTEM).limited_by == "ram"


DOCKER_V1 = (
    "30 20 0:26 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"
    "31 20 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
)


def test_v1_in_docker(tmp_path: Path) -> None:
    top = "sys/fs/cgroup/memory"
    root = system(
        tmp_path,
        "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n",
        DOCKER_V1,
        {
            f"{top}/memory.limit_in_bytes": str(4 * GIB),
            f"{top}/memory.usage_in_bytes": str(3 * GIB),
            f"{top}/memory.stat": (
                f"inactive_file 5\ntotal_inactive_file {2 * GIB}\n"
                f"hierarchical_memory_limit {4 * GIB}\n"
            ),
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
    )
    info = probe_memory(root, system=SYSTEM)
    assert (info.total_bytes, info.available_bytes) == (4 * GIB, 3 * GIB)
    assert info.limited_by == "/sys/fs/cgroup/memory/memory.limit_in_bytes"
    quota = cpu_quota(root)
    assert quota is not None
    assert quota.cpus == 2.5


def test_v1_a_limit_of_a_group_that_is_not_mounted_here(tmp_path: Path) -> None:
    top = "sys/fs/cgroup/memory"
    root = system(
        tmp_path,
        "4:memory:/docker/abc\n",
        DOCKER_V1,
        {
            f"{top}/memory.limit_in_bytes": UNLIMITED_V1,
            f"{top}/memory.usage_in_bytes": str(GIB),
            f"{top}/memory.stat": f"hierarchical_memory_limit {6 * GIB}\n",
        },
    )
    info = probe_memory(root, system=SYSTEM)
    assert (info.total_bytes, info.available_bytes) == (6 * GIB, 5 * GIB)
    assert info.limited_by == "/sys/fs/cgroup/memory/memory.stat"


def test_recorded_hybrid_layout_reads_the_v1_memory_group(tmp_path: Path) -> None:
    cgroup = (DATA / "cgroup_hybrid_recorded.txt").read_text()
    group = next(line for line in cgroup.splitlines() if ":memory:" in line).split(":")[2]
    mountinfo = (DATA / "mountinfo_hybrid_recorded.txt").read_text()
    top = "sys/fs/cgroup/memory"
    files = {
        f"{top}/memory.limit_in_bytes": UNLIMITED_V1,
        f"{top}{group}/memory.limit_in_bytes": UNLIMITED_V1,
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    root = system(tmp_path, cgroup, mountinfo, files)
    assert memory_limits(root) == []
    assert cpu_quota(root) is None
    (root / f"{top}{group}/memory.limit_in_bytes").write_text(str(GIB))
    assert [limit.limit_bytes for limit in memory_limits(root)] == [GIB]


@pytest.mark.parametrize("text", ["", "max 100000", "nonsense", "0 100000", "100000"])
def test_no_cpu_quota(tmp_path: Path, text: str) -> None:
    root = system(tmp_path, "0::/", V2, {"sys/fs/cgroup/cpu.max": text})
    assert cpu_quota(root) is None


def test_the_tightest_cpu_quota_binds(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/a/cpu.max": "200000 100000", "sys/fs/cgroup/a/b/cpu.max": "max 100000"}
    quota = cpu_quota(system(tmp_path, "0::/a/b", V2, files))
    assert quota is not None
    assert (quota.cpus, quota.source) == (2.0, "/sys/fs/cgroup/a/cpu.max")


def test_ulimit_binds(tmp_path: Path) -> None:
    info = probe_memory(tmp_path, system=SYSTEM, address_limit_bytes=GIB)
    assert (info.total_bytes, info.limited_by) == (GIB, "ulimit -v")
    assert info.available_bytes == GIB


def test_this_machine() -> None:
    info = probe_memory()
    assert 0 < info.available_bytes <= info.total_bytes <= info.physical_bytes
