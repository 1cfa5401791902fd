"""Which frames of several cameras belong together: by timestamps, or by their place in the video."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from mvmono3d.errors import InvalidFileError

TIMESTAMPS = "timestamps.csv"
_COLUMNS = ("sync_index", "cam_id", "frame_time")
_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSets:
    """Frames of one instant, one row each."""

    labels: tuple[str, ...]
    frame: Int[np.ndarray, "pose view"]
    """Place in that camera's video; 0 where it has none."""
    present: Bool[np.ndarray, "pose view"]
    time_ns: Int[np.ndarray, "pose view"] | None = None


def pair_by_index(frames: Sequence[int], *, cameras: Sequence[str], where: str) -> FrameSets:
    """Pair frames by their place; refuse videos of different length, since nobody knows which is missing."""
    if len(set(frames)) != 1:
        lengths = ", ".join(f"{name} {count}" for name, count in zip(cameras, frames, strict=True))
        raise InvalidFileError(
            f"{where}: videos of different length ({lengths} frames), so frames can't be paired by their "
            f"place; add a {TIMESTAMPS} with {', '.join(_COLUMNS)}"
        )
    place = np.tile(np.arange(frames[0])[:, None], (1, len(cameras)))
    return FrameSets(
        labels=tuple(str(number) for number in range(frames[0])),
        frame=place,
        present=np.ones(place.shape, dtype=bool),
    )


def read_timestamps(path: Path, *, frames: Sequence[int], cameras: Sequence[str]) -> FrameSets:
    """Read a table with sync_index, cam_id and frame_time (s), as caliscope writes it.

    A camera's rows, by time, are its frames in order; `cam_id` is the camera's name or the number it ends in.
    """
    rows = _rows(path, cameras)
    labels = sorted({label for label, *_ in rows})
    shape = (len(labels), len(cameras))
    frame, time_ns = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    present = np.zeros(shape, dtype=bool)
    for view, name in enumerate(cameras):
        own = sorted((time, label) for label, camera, time in rows if camera == view)
        if len(own) != frames[view]:
            raise InvalidFileError(
                f"{path}: {len(own)} rows of camera {name!r}, but its video has {frames[view]} frames"
            )
        for place, (time, label) in enumerate(own):
            pose = labels.index(label)
            if present[pose, view]:
                raise InvalidFileError(f"{path}: sync_index {label} twice for camera {name!r}")
            frame[pose, view], time_ns[pose, view], present[pose, view] = place, time, True
    return FrameSets(
        labels=tuple(str(label) for label in labels), frame=frame, present=present, time_ns=time_ns
    )


def _rows(path: Path, cameras: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return (sync_index, view, time in ns) of each row."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFileError(f"can't read {path}: {error}") from None
    missing = [column for column in _COLUMNS if not table or column not in table[0]]
    if missing:
        raise InvalidFileError(f"{path}: no column {missing[0]!r}, expected {', '.join(_COLUMNS)}")
    return [_row(row, f"{path}, line {line}", cameras) for line, row in enumerate(table, start=2)]


def _row(row: dict[str, str], where: str, cameras: Sequence[str]) -> tuple[int, int, int]:
    try:
        label, time_s = int(row["sync_index"]), float(row["frame_time"])
    except (TypeError, ValueError):
        raise InvalidFileError(
            f"{where}: {list(row.values())}, expected a whole number and seconds"
        ) from None
    if not np.isfinite(time_s):
        raise InvalidFileError(f"{where}: frame_time {time_s}, expected seconds")
    return label, _view(str(row["cam_id"]), where, cameras), round(time_s * _NS_PER_S)


def _view(camera: str, where: str, cameras: Sequence[str]) -> int:
    for view, name in enumerate(cameras):
        number = re.search(r"(\d+)$", name)
        if camera == name or (number and camera.isdigit() and int(number[1]) == int(camera)):
            return view
    raise InvalidFileError(f"{where}: cam_id {camera!r} is none of {', '.join(cameras)}")
