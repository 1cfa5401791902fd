"""Replay a recording: every frame set in its time, in steps, or as fast as this machine reads.

Prints a line for every set with --verbose or --pace stepped (Enter: next, q: end), and what was played.
"""

import argparse
import sys
import time
from pathlib import Path

from mvmono3d.deploy.recording.frame import FrameSet
from mvmono3d.deploy.recording.reader import Recording, open_recording
from mvmono3d.deploy.recording.replay import Pace, Replay
from mvmono3d.deploy.recording.seal import read_identity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("recording", type=Path, metavar="RECORDING", help="a folder with recording.toml")
    parser.add_argument(
        "--pace",
        type=Pace,
        choices=list(Pace),
        default=Pace.REAL,
        help="when the next set comes (default real)",
    )
    parser.add_argument("--speed", type=float, default=1.0, help="of real time (default %(default)s)")
    parser.add_argument(
        "--identity", type=Path, metavar="FILE", help="age identity of an encrypted recording"
    )
    parser.add_argument("--verbose", action="store_true", help="a line for every frame set")


def run(arguments: argparse.Namespace) -> int:
    """Play it, say what was played."""
    identity = None if arguments.identity is None else read_identity(arguments.identity)
    recording = open_recording(arguments.recording, identity=identity)
    replay = Replay(recording=recording, pace=arguments.pace, speed=arguments.speed, step=_step)
    begin, frames, late_s = time.monotonic(), 0, 0.0
    first_ns = int(recording.time_ns[0]) if len(recording) else 0
    for shown in replay.sets():
        frames += len(shown.frames)
        due_s = (shown.time_ns - first_ns) * 1e-9 / arguments.speed
        late_s = max(late_s, time.monotonic() - begin - due_s)
        if arguments.verbose or arguments.pace is Pace.STEPPED:
            sys.stdout.write(_line(shown, first_ns))
    sys.stdout.write(_played(recording, frames, time.monotonic() - begin))
    sys.stdout.write(_answered(recording))
    if arguments.pace is Pace.REAL and frames:
        sys.stdout.write(f"latest set {late_s * 1e3:.1f} ms after its time\n")
    return 0


def _step() -> bool:
    answer = sys.stdin.readline()
    return bool(answer) and answer.strip().lower() != "q"


def _line(shown: FrameSet, first_ns: int) -> str:
    frames = ", ".join(
        f"{frame.camera} #{frame.frame_id} {frame.status.name.lower()}" for frame in shown.frames
    )
    return f"set {shown.number} at {(shown.time_ns - first_ns) * 1e-9:.4f} s: {frames}\n"


def _answered(recording: Recording) -> str:
    """Return what was recorded beside the frames; nothing where there was nothing."""
    answers = [(each.time_ns, each.skeleton, each.actor) for each in recording.joints()]
    if not answers:
        return ""
    actors, skeletons = {actor for _, _, actor in answers}, sorted({name for _, name, _ in answers})
    sets = len({time_ns for time_ns, _, _ in answers})
    return f"joints of {', '.join(skeletons)} in {sets} of {len(recording)} sets, {len(actors)} actor(s)\n"


def _played(recording: Recording, frames: int, seconds: float) -> str:
    rate = frames / seconds if seconds > 0 else 0.0
    return (
        f"{recording.folder}: {frames} frames of {len(recording.cameras)} cameras in {seconds:.2f} s "
        f"({rate:.0f} frames/s)\n"
    )
