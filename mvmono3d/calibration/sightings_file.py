"""Board corners saved as `.npz`: arrays as in `BoardSightings`, with names."""

from pathlib import Path

import numpy as np

from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.errors import InvalidFileError

_REQUIRED = ("cameras", "size_px", "corners_m", "pixels", "seen", "labels")


def read_sightings(path: Path) -> BoardSightings:
    """Read and check saved corners; raises `InvalidFileError` with file and array."""
    arrays = read_npz(path, required=_REQUIRED)
    _check(arrays, str(path))
    return BoardSightings(
        cameras=tuple(str(name) for name in arrays["cameras"]),
        size_px=arrays["size_px"].astype(np.int64),
        corners_m=arrays["corners_m"].astype(np.float64),
        pixels=arrays["pixels"].astype(np.float64),
        seen=arrays["seen"].astype(bool),
        labels=tuple(str(name) for name in arrays["labels"]),
        time_ns=arrays["time_ns"].astype(np.int64) if "time_ns" in arrays else None,
        two_sided=bool(arrays["two_sided"]) if "two_sided" in arrays else False,
    )


def write_sightings(path: Path, sightings: BoardSightings) -> None:
    """Write corners; `read_sightings` gives the same back."""
    arrays = {
        "cameras": np.array(sightings.cameras),
        "size_px": np.asarray(sightings.size_px),
        "corners_m": np.asarray(sightings.corners_m),
        "pixels": np.asarray(sightings.pixels),
        "seen": np.asarray(sightings.seen),
        "labels": np.array(sightings.labels),
        "two_sided": np.array(sightings.two_sided),
    }
    if sightings.time_ns is not None:
        arrays["time_ns"] = np.asarray(sightings.time_ns)
    write_npz(path, arrays)


def _check(arrays: dict[str, np.ndarray], where: str) -> None:
    seen = arrays["seen"].shape
    if len(seen) != 3:
        raise InvalidFileError(f"{where}: seen {seen}, expected (pose, view, corner)")
    poses, views, corners = seen
    expected = {
        "pixels": (*seen, 2),
        "cameras": (views,),
        "labels": (poses,),
        "size_px": (views, 2),
        "corners_m": (corners, 3),
        "time_ns": (poses, views),
        "two_sided": (),
    }
    for name, shape in expected.items():
        if name in arrays and arrays[name].shape != shape:
            raise InvalidFileError(
                f"{where}: {name} {arrays[name].shape}, expected {shape} as in seen {seen}"
            )
    for name in ("pixels", "corners_m"):
        if not np.isfinite(arrays[name]).all():
            raise InvalidFileError(f"{where}: {name} holds numbers that are not finite; 0 where not seen")
    names = [str(name) for name in arrays["cameras"]]
    if len(set(names)) != views:
        raise InvalidFileError(f"{where}: camera names that repeat: {', '.join(names)}")
