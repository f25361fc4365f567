from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.core.hardware import gpu_names, pci
from desktop.core.hardware.amd import amd_gpus
from desktop.core.hardware.gpu import Gpu, GpusFound, used_together
from desktop.core.hardware.gpu_names import gpu_name, looks_integrated, maker_of
from desktop.core.hardware.intel import intel_gpus
from desktop.core.hardware.known import known_gpus
from desktop.core.hardware.known_names import matching, with_known_figures
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.pci import pci_gpus
from desktop.core.hardware.sources import GIB
from tests.unit.hardware.sysfs import DEVICES, sysfs


def ram_of(physical: int, available: int | None = None) -> MemoryInfo:
    free = physical - 4 * GIB if available is None else available
    return MemoryInfo(physical, free, physical, "ram", "ram", 0, 0)


def one(found: GpusFound) -> Gpu:
    assert found.problems == ()
    (gpu,) = found.gpus
    return gpu


def test_an_apu_whose_memory_is_the_ram(tmp_path: Path) -> None:
    root = sysfs(tmp_path, "documented_sysfs_strix_halo_gtt96")
    gpu = one(amd_gpus(root, ram_of(123 * GIB, 110 * GIB)))
    assert (gpu.name, gpu.pci_id) == ("Radeon 8060S Graphics", "1002:1586")
    assert gpu.integrated and gpu.shares_ram
    # ROCm says 98304 MiB on this machine, the larger of the two pools
    assert gpu.total_bytes == 98304 << 20
    assert gpu.own_bytes == 4 * GIB
    assert gpu.free_bytes == 95 * GIB
    tight = one(amd_gpus(root, ram_of(123 * GIB, 20 * GIB)))
    assert tight.free_bytes == 20 * GIB  # others hold the RAM: it cannot be had twice


def test_a_gtt_larger_than_the_ram_is_no_memory(tmp_path: Path) -> None:
    root = sysfs(tmp_path, "documented_sysfs_strix_halo_gtt128")
    ram = ram_of(round(124.92 * GIB))
    gpu = one(amd_gpus(root, ram))
    assert gpu.integrated and gpu.shares_ram  # by its metrics alone: nothing lies beside it
    assert gpu.total_bytes == ram.physical_bytes
    assert gpu.free_bytes is None and gpu.available_bytes == ram.physical_bytes
    assert amd_gpus(root).gpus[0].total_bytes == 128 * GIB  # where the RAM is not known


def test_what_the_firmware_set_aside_is_not_the_ram(tmp_path: Path) -> None:
    root = sysfs(tmp_path, "documented_sysfs_strix_halo_own96")
    gpu = one(amd_gpus(root, ram_of(31 * GIB)))
    assert gpu.integrated and not gpu.shares_ram
    assert gpu.total_bytes == gpu.own_bytes == 96 * GIB
    assert gpu.free_bytes == 96 * GIB - (256 << 20)


@pytest.mark.parametrize("name", ["documented_sysfs_rx570", "handmade_sysfs_rx7900xtx_and_rx7600"])
def test_a_card_with_a_large_gtt_stays_a_card(tmp_path: Path, name: str) -> None:
    found = amd_gpus(sysfs(tmp_path, name), ram_of(64 * GIB))
    assert found.problems == ()
    assert not any(gpu.integrated or gpu.shares_ram for gpu in found.gpus)
    assert all(gpu.own_bytes is None for gpu in found.gpus)
    assert found.gpus[-1].total_bytes in (4294967296, 8573157376)


def test_an_integrated_gpu_beside_a_card_is_not_used_for_a_split(tmp_path: Path) -> None:
    root = sysfs(tmp_path, "handmade_sysfs_ryzen_and_rx7900xtx")
    card, inside = amd_gpus(root, ram_of(64 * GIB)).gpus
    assert (card.name, card.integrated) == ("AMD Radeon RX 7900 XTX", False)
    assert (inside.name, inside.integrated) == ("AMD Radeon 610M", True)
    assert (inside.available_bytes, card.available_bytes) > (31 * GIB, 23 * GIB)  # the larger one
    assert used_together((card, inside)) == (card,)
    assert used_together((inside,)) == (inside,)
    assert [each.integrated for each in pci_gpus(root)] == [False, True]


