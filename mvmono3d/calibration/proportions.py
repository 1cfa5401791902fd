"""Are the printed squares square? Printers stretch one direction, and files hold typing errors."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.optimize import minimize_scalar

from mvmono3d.calibration.board_views import BoardViews
from mvmono3d.calibration.findings import Fault, Finding, Severity
from mvmono3d.calibration.planar_pose import spread_out
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.array import Array

_FEWEST_POSES = 6
_MOST_POSES = 12
_MOST_CAMERAS = 3
_RANGE = (0.85, 1.18)
_TOLERANCE = 2e-4
_TOLD, _REFUSED = 0.004, 0.01
"""Departures of width over height from what the file says."""
_AGREE = 2.0
"""Cameras must agree about the departure to half of it."""
_BETTER = 0.97
"""The residual with other proportions over that with the file's: above it nothing is proved."""
_FLAGS = cv2.CALIB_ZERO_TANGENT_DIST | cv2.CALIB_FIX_K3


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """What one camera says about the board's shape."""

    camera: str
    width_over_height: float
    """Of what the board file says; 1 agrees."""
    rms_px: float
    rms_as_given_px: float


def measured_proportions(sightings: BoardSightings, views: BoardViews) -> tuple[Proportion, ...]:
    """Return the stretch of the board that a lens fits best, by the cameras with most boards.

    Turns of the board in the image tell its proportions apart from those of the pixels.
    """
    usable = views.fixed.sum(axis=0)
    order = [int(view) for view in np.argsort(-usable, kind="stable") if usable[view] >= _FEWEST_POSES]
    found = [_of_camera(sightings, views, view) for view in order[:_MOST_CAMERAS]]
    return tuple(one for one in found if one is not None)


def checked_proportions(found: tuple[Proportion, ...]) -> tuple[Finding, ...]:
    """Return the finding, if the cameras agree that the squares have another shape."""
    proved = [one for one in found if one.rms_px < _BETTER * one.rms_as_given_px]
    if len(proved) < min(2, len(found)) or not proved:
        return ()
    stretches = np.array([one.width_over_height for one in proved])
    stretch = float(np.median(stretches))
    if abs(stretch - 1.0) < max(_TOLD, _AGREE * float(np.ptp(stretches))):
        return ()
    return (
        Finding(
            fault=Fault.WRONG_PROPORTIONS,
            severity=Severity.REFUSE if abs(stretch - 1.0) > _REFUSED else Severity.WARN,
            cameras=tuple(one.camera for one in proved),
            message=f"the board is {100 * (stretch - 1):+.1f} % wider for its height than the file says: "
            f"a lens fits to {proved[0].rms_px:.2f} px so, as given to {proved[0].rms_as_given_px:.2f} px",
            remedy="measure squares along and across; print at 100 % without 'fit to page', on a flat sheet",
        ),
    )


def _of_camera(sightings: BoardSightings, views: BoardViews, view: int) -> Proportion | None:
    poses = _chosen(sightings, views, view)
    if len(poses) < _FEWEST_POSES:
        return None
    pixels = [sightings.pixels[pose, view, sightings.seen[pose, view]] for pose in poses]
    plans = [sightings.corners_m[sightings.seen[pose, view]] for pose in poses]
    size = (int(sightings.size_px[view, 0]), int(sightings.size_px[view, 1]))

    def rms_px(stretch: float) -> float:
        return _rms_px([plan * np.array([stretch, 1.0, 1.0]) for plan in plans], pixels, size)

    best = minimize_scalar(rms_px, bounds=_RANGE, method="bounded", options={"xatol": _TOLERANCE})
    return Proportion(
        camera=sightings.cameras[view],
        width_over_height=float(best.x),
        rms_px=float(best.fun),
        rms_as_given_px=rms_px(1.0),
    )


def _chosen(sightings: BoardSightings, views: BoardViews, view: int) -> list[int]:
    """Return poses with many corners, spread over the recording."""
    fixed = np.flatnonzero(views.fixed[:, view])
    fixed = np.array([pose for pose in fixed if spread_out(sightings.corners_m[sightings.seen[pose, view]])])
    parts = np.array_split(fixed, min(_MOST_POSES, max(len(fixed), 1)))
    count = sightings.seen[:, view].sum(axis=-1)
    return [int(part[np.argmax(count[part])]) for part in parts if len(part)]


def _rms_px(plans: list[Array], pixels: list[Array], size_px: tuple[int, int]) -> float:
    width = max(size_px)
    guess = np.array([[width, 0.0, size_px[0] / 2.0], [0.0, width, size_px[1] / 2.0], [0.0, 0.0, 1.0]])
    rms, *_ = cv2.calibrateCamera(
        [np.ascontiguousarray(plan, dtype=np.float32) for plan in plans],
        [np.ascontiguousarray(at, dtype=np.float32) for at in pixels],
        size_px,
        guess,
        np.zeros(5),
        flags=_FLAGS | cv2.CALIB_USE_INTRINSIC_GUESS,
    )
    return float(rms)
