"""Full disks and failing calls: loud, counted, nothing lost in silence; who offers frames never waits.

    python -m tests.benchmarks.recorder_faults --calls 200 --disks 200

Calls: every Nth call of the file layer (create, write, sync, rename, sync of the folder) fails, for N
from 1 on. Disks: writes fail for want of room after so many bytes, drawn at random. Each time 60 sets of
four cameras are offered; after recovery every frame kept is compared with the truth, and what was counted
as recorded must be there. Offering: a real recorder process on a tmpfs of 24 MB (as root) that fills up
while 120 Hz are offered; the time that offering takes, before and after.
"""

import argparse
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from mvmono3d.deploy.recording.ledger import Column
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.recorder import start_recorder
from mvmono3d.deploy.recording.recover import recover
from mvmono3d.deploy.recording.writer import WriterState
from tests.deploy.recording.faulty_files import FailingFiles
from tests.deploy.recording.takes import (
    CAMERAS,
    CONSENT,
    NOW,
    PURPOSE,
    SETTINGS,
    FrameSet,
    Writing,
    frame_set,
    same,
    sets,
)

SETS = 60
QUICK = msgspec.structs.replace(SETTINGS, segment_bytes=30_000, sync_s=0.004)
TRUTH: dict[int, FrameSet] = {}
PERIOD_S = 1 / 120


class Complaints(logging.Handler):
    """Counts what the recorder says aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.levelno >= logging.WARNING


def wrong_and_kept(folder: Path) -> tuple[int, int]:
    recover(folder)
    wrong = kept = 0
    for found in open_recording(folder):
        truth = TRUTH.setdefault(found.number, frame_set(found.number))
        names = [frame.camera for frame in found.frames]
        shown = tuple(frame for frame in truth.frames if frame.camera in names)
        wrong += not same(found, FrameSet(number=truth.number, time_ns=truth.time_ns, frames=shown))
        kept += len(found.frames)
    return wrong, kept


def one(files: FailingFiles, complaints: Complaints) -> dict[str, int]:
    """Record with these files; returns what went wrong, 0 everywhere where nothing did."""
    with tempfile.TemporaryDirectory() as name:
        writing, said = Writing(Path(name) / "take", settings=QUICK, files=files), complaints.count
        for frames in sets(SETS):
            writing.write(frames)
        writing.writer.close()
        wrong, kept = wrong_and_kept(Path(name) / "take")
    account = writing.ledger.account()
    offered, recorded = sum(account.of(Column.OFFERED)), sum(account.of(Column.RECORDED))
    return {
        "wrong": wrong,
        "unaccounted": abs(offered - recorded - account.lost_total) + sum(account.waiting),
        "recorded but gone": max(0, recorded - kept),
        "silent": int(files.failed > 0 and complaints.count == said),
        "lost": account.lost_total,
        "gave up": int(writing.writer.state is WriterState.FAILED),
    }


def summed(name: str, runs: list[dict[str, int]], **more: object) -> dict[str, object]:
    total = {key: sum(run[key] for run in runs) for key in runs[0]}
    met = not any(total[key] for key in ("wrong", "unaccounted", "recorded but gone", "silent"))
    return {name: len(runs), "frames": len(runs) * SETS * len(CAMERAS), **total, **more, "met": met}


def failing_calls(most: int, complaints: Complaints) -> dict[str, object]:
    return summed("every Nth call", [one(FailingFiles(every=n), complaints) for n in range(1, most + 1)])


def full_disks(trials: int, complaints: Complaints, generator: np.random.Generator) -> dict[str, object]:
    rooms = generator.integers(0, 120_000, trials).tolist()
    return summed("full disks", [one(FailingFiles(room_bytes=room), complaints) for room in rooms])


def offering() -> dict[str, object]:
    """Offer to a recorder whose disk fills up; returns how long offering takes."""
    with tempfile.TemporaryDirectory() as name:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", name], capture_output=True, check=False
        )
        if mounted.returncode:
            return {"offering": "not run: mounting a tmpfs needs root", "met": True}
        try:
            return _offering(Path(name) / "take")
        finally:
            subprocess.run(["umount", name], check=True)


def _offering(folder: Path) -> dict[str, object]:
    settings = msgspec.structs.replace(SETTINGS, frame_bytes=640 * 400, queue_frames=480)
    frames = [frame_set(number, height=400, width=640) for number in range(6)]
    recorder = start_recorder(
        folder, cameras=CAMERAS, consent=CONSENT, purpose=PURPOSE, settings=settings, now=NOW
    )
    before_ms: list[float] = []
    after_ms: list[float] = []
    due_s = time.monotonic()
    while len(after_ms) < 240 and len(before_ms) < 4000:
        full = recorder.health().state is not WriterState.RECORDING
        begin_s = time.perf_counter()
        recorder.offer(frames[(len(before_ms) + len(after_ms)) % len(frames)])
        (after_ms if full else before_ms).append((time.perf_counter() - begin_s) * 1e3)
        due_s += PERIOD_S
        time.sleep(max(0.0, due_s - time.monotonic()))
    state, account = recorder.health().state, recorder.stop()
    with tempfile.TemporaryDirectory() as name:
        # Mending needs room, which this disk doesn't have.
        kept = recover(Path(shutil.copytree(folder, Path(name) / "take")))
    return {
        "offering on a disk that fills up": len(before_ms) + len(after_ms),
        "state": state.name,
        "offer ms before, p50 / p99": [round(float(np.quantile(before_ms, q)), 2) for q in (0.5, 0.99)],
        "offer ms after, p50 / p99": [round(float(np.quantile(after_ms, q)), 2) for q in (0.5, 0.99)],
        "unaccounted": sum(account.waiting),
        "lost": {cause: sum(frames) for cause, frames in account.lost.items()},
        "recorded": sum(account.of(Column.RECORDED)),
        "there": sum(camera.kept for camera in kept.cameras),
        "met": state is WriterState.DISK_FULL
        and not sum(account.waiting)
        and sum(camera.kept for camera in kept.cameras) >= sum(account.of(Column.RECORDED)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--disks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    complaints = Complaints()
    logging.getLogger("mvmono3d").addHandler(complaints)
    logging.getLogger("mvmono3d").propagate = False
    generator, met = np.random.default_rng(chosen.seed), True
    for found in (
        failing_calls(chosen.calls, complaints),
        full_disks(chosen.disks, complaints, generator),
        offering(),
    ):
        met &= bool(found["met"])
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
