"""Robust triangulation from the views that agree, over numpy and torch, with gradients.

Method: points from subsets of views by weighted normal equations compete by their truncated squared
residuals in pixels (MSAC: Torr and Zisserman, MLESAC, 2000). From the winner, Gauss-Newton steps with
gates from wide to narrow. A joint is missing where fewer than two views agree, where a set of views that
shares at most one with the winner explains it about as well, and where the rays are close to parallel.

`robust_kernel.py` is the compiled twin for numpy alone, `robust_straight.py` the form that is exported, for
pixels without distortion; tests/geometry/test_robust_parity.py holds all three together.
"""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, namespace
from mvmono3d.core.trajectory import MissingReason
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.robust_search import WORST, Consensus, linearised, search
from mvmono3d.geometry.robust_settings import RobustSettings, RobustTriangulated
from mvmono3d.geometry.robust_sight import Residuals, Sight, distinct, look, see
from mvmono3d.geometry.solve import solve_normal

_SOLVED = int(MissingReason.NONE)
_TOO_FEW = int(MissingReason.TOO_FEW_VIEWS)
_CONTRADICTION = int(MissingReason.CONTRADICTION)
_DEGENERATE = int(MissingReason.DEGENERATE)


class _Fixed(NamedTuple):
    """The refined points (3 *batch 1 1 1 joint) and what each view says about them."""

    points: Array
    found: Residuals
    inlier: Array
    """(*batch 1 1 view joint) 1 or 0."""


