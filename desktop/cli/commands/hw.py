"""`paddock hw`: devices, memory, limits, bandwidth; no service is needed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from desktop.cli.output import Output
from desktop.cli.parser import Commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop.core.fit.speed_book import Calibration
    from desktop.core.hardware.probe import Hardware


def register(commands: Commands) -> None:
    parser = commands.add("hw", run, "this machine: devices, memory, limits, bandwidth")
    parser.add_argument(
        "--measure", action="store_true", help="measure the memory bandwidth again (2 s)"
    )
    parser.add_argument(
        "--calibrate",
        nargs="?",
        const="",
        metavar="DEVICE",
        help="measure how fast models run here (under a minute): on the first GPU, or on CPU or "
        "another of the engine's devices",
    )


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli.machine import look, with_engine
    from desktop.core.fit.speed_book import SpeedBook
    from desktop.core.paths import paths

    if args.calibrate is not None:
        _calibrate(args.calibrate or None, out)
    hardware = with_engine(look(out, remeasure=args.measure), out)
    calibrations = SpeedBook.open(paths()).calibrations
    document = {
        **hardware.to_dict(),
        "calibrations": [
            {**each.speed.to_dict(), "created": each.created} for each in calibrations
        ],
    }

    def show() -> None:
        _show(hardware, out)
        _show_calibrations(calibrations, out)

    out.result(document, show)
    return 0


def _calibrate(device: str | None, out: Output) -> None:
    from desktop.cli import session
    from desktop.cli.following import job

    params = {} if device is None else {"device": device}
    result = job(session.started(out), "calibrate", params, out)["result"]
    if result["disturbed_requests"]:
        out.note(f"Disturbed by {result['disturbed_requests']} requests: calibrate once more.")


def _show_calibrations(calibrations: Sequence[Calibration], out: Output) -> None:
    import time

    for each in calibrations:
        day = time.strftime("%Y-%m-%d", time.localtime(each.created))
        bands = f"±{each.speed.spread_decode:.0%}, prompts ±{each.speed.spread_prefill:.0%}"
        out.line(
            f"Speed      ✓ {each.speed.device} ({each.speed.backend}), measured {day}: {bands}"
        )
    if not calibrations:
        out.line("Speed      not measured yet: paddock hw --calibrate (under a minute)")


def _show(hardware: Hardware, out: Output) -> None:
    from desktop.cli.machine import gpu_line
    from desktop.cli.units import figure, size

    cpu, ram = hardware.cpu, hardware.ram
    cores = f"{cpu.physical_cores or '?'} cores, {cpu.logical_cores} threads"
    usable = f" ({cpu.usable_cpus} usable)" if cpu.usable_cpus < cpu.logical_cores else ""
    out.line(f"CPU        {cpu.name}, {cores}{usable}")
    if cpu.instruction_sets:
        out.line(f"           {', '.join(cpu.instruction_sets)}")
    if ram is not None:
        limit = ""
        if ram.total_bytes < ram.physical_bytes:
            limit = f" (limited by {ram.limited_by}; the machine has {size(ram.physical_bytes)})"
        total, available = size(ram.total_bytes), size(ram.available_bytes)
        out.line(f"RAM        {total}, {available} available{limit}")
    if hardware.bandwidth is not None:
        rate = figure(hardware.bandwidth.gb_per_second)
        out.line(f"Bandwidth  ✓ {rate} GB/s of the RAM")
    for gpu in hardware.gpus:
        out.line(f"GPU        {gpu_line(gpu)}")
    if not hardware.gpus:
        out.line("GPU        none with a driver")
    for disk in hardware.disks:
        out.line(f"Disk       {size(disk.free_bytes)} free in {disk.folder} ({disk.filesystem})")
    for problem in hardware.problems:
        out.note(f"{problem.what}: {problem.reason} {problem.remedy}")
