"""TRC, the marker file of OpenSim: tab-separated, +Y up, missing markers blank.

(X, Y, Z) of the file are (Y, Z, X) of our world, which is +Z up: the turn that Pose2Sim makes too.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.schema import atomic_write
from mvmono3d.errors import InvalidFileError

_METRES_PER_UNIT = {"m": 1.0, "mm": 1e-3, "cm": 1e-2}
_WORLD_FROM_FILE = [2, 0, 1]
_FILE_FROM_WORLD = [1, 2, 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """Named points over time. Where `present` is false the numbers are 0."""

    names: tuple[str, ...]
    points_world: Float[np.ndarray, "time marker 3"]
    """Metres, +Z up."""
    present: Bool[np.ndarray, "time marker"]
    time_s: Float[np.ndarray, " time"]
    rate_hz: float


def read_trc(path: Path) -> Markers:
    """Read markers in metres; the header's `Units` decide the file's scale (m, cm or mm)."""
    lines = _lines(path)
    header = dict(zip(lines[1], lines[2], strict=False))
    try:
        rate_hz, count = float(header["DataRate"]), int(header["NumMarkers"])
        scale = _METRES_PER_UNIT[header["Units"].strip()]
    except (KeyError, ValueError) as error:
        raise InvalidFileError(
            f"{path}: bad TRC header at {error}; expected DataRate, NumMarkers and Units (m, cm or mm)"
        ) from None
    names = tuple(name for name in lines[3][2:] if name)
    if len(names) != count:
        raise InvalidFileError(f"{path}: {len(names)} marker names, but NumMarkers is {count}")
    table = _numbers([line for line in lines[5:] if line and line[0].strip()], 2 + 3 * count, path)
    if not len(table):
        raise InvalidFileError(f"{path}: the recording is empty (0 frames)")
    points = table[:, 2:].reshape(len(table), count, 3)
    present = np.asarray(np.isfinite(points).all(axis=-1))
    points_world = np.where(present[..., None], points[..., _WORLD_FROM_FILE] * scale, 0.0)
    return Markers(
        names=names, points_world=points_world, present=present, time_s=table[:, 1], rate_hz=rate_hz
    )


def write_trc(path: Path, markers: Markers) -> None:
    """Write markers in millimetres, the unit OpenSim expects; absent ones stay blank."""
    frames, count = markers.present.shape
    rate = f"{markers.rate_hz:g}"
    names = "\t".join(f"{name}\t\t" for name in markers.names)
    axes = "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, count + 1))
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{count}\tmm\t{rate}\t1\t{frames}",
        f"Frame#\tTime\t{names.rstrip()}",
        f"\t\t{axes}",
    ]
    points_mm = markers.points_world[..., _FILE_FROM_WORLD] * 1e3
    for frame in range(frames):
        cells = [
            "\t".join(f"{value:.5f}" for value in point) if present else "\t\t"
            for point, present in zip(points_mm[frame], markers.present[frame], strict=True)
        ]
        lines.append("\t".join([str(frame + 1), f"{markers.time_s[frame]:.9f}", *cells]))
    with atomic_write(path) as file:
        file.write(("\n".join(lines) + "\n").encode())


def _lines(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} is not a readable TRC file: {error}") from None
    lines = [line.rstrip("\r").split("\t") for line in text.split("\n")]
    if not text.startswith("PathFileType") or len(lines) < 5:
        raise InvalidFileError(f"{path} is not a TRC file: expected five header lines from PathFileType on")
    return lines


def _numbers(rows: list[list[str]], columns: int, path: Path) -> np.ndarray:
    table = np.full((len(rows), columns), np.nan)
    for index, row in enumerate(rows):
        cells = row[:columns]
        try:
            table[index, : len(cells)] = [float(cell) if cell.strip() else np.nan for cell in cells]
        except ValueError as error:
            raise InvalidFileError(f"{path}: data row {index + 1}: {error}") from None
    return table