def triangulate_robust(
    pixels: Float[Array, "*#batch view joint 2"],
    confidence: Float[Array, "*#batch view joint"],
    detected: Bool[Array, "*#batch view joint"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
    settings: RobustSettings | None = None,
) -> RobustTriangulated:
    """Triangulate every joint from the largest set of views that agree on it.

    A detection without confidence doesn't count; otherwise confidence is not a weight, because how far
    it can be trusted differs from detector to detector. Up to 5 views all subsets compete, above that pairs.
    """
    settings = settings or RobustSettings()
    sight = see(
        pixels, confidence, detected, lens=lens, camera_from_world=camera_from_world, settings=settings
    )
    consensus = search(sight, settings)
    points = _refine(sight, consensus.points, settings=settings)
    # Distances to the detections are those in distorted pixels, through the whole lens.
    xp = namespace(points)
    there = project(_components_last(points[..., 0, 0, 0, :]), lens=lens, camera_from_world=sight.pose)
    seen = sight.seen[..., 0, 0, :, :] > 0.0
    offset = xp.where(seen[..., None], there.pixels - pixels, 0.0)
    error2 = xp.sum(offset * offset, axis=-1)[..., None, None, :, :]
    return _answer(sight, consensus, points, exact=error2, settings=settings)


def _answer(
    sight: Sight, consensus: Consensus, points: Array, *, exact: Array, settings: RobustSettings
) -> RobustTriangulated:
    """Judge the points; `exact` are squared distances to the detections where `look` is first order."""
    xp = namespace(points)
    found = look(sight, points, settings=settings)
    found = found._replace(error2=xp.where(found.error2 < WORST, exact, WORST))
    limit = sight.seen * (settings.refine_gates[-1] * settings.sigma_px) ** 2
    fixed = _Fixed(points, found, xp.astype(found.error2 < limit, points.dtype))
    agreeing = distinct(fixed.inlier, sight)
    covariance, regular = _uncertainty(sight, fixed, settings=settings)
    reason = _reason(sight, consensus, fixed, agreeing=agreeing, regular=regular, settings=settings)
    reason = reason[..., 0, 0, 0, :]
    solved = reason == _SOLVED
    apart = exact > 0.0
    residual = xp.where(apart, xp.sqrt(xp.where(apart, exact, 1.0)), 0.0)[..., 0, 0, :, :]
    covariance = _components_last(xp.where(solved, covariance, 0.0))
    place = xp.where(solved, points[..., 0, 0, 0, :] + sight.origin, 0.0)
    return RobustTriangulated(
        points_world=_components_last(place),
        covariance_world=xp.reshape(covariance, (*covariance.shape[:-1], 3, 3)),
        inlier=(fixed.inlier[..., 0, 0, :, :] > 0.0) & solved[..., None, :],
        agreeing=xp.where(solved, xp.astype(agreeing[..., 0, 0, 0, :], xp.int64), 0),
        reason=reason,
        residual_px=xp.where(solved[..., None, :], residual, 0.0),
    )


def _refine(sight: Sight, points: Array, *, settings: RobustSettings) -> Array:
    """Take one Gauss-Newton step per gate."""
    xp = namespace(points)
    for gate in settings.refine_gates:
        found = look(sight, points, settings=settings)
        use = xp.astype(found.error2 < sight.seen * (gate * settings.sigma_px) ** 2, points.dtype)
        step = solve_normal(linearised(sight, found, use)).solution
        points = points - step[..., None, None, None, :]
    return points


def _uncertainty(sight: Sight, fixed: _Fixed, *, settings: RobustSettings) -> tuple[Array, Array]:
    """Return covariances (9 *batch joint), and whether rays are far enough from parallel."""
    solved = solve_normal(linearised(sight, fixed.found, fixed.inlier))
    return solved.inverse * settings.sigma_px**2, solved.ok[0, ..., None, None, None, :]


def _reason(
    sight: Sight,
    consensus: Consensus,
    fixed: _Fixed,
    *,
    agreeing: Array,
    regular: Array,
    settings: RobustSettings,
) -> Array:
    """Return the reason (*batch 1 1 1 joint)."""
    xp = namespace(fixed.points)
    agree = (consensus.cost < WORST) & (agreeing > 1.5)
    wide = regular & _wide(sight, fixed, settings=settings)
    contradicted = _contradicted(sight, consensus, fixed, settings=settings)
    without = xp.where(consensus.possible, _CONTRADICTION, _DEGENERATE)
    reason = xp.where(contradicted, _CONTRADICTION, _SOLVED)
    reason = xp.where(wide, reason, _DEGENERATE)
    reason = xp.where(agree, reason, without)
    return xp.where(distinct(sight.seen, sight) > 1.5, reason, _TOO_FEW)


def _wide(sight: Sight, fixed: _Fixed, *, settings: RobustSettings) -> Array:
    """Say whether two inlier rays meet at more than the least angle (*batch 1 1 1 joint)."""
    xp = namespace(fixed.points)
    rays = sight.centres - fixed.points[..., 0, 0, :, :]
    squared = xp.sum(rays * rays, axis=0)
    dots = xp.sum(rays[..., :, None, :] * rays[..., None, :, :], axis=0)
    # 1 - cos² > sin² of the least angle, without a division.
    sine2 = math.sin(math.radians(settings.min_angle_deg)) ** 2
    product = squared[..., :, None, :] * squared[..., None, :, :]
    apart = (product - dots * dots > sine2 * product) & ~sight.near[..., None]
    inlier = fixed.inlier[..., 0, 0, :, :] > 0.0
    wide = apart & inlier[..., :, None, :] & inlier[..., None, :, :]
    return xp.any(wide, axis=(-3, -2))[..., None, None, None, :]


def _contradicted(sight: Sight, consensus: Consensus, fixed: _Fixed, *, settings: RobustSettings) -> Array:
    """Say whether a set of views that shares at most one with the inliers explains a joint as well."""
    xp = namespace(fixed.points)
    tried = consensus.tried
    limit = xp.clip(consensus.cost + settings.rival_margin * settings.sigma_px**2, max=WORST)
    shared = distinct(tried.supports * fixed.inlier, sight)
    rival = (tried.cost < limit) & (shared < 1.5)
    return xp.any(rival, axis=-4, keepdims=True) & ~consensus.certain


def _components_last(values: Array) -> Array:
    return namespace(values).permute_dims(values, (*range(1, values.ndim), 0))
