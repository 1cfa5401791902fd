"""What crashes cost: kill -9 while recording, power losses, and bad bits; every frame kept is compared.

    python -m tests.benchmarks.recorder_crash --kills 500 --power-losses 1000 --bit-flips 1000

kill -9: four cameras at 120 Hz, the recorder is killed at a random moment. Counted per camera: frames
that were written (all that was offered, less what still waited in the queue) or offered, and are not there
after recovery. Power loss: every call that reaches the disk is a moment; of what was not synced each page
survives or not, files end anywhere, names are old or new. Bit flips: one bit anywhere in a finished segment.
"""

import argparse
import json
import os
import shutil
import signal
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
from mvmono3d.deploy.recording.segment_file import check_data
from mvmono3d.errors import CorruptRecordingError
from tests.deploy.recording.faulty_files import RememberingFiles
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
    written,
)

PERIOD_S = 1 / 120
LARGEST_LOSS_FRAMES = 8
LARGEST_LOSS_S = 0.5
LARGEST_RECOVERY_S = 5.0
TRUTH: dict[int, FrameSet] = {number: frame_set(number) for number in range(200)}


def checked(folder: Path) -> tuple[list[int], int, float]:
    """Recover, and compare all that is kept with the truth: frames per camera, wrong ones, seconds."""
    report = recover(folder)
    kept, wrong = [0] * len(CAMERAS), 0
    for found in open_recording(folder):
        names = [frame.camera for frame in found.frames]
        truth = TRUTH[found.number]
        shown = tuple(frame for frame in truth.frames if frame.camera in names)
        wrong += not same(found, FrameSet(number=truth.number, time_ns=truth.time_ns, frames=shown))
        for name in names:
            kept[CAMERAS.index(name)] += 1
    return kept, wrong, report.seconds


def kills(trials: int, generator: np.random.Generator) -> dict[str, object]:
    written_lost, offered_lost, seconds, wrong = [], [], [], 0
    for _ in range(trials):
        folder = Path(tempfile.mkdtemp()) / "take"
        recorder = start_recorder(
            folder, cameras=CAMERAS, consent=CONSENT, purpose=PURPOSE, settings=SETTINGS, now=NOW
        )
        number, due = 0, time.monotonic()
        end = due + generator.uniform(0.05, 0.6)
        while time.monotonic() < end:
            recorder.offer(TRUTH[number])
            number, due = number + 1, due + PERIOD_S
            time.sleep(max(0.0, due - time.monotonic()))
        os.kill(recorder.process_id, signal.SIGKILL)
        recorder.stop()
        waiting = recorder.health().queue_fill * SETTINGS.queue_frames / len(CAMERAS)
        queue_full = recorder.health().account.of(Column.QUEUE_FULL)
        kept, bad, took = checked(folder)
        wrong += bad
        seconds.append(took)
        for camera in range(len(CAMERAS)):
            accepted = number - queue_full[camera]
            offered_lost.append(accepted - kept[camera])
            written_lost.append(accepted - waiting - kept[camera])
        shutil.rmtree(folder.parent)
    return {
        "kills": trials,
        "wrong": wrong,
        "written and lost per camera, most": max(written_lost),
        "offered and lost per camera, most": max(offered_lost),
        "offered and lost, mean": round(float(np.mean(offered_lost)), 2),
        "recovery s, longest": round(max(seconds), 2),
        "met": wrong == 0 and max(written_lost) <= LARGEST_LOSS_FRAMES and max(seconds) <= LARGEST_RECOVERY_S,
    }


def power_losses(states: int, generator: np.random.Generator) -> dict[str, object]:
    """Paced at 120 Hz; what is lost is older than the moment by so much at most."""
    folder = Path(tempfile.mkdtemp()) / "take"
    files = RememberingFiles(time.monotonic)
    settings = msgspec.structs.replace(SETTINGS, segment_bytes=150_000)
    writing = Writing(folder, settings=settings, files=files)
    offered: list[float] = []
    promised: list[tuple[float, int]] = []
    due = time.monotonic()
    for number in range(180):
        offered.append(time.monotonic())
        writing.write(TRUTH[number])
        promised.append((time.monotonic(), min(writing.ledger.account().of(Column.RECORDED))))
        due += PERIOD_S
        time.sleep(max(0.0, due - time.monotonic()))
    writing.writer.close()
    description = (folder / "recording.toml").read_bytes()
    wrong, broken, windows, seconds = 0, 0, [0.0], []
    for moment in generator.integers(len(files.instants), size=states).tolist():
        instant = files.instants[moment]
        state = folder.parent / "state"
        state.mkdir()
        (state / "recording.toml").write_bytes(description)
        files.disk_after_power_loss(instant, state, generator)
        kept, bad, took = checked(state)
        wrong += bad
        seconds.append(took)
        safe = max((frames for at, frames in promised if at <= instant.time_s), default=0)
        broken += min(kept) < safe
        gone = [at for at in offered[min(kept) :] if at <= instant.time_s]
        windows.append(instant.time_s - gone[0] if gone else 0.0)
        shutil.rmtree(state)
    shutil.rmtree(folder.parent)
    return {
        "power losses": states,
        "moments": len(files.instants),
        "wrong": wrong,
        "safe frames lost": broken,
        "window ms, p95": round(float(np.quantile(windows, 0.95)) * 1e3),
        "window ms, longest": round(max(windows) * 1e3),
        "recovery s, longest": round(max(seconds), 2),
        "met": not wrong and not broken and max(windows) <= LARGEST_LOSS_S,
    }


def bit_flips(flips: int, generator: np.random.Generator) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp()) / "take"
    written(folder, 24)
    (segment,) = folder.glob("*.mcap")
    content = segment.read_bytes()
    description = (folder / "recording.toml").read_bytes()
    wrong, unseen, most = 0, 0, 0
    for _ in range(flips):
        state = folder.parent / "state"
        state.mkdir()
        (state / "recording.toml").write_bytes(description)
        changed = bytearray(content)
        changed[int(generator.integers(len(content)))] ^= 1 << int(generator.integers(8))
        (state / segment.name).write_bytes(changed)
        try:
            check_data(state / segment.name)
            unseen += 1
        except CorruptRecordingError:
            pass
        kept, bad, _ = checked(state)
        wrong += bad
        most = max(most, 24 * len(CAMERAS) - sum(kept))
        shutil.rmtree(state)
    shutil.rmtree(folder.parent)
    return {
        "bit flips": flips,
        "undetected": unseen,
        "wrong": wrong,
        "frames lost by one flip, most": most,
        "met": not wrong and not unseen and most <= 1,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--power-losses", type=int, default=1000)
    parser.add_argument("--bit-flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    generator = np.random.default_rng(chosen.seed)
    met = True
    for measure, trials in (
        (bit_flips, chosen.bit_flips),
        (power_losses, chosen.power_losses),
        (kills, chosen.kills),
    ):
        if trials:
            found = measure(trials, generator)
            met &= bool(found["met"])
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
