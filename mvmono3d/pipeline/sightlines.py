"""Detections as lines of sight with a precision: the form in which filters and smoothers take them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.lens import distort, undistort
from mvmono3d.geometry.projection import to_normalised
from mvmono3d.geometry.robust_settings import RobustTriangulated

_STEP = 1e-4
_SURE_VIEWS, _LEAST_CONFIDENCE = 3, 0.05


class Sightlines(NamedTuple):
    """Where each view saw each joint, free of its lens."""

    normalised: Float[Array, "time view joint 2"]
    """(x / z, y / z) in the camera's frame."""
    precision: Float[Array, "time view joint"]
    """1 / variance of one normalised coordinate; 0 where nothing was detected."""


def make_sightlines(
    observations: Observations,
    rig: Rig,
    *,
    robust: RobustTriangulated,
    sigma_px: float,
    confidence_doubt: float,
    sure_confidence: float = 1.0,
) -> Sightlines:
    """Undistort detections and state how sure each is.

    The standard deviation is the detector's own where it states one, else `sigma_px`; it grows by the
    factor 1 + `confidence_doubt` at confidence 0, and not at all from `sure_confidence` on. The rig's pose
    uncertainty is added, at the depth of the actor.
    """
    pixels = np.asarray(observations.pixels, dtype=np.float64)
    lens = np.asarray(rig.camera.lens, dtype=np.float64)
    normalised = undistort(pixels, lens)
    own = observations.sigma_px
    sigma = np.full(pixels.shape[:-1], sigma_px) if own is None else np.asarray(own, dtype=np.float64)
    confidence = np.asarray(observations.confidence, dtype=np.float64)
    sigma = sigma * (1.0 + confidence_doubt * np.maximum(1.0 - confidence / sure_confidence, 0.0))
    variance = (sigma / _pixels_per_unit(normalised, lens)) ** 2 + _pose_variance(rig, robust)[:, None]
    detected = np.asarray(observations.detected)
    usable = detected & np.isfinite(variance)
    return Sightlines(
        normalised=np.where(usable[..., None], normalised, 0.0),
        precision=np.where(usable, 1.0 / np.where(usable, variance, 1.0), 0.0),
    )


def agreed_confidence(observations: Observations, robust: RobustTriangulated) -> float:
    """Return the median confidence of detections that at least three views agree on: 1 where there are none.

    Detectors score differently; what counts is how much less than usual one trusts a detection.
    """
    sure = np.asarray(robust.inlier) & (np.asarray(robust.agreeing)[:, None] >= _SURE_VIEWS)
    agreed = np.asarray(observations.confidence, dtype=np.float64)[sure]
    return max(float(np.median(agreed)), _LEAST_CONFIDENCE) if agreed.size else 1.0


def _pixels_per_unit(
    normalised: Float[np.ndarray, "time view joint 2"], lens: Float[np.ndarray, "view 10"]
) -> Float[np.ndarray, "time view joint"]:
    """Return the lens's local magnification: the root of the determinant of d pixel / d normalised."""
    here = distort(normalised, lens)
    columns = [(distort(normalised + step, lens) - here) / _STEP for step in _STEP * np.eye(2)]
    determinant = columns[0][..., 0] * columns[1][..., 1] - columns[0][..., 1] * columns[1][..., 0]
    focal = np.sqrt(lens[:, 0] * lens[:, 1])[:, None]
    # Beyond the fold of a barrel lens the determinant vanishes: such a detection is worth little.
    return np.sqrt(np.maximum(determinant, (0.1 * focal) ** 2))


def _pose_variance(rig: Rig, robust: RobustTriangulated) -> Float[np.ndarray, " view"]:
    solved = np.asarray(robust.reason) == 0
    rotation, translation = np.asarray(rig.pose_sigma, dtype=np.float64).T
    if not solved.any():
        return rotation**2
    points = np.asarray(robust.points_world)[solved][None]
    _, depth = to_normalised(points, camera_from_world=np.asarray(rig.camera_from_world))
    return rotation**2 + (translation / np.maximum(np.median(depth[0], axis=-1), 0.05)) ** 2
