"""The one number that every gate of the robust triangulation scales with, measured on a recording."""

import math
from collections.abc import Callable

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
_SETTLED = 1e-3
_GROWTH = 2.0
_FAIR_SHARE = 0.1
"""Share of the joints, of those with enough detections, that must be solved before a scale counts. Even with
45 % outliers a sixth of the joints of three views is free of them. Where fewer agree, the gates are at most
a tenth of what they should be, and those joints agree by chance."""
_FAIR_JOINTS = 5
"""As a number: so many small residuals are no chance. Half of the joints are enough where there are fewer."""
_MOST_JOINTS = 20_000
_MEDIAN_RAYLEIGH = math.sqrt(2.0 * math.log(2.0))
_MEDIAN_OF_TWO = 0.4769
"""Median distance of each of two detections from the projected joint, in sigmas: of their four
coordinates three go into the joint, so both are 1/sqrt(2) of one Gaussian number."""


def estimate_sigma_px(robust: RobustTriangulated, *, least_views: int = 3) -> float | None:
    """Return the standard deviation per axis that explains the median residual of the inliers.

    Each residual is first freed of what the fit took from it: k views leave 2k - 3 of 2k degrees. Joints on
    which `least_views` or more agree are asked; `None` where there is none.
    """
    agreeing = np.asarray(robust.agreeing)
    asked = np.where(agreeing >= max(least_views, 2), agreeing, 0)[..., None, :]
    counts = np.broadcast_to(asked, robust.residual_px.shape)
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

    The smallest scale at which a fair share of the joints is solved and whose gates let in residuals of just
    that scale. From below, because wide gates take a crowd of outliers for noise and never let go of it.
    Joints that three or more views agree on decide, else those of two views. The calibration's error is
    part of the answer: it must be inside the gates too. Returns the default of `settings` where no joint
    can be triangulated.
    """
    settings = settings or RobustSettings()
    joints = math.prod(pixels.shape[:-3]) * pixels.shape[-2]
    stride = max(1, joints // _MOST_JOINTS) if pixels.ndim > 3 and lens.ndim == 2 else 1
    counted = detected[::stride] & (confidence[::stride] > 0.0)

    def triangulate(sigma: float) -> RobustTriangulated:
        return triangulate_robust_bulk(
            pixels[::stride],
            confidence[::stride],
            detected[::stride],
            lens=lens,
            camera_from_world=camera_from_world,
            settings=settings.scaled(sigma),
        )

    for least_views in (3, 2):
        fair = _fair_count(counted, least_views)
        found = _climb(triangulate, least_views=least_views, fair=fair) if fair else None
        if found is not None:
            return found
    return settings.sigma_px


def _fair_count(counted: Bool[np.ndarray, "*batch view joint"], least_views: int) -> int:
    """Return how many joints must be solved by so many views; 0 where hardly any joint is seen by them."""
    views = counted.sum(axis=-2)
    seen, solvable = int((views >= least_views).sum()), int((views >= 2).sum())
    if seen < _FAIR_SHARE * solvable:
        return 0
    return max(math.ceil(_FAIR_SHARE * seen), min(_FAIR_JOINTS, math.ceil(seen / 2)))


def _climb(
    triangulate: Callable[[float], RobustTriangulated], *, least_views: int, fair: int
) -> float | None:
    """Widen the gates until they explain what they let in; `None` where no gate lets in a fair count."""
    sigma, unfair, explained = NARROWEST_PX, 0.0, False
    for _ in range(_ROUNDS):
        robust = triangulate(sigma)
        solved = int((np.asarray(robust.agreeing) >= least_views).sum())
        found = estimate_sigma_px(robust, least_views=least_views)
        before = sigma
        if found is None or solved < fair:
            unfair, sigma = sigma, min(_GROWTH * sigma, WIDEST_PX)
        else:
            explained, sigma = True, min(max(found, unfair, NARROWEST_PX), WIDEST_PX)
        if abs(sigma - before) < _SETTLED * before or (explained and sigma <= unfair):
            break
    return sigma if explained else None
