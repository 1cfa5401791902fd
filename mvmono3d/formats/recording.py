"""A recording as every verb reads it: a rig of any program, and the 2D joints that its cameras saw."""

from pathlib import Path
from typing import NamedTuple

from mvmono3d.core.detections_file import Detections
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.any_detections import read_any_detections
from mvmono3d.formats.any_rig import read_any_rig
from mvmono3d.formats.rig_scale import check_rig_scale


class RecordingRead(NamedTuple):
    """Detections and the cameras that have some, in the same order."""

    detections: Detections
    rig: Rig
    skeleton: Skeleton


def read_plausible_rig(path: Path, *, units: str) -> Rig:
    """Read a rig of any program; raises `InvalidFileError` for one of implausible size or copied cameras."""
    rig = read_any_rig(path, units=units)
    check_rig_scale(rig, where=f"rig {path}")
    return rig


def read_recording(
    path: Path, rig: Rig, *, skeleton: str | None, person: int | None, rate_hz: float
) -> RecordingRead:
    """Read detections of any tool for a rig; raises `InvalidFileError` where nothing was detected.

    Args:
        path: See `read_any_detections`, also for `person` and `rate_hz`.
        rig: Cameras without detections are left out of the result.
        skeleton: Name or YAML; `None` takes what fits.
        person: Which of several, from 0.
        rate_hz: Of files that state no time.
    """
    wanted = None if skeleton is None else load_skeleton(skeleton)
    detections = read_any_detections(path, skeleton=wanted, views=rig.names, person=person, rate_hz=rate_hz)
    if not detections.observations.detected.any():
        raise InvalidFileError(f"{path}: the recording is empty (nothing detected)")
    return RecordingRead(
        detections, rig.select(detections.views), wanted or load_skeleton(detections.skeleton)
    )
