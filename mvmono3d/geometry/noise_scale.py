"""The one number that every gate of the robust triangulation scales with, measured on a recording."""

import math

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings, RobustTriangulated

WIDEST_PX = 20.0
"""Beyond this a detector or calibration is of no use."""
NARROWEST_PX = 0.3
"""Where the search starts: no detector is taken to be better than this."""
_ROUNDS = 16
_SETTLED = 0.02
_MOST_JOINTS = 20_000
_MEDIAN_RAYLEIGH = math.sqrt(2.0 * math.log(2.0))
_MEDIAN_OF_TWO = 0.4769
"""Median distance of each of two detections from the projected joint, in sigmas: of their four
coordinates three go into the joint, so both are 1/sqrt(2) of one Gaussian number."""


def estimate_sigma_px(robust: RobustTriangulated) -> float | None:
    """Return the standard deviation per axis that explains the median residual of the inliers.

    Each residual is first freed of what the fit took from it: k views leave 2k - 3 of 2k degrees. Joints on
    which three or more views agree decide where there are any. `None` where no joint is solved.
    """
    agreeing = np.asarray(robust.agreeing)
    least = 3 if (agreeing >= 3).any() else 2
    counts = np.broadcast_to(np.where(agreeing >= least, agreeing, 0)[..., None, :], robust.residual_px.shape)
    use = np.asarray(robust.inlier) & (counts > 0)
    if not use.any():
        return None
    views = counts[use]
    free = np.where(views > 2, _MEDIAN_RAYLEIGH * np.sqrt((2 * views - 3) / (2 * views)), _MEDIAN_OF_TWO)
    return float(np.median(np.asarray(robust.residual_px)[use] / free))


def recording_sigma_px(observations: Observations, rig: Rig) -> float:
    """Measure the standard deviation of a whole recording's good detections, px per axis."""
    return fit_sigma_px(
        np.asarray(observations.pixels, dtype=np.float64),
        np.asarray(observations.confidence, dtype=np.float64),
        np.asarray(observations.detected),
        lens=np.asarray(rig.camera.lens, dtype=np.float64),
        camera_from_world=np.asarray(rig.camera_from_world, dtype=np.float64),
    )


def fit_sigma_px(
    pixels: Float[np.ndarray, "*#batch view joint 2"],
    confidence: Float[np.ndarray, "*#batch view joint"],
    detected: Bool[np.ndarray, "*#batch view joint"],
    *,
    lens: Float[np.ndarray, "*#batch view 10"],
    camera_from_world: Float[np.ndarray, "*#batch view 3 4"],
    settings: RobustSettings | None = None,
) -> float:
    """Measure the standard deviation of a recording's good detections, px per axis.

    Triangulates with the narrowest gates, takes the scale of the inliers' residuals, and again with gates of
    that scale, which grow until the inliers explain them. From below, because wide gates take a crowd of
    outliers for noise and never let go of it. The calibration's error is part of the answer: it must be
    inside the gates too. Returns the default of `settings` where no joint can be triangulated.
    """
    settings = settings or RobustSettings()
    joints = math.prod(pixels.shape[:-3]) * pixels.shape[-2]
    stride = max(1, joints // _MOST_JOINTS) if pixels.ndim > 3 and lens.ndim == 2 else 1
    sigma, solved = NARROWEST_PX, False
    for _ in range(_ROUNDS):
        robust = triangulate_robust_bulk(
            pixels[::stride],
            confidence[::stride],
            detected[::stride],
            lens=lens,
            camera_from_world=camera_from_world,
            settings=settings.scaled(sigma),
        )
        found = estimate_sigma_px(robust)
        solved = solved or found is not None
        before, sigma = sigma, min(max(found or 2.0 * sigma, NARROWEST_PX), WIDEST_PX)
        if abs(sigma - before) < _SETTLED * before:
            break
    return sigma if solved else settings.sigma_px
