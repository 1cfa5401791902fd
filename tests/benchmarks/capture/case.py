"""One run of the capture process on the simulated rig, and what is to be said about it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from mvmono3d.deploy.cameras.records import CameraSettings
from mvmono3d.deploy.cameras.sources import HarvestersSource
from mvmono3d.deploy.capture.board import BoardReader, remove_board
from mvmono3d.deploy.capture.health import CaptureState
from mvmono3d.deploy.capture.settings import CaptureSettings
from mvmono3d.deploy.ring.reader import RingReader
from mvmono3d.errors import InvalidFileError
from tests.benchmarks.capture.child import COLUMNS

RIG = ("SIM0001", "SIM0002", "SIM0003", "SIM0004")
WARM_UP_S = 2.0
READER = """
import sys, time
from mvmono3d.deploy.ring.reader import RingReader
reader = RingReader(sys.argv[1])
while not reader.closed:
    if reader.latest() is None:
        time.sleep(0.001)
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is run."""

    name: str
    rate_hz: int
    seconds: float
    pixel_format: str = "Mono8"
    losses: int = 0
    """How often camera 4 is unplugged for a quarter of a second, once in two seconds."""

    @property
    def bits(self):
        return 8 if self.pixel_format == "Mono8" else 12


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured, after two seconds of warming up."""

    case: Case
    pulses: int
    complete: int
    mixed: int
    others_lost: int
    """Places of cameras 1 to 3 that are empty."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    worst_ms: float
    hop_p50_ms: float
    """From the first camera's delivery to the last one's: the simulator's own share."""
    cores: float
    """CPU seconds per second of the process, which the simulator's cameras are part of."""
    lost: dict
    balanced: bool
    agrees: bool
    """Whether the ledger's delivered frames are those that the simulator says it handed over."""
    load: float
    to_three_ms: float = 0.0
    """Longest time without a frame set after a loss."""
    back_s: float = 0.0
    """Longest time from plugging in to the first complete set."""


def run(case, *, realtime):
    """Run a case, with real-time priority or without; returns its result."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes.npz"
        configuration = Path(folder) / "rig.conf"
        first = int(4 * case.rate_hz)
        every, away = 2 * case.rate_hz, case.rate_hz // 4
        faults = [f"fault = 3, device_lost, {first + every * n}, {away}, 0" for n in range(case.losses)]
        configuration.write_text("\n".join([f"pulses_hz = {case.rate_hz}", *faults]) + "\n")
        load = os.getloadavg()[0]
        health, cores = capture(case, notes, {"MVMONO3D_RIG": str(configuration)}, realtime=realtime)
        with np.load(notes) as file:
            rows, counters = file["rows"], json.loads(str(file["counters"]))
    columns = dict(zip(COLUMNS, rows.T, strict=True))
    return measured(case, columns, counters, health, cores=cores, load=max(load, os.getloadavg()[0]))


def capture(case, notes, environment, *, realtime):
    """Run the capture process with a reader beside; returns its last health and its CPU use."""
    settings = CaptureSettings(
        source=HarvestersSource(serials=RIG, producers=("simulated",)),
        cameras=CameraSettings(width=1280, height=800, rate_hz=case.rate_hz, pixel_format=case.pixel_format),
        ring=f"bench-{os.getpid()}",
        realtime=realtime,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.capture.child", str(notes), str(case.bits)],
        stdin=subprocess.PIPE, env=os.environ | environment,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(settings) + b"\n")
    process.stdin.flush()
    board = await_running(settings.ring, process)
    reader = subprocess.Popen([sys.executable, "-c", READER, settings.ring])
    time.sleep(WARM_UP_S)
    before, began = cpu_s(process.pid), time.monotonic()
    time.sleep(case.seconds)
    cores = (cpu_s(process.pid) - before) / (time.monotonic() - began)
    process.stdin.close()
    process.wait()
    reader.wait()
    remove_board(settings.ring)
    return board.read(), cores


def await_running(ring, process):
    while process.poll() is None:
        try:
            board = BoardReader(ring)
            if board.read().state is CaptureState.RUNNING:
                RingReader(ring).close()
                return board
        except InvalidFileError:
            pass
        time.sleep(0.05)
    raise SystemExit("the capture process ended before it ran")


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(case, columns, counters, health, *, cores, load):
    """Return what the notes say."""
    start = columns["published_ns"][0] + int(WARM_UP_S * 1e9)
    steady = columns["published_ns"] >= start
    # The last pulse may be cut off by the end.
    steady[-1] = False
    of = {name: values[steady] for name, values in columns.items()}
    pulses = int(of["pulse"][-1] - of["pulse"][0]) + 1
    whole = of["present"] == len(RIG)
    waited_ms = (of["published_ns"] - of["last_delivered_ns"])[whole] / 1e6
    p50, p95, p99 = np.percentile(waited_ms, (50, 95, 99))
    accounts = health.accounts
    to_three_ms, back_s = losses(case, of)
    return Result(
        case=case,
        pulses=pulses,
        complete=int(whole.sum()),
        mixed=int(columns["mixed"].sum()),
        others_lost=3 * pulses - int(sum(((of["views"] >> view) & 1).sum() for view in range(3))),
        p50_ms=float(p50), p95_ms=float(p95), p99_ms=float(p99), worst_ms=float(waited_ms.max()),
        hop_p50_ms=float(np.median((of["last_delivered_ns"] - of["first_delivered_ns"])[whole]) / 1e6),
        cores=cores,
        lost={
            f"{camera + 1} {cause.value}": count
            for camera, account in enumerate(accounts.cameras)
            for cause, count in account.lost
        },
        balanced=accounts.balanced,
        agrees=case.losses > 0 or all(
            0 <= counted["delivered"] - account.delivered <= counted["pulses"] - pulses
            for counted, account in zip(counters, accounts.cameras, strict=True)
        ),
        load=load,
        to_three_ms=to_three_ms,
        back_s=back_s,
    )  # fmt: skip


def losses(case, of):
    """Return how long sets stayed away after a loss, and how long the camera took to come back."""
    if not case.losses:
        return 0.0, 0.0
    three = ((of["views"] >> 3) & 1) == 0
    steps = np.diff(of["published_ns"]) / 1e6
    begins = np.flatnonzero(~three[:-1] & three[1:])
    to_three_ms = max((float(steps[begin : begin + 8].max()) for begin in begins), default=0.0)
    ends = np.flatnonzero(three[:-1] & ~three[1:]) + 1
    away = case.rate_hz // 4
    back = []
    for begin in begins:
        later = ends[ends > begin]
        if len(later):
            absent = int(of["pulse"][later[0]] - of["pulse"][begin + 1])
            back.append((absent - away) / case.rate_hz)
    return to_three_ms, max(back, default=float("inf"))