def test_cards_of_one_backend_are_used_together(tmp_path: Path) -> None:
    cards = amd_gpus(sysfs(tmp_path, "handmade_sysfs_two_rx7900xtx"), ram_of(64 * GIB)).gpus
    nvidia = Gpu("RTX 3060", "cuda", 12 * GIB, 11 * GIB)
    asleep = Gpu("RX 6600", "rocm", None, None)
    assert used_together((*cards, nvidia, asleep)) == cards
    assert used_together(()) == used_together((asleep,)) == ()


def test_an_intel_card_under_xe(tmp_path: Path) -> None:
    gpu = one(intel_gpus(sysfs(tmp_path, "documented_sysfs_arc_b580"), ram_of(32 * GIB)))
    assert (gpu.name, gpu.backend, gpu.total_bytes) == ("Intel Arc B580", "sycl", 12 * GIB)
    assert gpu.free_bytes is None  # no file tells it without root
    assert not gpu.integrated
    two = tmp_path / DEVICES / "0000:01:00.0/tile1"
    two.mkdir()
    (two / "physical_vram_size_bytes").write_text(f"{12 * GIB}\n")
    assert one(intel_gpus(tmp_path)).total_bytes == 24 * GIB  # all tiles


def test_intels_own_gpu_and_a_card_under_i915(tmp_path: Path) -> None:
    root = sysfs(tmp_path, "handmade_sysfs_intel_and_a770")
    found = intel_gpus(root, ram_of(32 * GIB, 20 * GIB))
    assert found.problems == ()
    inside, card = found.gpus
    assert inside.integrated and inside.shares_ram and inside.total_is_estimate
    assert (inside.total_bytes, inside.free_bytes) == (24 * GIB, 20 * GIB)
    assert (card.name, card.total_bytes) == ("Intel Arc A770", 17079205888)
    small = intel_gpus(root, ram_of(4 * GIB, 3 * GIB)).gpus[0]
    assert small.total_bytes == 2 * GIB
    assert intel_gpus(root, None).gpus[0].total_bytes is None


BAD = [
    "",
    "0",
    "-5",
    "nonsense",
    "99999999999999999999999",
    "18446744073709551615",
    "1.5",
    "\0\xff",
]


@pytest.mark.parametrize("text", BAD)
def test_a_size_that_makes_no_sense_is_told_not_believed(tmp_path: Path, text: str) -> None:
    root = sysfs(tmp_path, "documented_sysfs_rx570")
    folder = root / DEVICES / "0000:01:00.0"
    (folder / "mem_info_vram_total").write_text(text)
    found = amd_gpus(root, ram_of(16 * GIB))
    (gpu,) = found.gpus
    assert (gpu.total_bytes, gpu.free_bytes) == (None, None)
    (problem,) = found.problems
    assert (problem.code, problem.what) == ("gpu_memory_unknown", "AMD GPU 0x67df")
    assert "0000:01:00.0" in problem.reason
    arc = sysfs(tmp_path / "arc", "documented_sysfs_arc_b580")
    (arc / DEVICES / "0000:01:00.0/tile0/physical_vram_size_bytes").write_text(text)
    assert [each.code for each in intel_gpus(arc).problems] == ["gpu_memory_unknown"]


@pytest.mark.parametrize("text", ["5000000000", "-1", "nonsense"])
def test_more_used_than_there_is_leaves_the_free_memory_unknown(tmp_path: Path, text: str) -> None:
    root = sysfs(tmp_path, "documented_sysfs_rx570")
    (root / DEVICES / "0000:01:00.0/mem_info_vram_used").write_text(text)
    gpu = one(amd_gpus(root))
    assert (gpu.used_bytes, gpu.free_bytes, gpu.total_bytes) == (None, None, 4 * GIB)


def test_a_card_that_vanishes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = sysfs(tmp_path, "handmade_sysfs_two_rx7900xtx")
    listed = pci.pci_folders(root)
    shutil.rmtree(root / DEVICES / "0000:0a:00.0")
    monkeypatch.setattr("desktop.core.hardware.amd.pci_folders", lambda _: listed)
    assert [gpu.pci_bus_id for gpu in amd_gpus(root).gpus] == ["0000:03:00.0"]


