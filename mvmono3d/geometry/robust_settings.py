"""What the robust triangulations share: settings, result, and the view subsets they try."""

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.errors import ConfigurationError

EXHAUSTIVE_VIEWS = 5
"""Up to this many views every subset is tried (26 of five views); above, pairs."""
MAX_SUBSETS = 128
MAX_VIEWS = 62
"""A set of views is the bits of a 64-bit integer."""
SUBSETS_AT_ONCE = 16
"""So many subsets are tried before asking whether one of them leaves no doubt."""
FARTHEST_PX = 1e6
"""A pixel beyond this is no detection."""
UNDISTORT_ERROR2 = 1e-2
"""Square of the largest error of an undistortion, in pixels; beyond it the lens has no such pixel."""
LEAST_STRETCH = 1e-3
"""Least determinant of a lens's Jacobian; it turns over where the lens folds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustSettings:
    """When views agree. Gates are in standard deviations `sigma_px` of a good detection.

    Every length in pixels scales with `sigma_px`, so a recording needs this one number:
    `noise_scale.fit_sigma_px` measures it. 2 px suits a good detector on a good calibration.
    """

    sigma_px: float = 2.0
    """Standard deviation per axis of a good detection, calibration error included."""
    gate: float = 6.0
    """A view further than this from a hypothesis doesn't support it, and costs as if it were this far
    (MSAC; Torr and Zisserman 2000)."""
    refine_gates: tuple[float, ...] = (8.0, 5.0, 4.0)
    """Views within these take part in each Gauss-Newton step; the last one decides who is an inlier.
    Wide to narrow: the first point may lie a few sigmas off."""
    rival_margin: float = 9.0
    """A set of views that shares at most one view with the winner contradicts it, unless its squared
    residuals are larger by this many variances (9: a likelihood ratio of 90)."""
    min_angle_deg: float = 1.0
    """Rays that all meet at less than this angle fix no point."""
    min_separation_m: float = 0.005
    """Cameras nearer than this are one view."""
    min_depth_m: float = 0.01
    """A point nearer than this to a camera's plane, or behind it, isn't seen by that camera."""

    def __post_init__(self) -> None:
        positive = ("sigma_px", "gate", "rival_margin", "min_depth_m", "min_angle_deg")
        for name in positive:
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigurationError(f"RobustSettings: {name} = {value}, expected a number above 0")
        if not self.refine_gates or min(self.refine_gates) <= 0:
            raise ConfigurationError(
                f"RobustSettings: refine_gates = {self.refine_gates}, expected one or more numbers above 0"
            )
        if self.min_separation_m < 0:
            raise ConfigurationError(
                f"RobustSettings: min_separation_m = {self.min_separation_m}, expected 0 or more"
            )

    def scaled(self, sigma_px: float) -> "RobustSettings":
        """Return the same gates, in sigmas, for detections of another standard deviation."""
        return replace(self, sigma_px=sigma_px)


class RobustTriangulated(NamedTuple):
    """Joints with covariance, and which views stand behind them. A missing joint's numbers are 0."""

    points_world: Float[Array, "*batch joint 3"]
    covariance_world: Float[Array, "*batch joint 3 3"]
    """Of the inlier views' detections alone, m²; the error of the calibration is not in it."""
    inlier: Bool[Array, "*batch view joint"]
    agreeing: Int[Array, "*batch joint"]
    """Inlier views, cameras at one place counted once. Two views agree by chance now and then (about 2 %
    where both are outliers); three practically never."""
    reason: Int[Array, "*batch joint"]
    """`MissingReason`; 0 where the joint is solved."""
    residual_px: Float[Array, "*batch view joint"]
    """Distance from each detection to the projected joint, also of outliers; 0 where either is missing."""


def view_subsets(views: int) -> tuple[tuple[int, ...], ...]:
    """Return the subsets of the views to triangulate from, in the order they are tried.

    Up to five views: all of two or more, the large ones first. Above: pairs, most distant in view order
    first, so that every view appears twice before any appears a third time; at most `MAX_SUBSETS`. The set
    of all detected views is not listed: it always comes first.
    """
    if views <= EXHAUSTIVE_VIEWS:
        return tuple(subset for size in range(views, 1, -1) for subset in combinations(range(views), size))
    pairs = {
        tuple(sorted((first, (first + distance) % views))): None
        for distance in range(views // 2, 0, -1)
        for first in range(views)
    }
    return tuple((first, second) for first, second in pairs)[:MAX_SUBSETS]
