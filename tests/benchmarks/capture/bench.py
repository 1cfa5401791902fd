"""Measure the live path from four simulated cameras to the ring, and write docs/benchmarks/capture.md.

python -m tests.benchmarks.capture.bench docs/benchmarks [--quick]
"""

import argparse
import dataclasses
import datetime
import os
import platform
import sys
from importlib.metadata import version
from math import inf
from pathlib import Path

import numpy as np

from tests.benchmarks.capture.case import Case, run
from tests.benchmarks.learned.tables import markdown_table
from tests.benchmarks.machine import commit, processor

CASES = (
    Case(name="Mono8, 60 Hz", rate_hz=60, seconds=20),
    Case(name="Mono8, 120 Hz", rate_hz=120, seconds=60),
    Case(name="Mono8, 240 Hz", rate_hz=240, seconds=30),
    Case(name="Mono12p, 120 Hz", rate_hz=120, seconds=20, pixel_format="Mono12p"),
    Case(name="Mono8, 120 Hz, a camera lost and back", rate_hz=120, seconds=26, losses=10),
)
BAR_HZ, P50_MS, P95_MS, THREE_MS, BACK_S = 120, 1.0, 5.0, 100.0, 5.0
TEXT = """# Capture

Written by `make bench-capture`: four simulated cameras of 1280 x 800 px behind GenTL, harvesters, the capture
process and its ring, with a reader in another process that copies the newest set. The simulator's cameras
are threads of the capture process, so its share of the processor is theirs too.

*Delivery to ring*: from the moment the simulator hands over the last frame of a pulse (stamped into its
pixels) until the frame set is published. Pulses and frames are counted by the truth in the pixels, after two
seconds of warming up. Nothing here is a real camera, network or driver: see [limits](../limits.md)."""


def main():
    parser = argparse.ArgumentParser(description="Measure the capture process.")
    parser.add_argument("folder", type=Path, help="where capture.md is written")
    parser.add_argument("--seconds", type=float, default=inf, help="cut every case to so many seconds")
    parser.add_argument("--realtime", action="store_true", help="with real-time priority, for busy machines")
    arguments = parser.parse_args()
    results = []
    for case in CASES:
        results.append(run(cut(case, arguments.seconds), realtime=arguments.realtime))
        sys.stdout.write(" | ".join(row(results[-1])) + "\n")
        sys.stdout.flush()
    text = page(results, realtime=arguments.realtime)
    (arguments.folder / "capture.md").write_text(text, encoding="utf-8")
    return 0


def cut(case, seconds):
    seconds = min(seconds, case.seconds)
    losses = min(case.losses, max(1, int(seconds / 2) - 1)) if case.losses else 0
    return dataclasses.replace(case, seconds=seconds, losses=losses)


HEADER = [
    "case", "seconds", "pulses", "complete sets", "mixed", "p50 ms", "p95 ms", "p99 ms", "worst ms", "cores",
    "load", "frames lost, by camera and cause", "ledger",
]  # fmt: skip


def row(result):
    lost = ", ".join(f"{key}: {count}" for key, count in result.lost.items()) or "none"
    exact = "exact" if result.balanced and result.agrees else "WRONG"
    times = (result.p50_ms, result.p95_ms, result.p99_ms, result.worst_ms)
    counts = (result.pulses, result.complete, result.mixed)
    return [
        result.case.name, f"{result.case.seconds:g}", *map(str, counts),
        *(f"{value:.2f}" for value in times), f"{result.cores:.2f}", f"{result.load:.1f}", lost, exact,
    ]  # fmt: skip


def page(results, *, realtime):
    at_bar = next(each for each in results if each.case.rate_hz == BAR_HZ and not each.case.losses)
    losing = next(each for each in results if each.case.losses)
    bars = [
        ("mixed frame sets, all runs", "0", sum(each.mixed for each in results), 0),
        (
            f"pulses without a complete set, 120 Hz, {at_bar.case.seconds:g} s",
            "0",
            at_bar.pulses - at_bar.complete,
            0,
        ),
        ("delivery to ring, 120 Hz, p50 [ms]", f"≤ {P50_MS:g}", at_bar.p50_ms, P50_MS),
        ("delivery to ring, 120 Hz, p95 [ms]", f"≤ {P95_MS:g}", at_bar.p95_ms, P95_MS),
        ("frames that the other cameras lose", "0", losing.others_lost, 0),
        ("longest wait for a set after a loss [ms]", f"≤ {THREE_MS:g}", losing.to_three_ms, THREE_MS),
        ("plugged in to complete sets [s]", f"≤ {BACK_S:g}", losing.back_s, BACK_S),
    ]
    told = [
        [name, must, f"{value:.2f}".rstrip("0").rstrip("."), "reached" if value <= most else "**missed**"]
        for name, must, value, most in bars
    ]
    lines = [
        TEXT, "", provenance(realtime=realtime), "",
        "## Bars", "", *markdown_table(["what", "must", "measured", ""], told), "",
        "## Runs", "", *markdown_table(HEADER, [row(each) for each in results]), "",
    ]  # fmt: skip
    return "\n".join(lines)


def provenance(*, realtime):
    priority = "real-time" if realtime else "ordinary"
    packages = ", ".join(f"{name} {version(name)}" for name in ("harvesters", "genicam"))
    return (
        f"Written on {datetime.date.today().isoformat()}, commit {commit('mvmono3d', 'deploy')}, with Python "
        f"{platform.python_version()}, numpy {np.__version__}, {packages} on {processor()}, "
        f"{priority} priority, load average {os.getloadavg()[2]:.0f}. `load` is that of the minute of each "
        "run, which adds to it itself."
    )


if __name__ == "__main__":
    sys.exit(main())