def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = sysfs(tmp_path, "handmade_sysfs_rx7900xtx_and_rx7600")
    whole, open_file, list_folder = Path.read_text, Path.open, Path.iterdir

    def refused(path: Path) -> bool:
        return "0000:03:00.0" in str(path) and path.name.startswith(("mem_info", "gpu_metrics"))

    def read_text(path: Path, *arguments: str, **options: str) -> str:
        if refused(path):
            raise PermissionError(13, "Permission denied")
        return whole(path, *arguments, **options)  # type: ignore[arg-type]

    def opened(path: Path, *arguments: str, **options: str) -> object:
        if refused(path):
            raise PermissionError(13, "Permission denied")
        return open_file(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(Path, "open", opened)
    found = amd_gpus(root)
    assert [gpu.total_bytes for gpu in found.gpus] == [None, 8573157376]
    assert [problem.what for problem in found.problems] == ["AMD Radeon RX 7900 XTX"]

    def not_listed(path: Path) -> object:
        if path.name == "devices":
            raise PermissionError(13, "Permission denied")
        return list_folder(path)

    monkeypatch.setattr(Path, "iterdir", not_listed)
    assert amd_gpus(root) == intel_gpus(root) == GpusFound()
    assert pci_gpus(root) == []


garbage = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(BAD),
    st.text(max_size=8).filter(lambda text: "\0" not in text),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.dictionaries(
        st.sampled_from(
            ["vendor", "device", "revision", "class", "product_name"]
            + [f"mem_info_{kind}_{what}" for kind in ("vram", "gtt") for what in ("total", "used")]
        ),
        garbage,
    ),
    metrics=st.binary(max_size=5),
    address=st.sampled_from(["0000:00:01.0", "0000:03:00.0", "c3:00.0", "nonsense", "."]),
)
def test_whatever_the_files_say_figures_make_sense(
    tmp_path_factory: pytest.TempPathFactory,
    values: dict[str, str],
    metrics: bytes,
    address: str,
) -> None:
    root = tmp_path_factory.mktemp("sys")
    folder = root / DEVICES / address
    folder.mkdir(parents=True)
    (folder / "driver").symlink_to(root / "sys/bus/pci/drivers/amdgpu")
    content = {"vendor": "0x1002", "class": "0x030000", **values}
    for name, text in content.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "gpu_metrics").write_bytes(metrics)
    found = amd_gpus(root, ram_of(16 * GIB))
    for gpu in found.gpus:
        total, free = gpu.total_bytes, gpu.free_bytes
        assert total is None or 0 < total < 1 << 50
        assert free is None or (total is not None and 0 <= free <= total)
        assert (total is None) == any(each.code == "gpu_memory_unknown" for each in found.problems)
    intel_gpus(root, ram_of(16 * GIB))
    pci_gpus(root)


# Names.


@pytest.mark.parametrize(
    ("name", "integrated"),
    [
        ("Radeon 8060S Graphics", True),
        ("AMD Radeon(TM) 8060S Graphics", True),
        ("AMD Radeon 780M Graphics", True),
        ("AMD Radeon(TM) Graphics", True),
        ("AMD Radeon Graphics (RADV RAPHAEL_MENDOCINO)", True),
        ("AMD Radeon Vega 8 Graphics", True),
        ("Intel(R) UHD Graphics 770", True),
        ("Intel(R) Iris(R) Xe Graphics", True),
        ("Intel(R) Arc(TM) 140V GPU (16GB)", True),
        ("Intel(R) Arc(TM) Graphics", True),
        ("NVIDIA GB10", True),
        ("Orin (nvgpu)", True),
        ("AMD Radeon RX 7900 XTX (RADV NAVI31)", False),
        ("AMD Radeon RX 7900M", False),
        ("AMD Radeon RX 6800S", False),
        ("AMD Radeon AI PRO R9700", False),
        ("AMD Radeon Pro W7900", False),
        ("Radeon RX Vega 64", False),
        ("AMD Instinct MI210", False),
        ("Intel(R) Arc(TM) A770 Graphics", False),
        ("Intel(R) Arc(TM) B580 Graphics", False),
        ("Intel(R) Arc(TM) Pro B60 Graphics", False),
        ("NVIDIA GeForce RTX 4090", False),
        ("", False),
    ],
)
def test_integrated_by_name(name: str, integrated: bool) -> None:
    assert looks_integrated(name) is integrated


