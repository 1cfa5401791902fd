"""Recorded motion as a file: landmarks of bodies over time, with whose they are and what they are for.

`*.npz`, schema 1: `points_world (frames, landmarks, 3)` metres, +Z up, all takes one after the other;
`joints (landmarks,)`; `rate_hz ()`; and of each take `takes`, `take_frames`, `subjects`, `splits`.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.errors import InvalidFileError
from mvmono3d.synthetic.body import BODY_JOINTS
from mvmono3d.synthetic.settings import no_motion_file
from mvmono3d.synthetic.splits import Split

_ARRAYS = ("points_world", "joints", "rate_hz", "takes", "take_frames", "subjects", "splits")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMotion:
    """Takes of recorded people. No person is in two splits."""

    points_world: Float[np.ndarray, "frame landmark 3"]
    """Metres, +Z up, feet on z = 0; landmarks in the order of `BODY_JOINTS`."""
    takes: tuple[str, ...]
    take_frames: Int[np.ndarray, " take"]
    subjects: tuple[str, ...]
    splits: tuple[Split, ...]
    rate_hz: float

    def take(self, place: int) -> Float[np.ndarray, "time landmark 3"]:
        """Return one take's landmarks."""
        end = int(self.take_frames[: place + 1].sum())
        return self.points_world[end - int(self.take_frames[place]) : end]


def write_motion(path: Path, motion: RecordedMotion) -> None:
    """Write recorded motion; the file appears whole or not at all."""
    arrays = {
        "points_world": motion.points_world.astype(np.float32),
        "joints": np.array(BODY_JOINTS),
        "rate_hz": np.array(motion.rate_hz),
        "takes": np.array(motion.takes),
        "take_frames": np.asarray(motion.take_frames),
        "subjects": np.array(motion.subjects),
        "splits": np.array([split.name.lower() for split in motion.splits]),
    }
    write_npz(path, arrays)


def read_motion(path: Path) -> RecordedMotion:
    """Read recorded motion; equal files are read once.

    Raises `InvalidFileError` for another file, missing landmarks, or a person in two splits.
    """
    try:
        state = path.stat()
    except FileNotFoundError:
        raise no_motion_file(path) from None
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=2)
def _read(path: Path, _changed_ns: int, _size: int) -> RecordedMotion:
    arrays = read_npz(path, required=_ARRAYS)
    joints = [str(joint) for joint in arrays["joints"]]
    lacking = [joint for joint in BODY_JOINTS if joint not in joints]
    if lacking:
        raise InvalidFileError(f"{path}: no landmark {', '.join(lacking)}; motion files have all of a body")
    frames, points = arrays["take_frames"], arrays["points_world"]
    if len({len(arrays[name]) for name in ("takes", "take_frames", "subjects", "splits")}) != 1:
        raise InvalidFileError(f"{path}: takes, take_frames, subjects and splits differ in length")
    if points.shape != (frames.sum(), len(joints), 3) or not np.isfinite(points).all():
        raise InvalidFileError(
            f"{path}: points_world is {points.shape}, expected finite {(int(frames.sum()), len(joints), 3)}"
        )
    motion = RecordedMotion(
        points_world=points[:, [joints.index(joint) for joint in BODY_JOINTS]],
        takes=tuple(str(take) for take in arrays["takes"]),
        take_frames=frames.astype(np.int64),
        subjects=tuple(str(subject) for subject in arrays["subjects"]),
        splits=tuple(_split(str(name), path) for name in arrays["splits"]),
        rate_hz=float(arrays["rate_hz"]),
    )
    shared = [each for each in set(motion.subjects) if len(_splits_of(motion, each)) > 1]
    if shared:
        raise InvalidFileError(f"{path}: {', '.join(sorted(shared))} in more than one split")
    return motion


def _split(name: str, path: Path) -> Split:
    if name.upper() not in Split.__members__:
        raise InvalidFileError(f"{path}: split {name!r}, expected train, val or test")
    return Split[name.upper()]


def _splits_of(motion: RecordedMotion, subject: str) -> set[Split]:
    return {split for split, each in zip(motion.splits, motion.subjects, strict=True) if each == subject}
