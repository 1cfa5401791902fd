"""Read a rig of any program, told apart by content; write anipose's and Pose2Sim's tables."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import METRES_PER_UNIT, read_rig, write_rig
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.colmap import read_colmap
from mvmono3d.formats.kalibr import read_kalibr
from mvmono3d.formats.opencv_rig import read_opencv

_KINDS = (
    "a rig.toml (also anipose, Pose2Sim), Kalibr's camchain.yaml, OpenCV's .yml, "
    "or a folder with COLMAP's cameras.txt and images.txt or with intri.yml and extri.yml"
)


def read_any_rig(path: Path, *, units: str = "m") -> Rig:
    """Read a rig whose lengths are in `units`; raises `InvalidFileError` for what is none."""
    if path.suffix == ".toml":
        return read_rig(path, units=units)
    scale = METRES_PER_UNIT[units]
    return _scaled(_read(path), scale)


def write_anipose(path: Path, rig: Rig) -> None:
    """Write anipose's calibration.toml, in millimetres: `read_rig(path, units="mm")` reads it back.

    Pose2Sim's Calib.toml has the same tables in metres: that is `core.rig_file.write_rig`.
    """
    in_mm = _scaled(rig, 1.0 / METRES_PER_UNIT["mm"])
    kept = tuple(item for item in rig.metadata if item[0] != "units")
    write_rig(path, replace(in_mm, metadata=(*kept, ("units", "mm"))))


def _read(path: Path) -> Rig:
    if path.is_dir() and (path / "cameras.txt").exists():
        return read_colmap(path)
    if path.is_dir() and (path / "intri.yml").exists():
        return read_opencv(path)
    if path.suffix in {".yaml", ".yml"}:
        return read_kalibr(path) if _is_kalibr(path) else read_opencv(path)
    raise InvalidFileError(f"{path} is no rig; expected {_KINDS}")


def _is_kalibr(path: Path) -> bool:
    try:
        return "camera_model" in path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InvalidFileError(f"can't read {path}: {error.strerror}") from None


def _scaled(rig: Rig, scale: float) -> Rig:
    return replace(
        rig,
        camera_from_world=rig.camera_from_world * np.array([1.0, 1.0, 1.0, scale]),
        pose_sigma=rig.pose_sigma * np.array([1.0, scale]),
    )