def test_makers_by_name() -> None:
    told = ["GeForce RTX 3060", "Radeon 780M", "Intel(R) Arc(TM) A380", "Apple M3", "llvmpipe"]
    assert [maker_of(each) for each in told] == ["NVIDIA", "AMD", "Intel", "Apple", None]


def test_names_from_the_systems_lists(tmp_path: Path) -> None:
    assert gpu_name(gpu_names.AMD, 0x67DF, 0xEF, tmp_path) is None
    ids = tmp_path / "usr/share/libdrm/amdgpu.ids"
    ids.parent.mkdir(parents=True)
    ids.write_text(
        "# List\n\n1.0.0\n67DF,\tC1,\tAMD Radeon RX 580 Series\n67DF,\tEF,\tAMD RX 570\n"
    )
    assert gpu_name(gpu_names.AMD, 0x67DF, 0xEF, tmp_path) == "AMD RX 570"
    listed = tmp_path / "usr/share/misc/pci.ids"
    listed.parent.mkdir(parents=True)
    listed.write_text(
        "# comment\n1002  AMD\n\t4680  not this one\n8086  Intel Corporation\n"
        "\t4680  AlderLake-S GT1 [UHD Graphics 770]\n\t\t1043 0000  a board\n\t46a6  Alder Lake-P\n"
    )
    assert gpu_name(gpu_names.INTEL, 0x4680, None, tmp_path) == "Intel UHD Graphics 770"
    assert gpu_name(gpu_names.INTEL, 0x46A6, None, tmp_path) == "Intel Alder Lake-P"
    assert gpu_name(gpu_names.INTEL, 0x9999, None, tmp_path) is None
    listed.write_bytes(os.urandom(4096))
    assert gpu_name(gpu_names.INTEL, 0x4680, None, tmp_path) is None


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("Radeon 8060S Graphics (RADV GFX1151)", "Ryzen AI Max+ 395 (Radeon 8060S)"),
        ("AMD Radeon 780M Graphics", "Radeon 780M (iGPU)"),
        ("AMD Radeon RX 7900 XTX (RADV NAVI31)", "Radeon RX 7900 XTX"),
        ("Intel(R) Arc(TM) B580 Graphics", "Arc B580"),
        ("NVIDIA GB10", "GB10 (DGX Spark)"),
        ("Apple M4 Max", "Apple M4 Max"),
        ("NVIDIA GeForce RTX 4090", "GeForce RTX 4090"),
    ],
)
def test_drivers_names_are_found_in_the_table(name: str, row: str) -> None:
    assert [each.name for each in matching(name, known_gpus().gpus, None)] == [row]


def test_every_name_given_by_id_that_the_table_knows_is_found_there() -> None:
    rows = known_gpus().gpus
    names = {*gpu_names._AMD.values(), *gpu_names._INTEL.values()}
    unknown = {name for name in names if len(matching(name, rows, None)) != 1}
    assert unknown == {"AMD Radeon 610M", "Intel Arc Graphics 130V / 140V"}


def test_figures_of_the_table_come_with_how_sure_they_are() -> None:
    rows = known_gpus().gpus
    card = with_known_figures(Gpu("AMD Radeon RX 6800", "rocm", 16 * GIB, None), rows)
    assert (card.known_as, card.confidence) == ("Radeon RX 6800", "mixed")
    assert (card.memory_bandwidth_gb_per_second, card.fp16_tflops) == (512, 32.3)
    told = Gpu("RTX 4090", "cuda", 24 * GIB, None, memory_bandwidth_gb_per_second=1000.0)
    assert with_known_figures(told, rows).memory_bandwidth_gb_per_second == 1000  # the driver's
    stranger = Gpu("A GPU of tomorrow", "rocm", GIB, None)
    assert with_known_figures(stranger, rows) is stranger
