"""Robust triangulation from the views that agree, over numpy and torch, with gradients and export.

Method: points from subsets of views by weighted normal equations compete by their truncated squared
residuals in pixels (MSAC: Torr and Zisserman, MLESAC, 2000). From the winner, Gauss-Newton steps with
gates from wide to narrow. A joint is missing where fewer than two views agree, where a set of views that
shares at most one with the winner explains it about as well, and where the rays are close to parallel.

`robust_kernel.py` is the compiled twin for numpy alone; tests/geometry/test_robust_parity.py holds both.
"""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, namespace
from mvmono3d.core.trajectory import MissingReason
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.robust_settings import (
    SUBSETS_AT_ONCE,
    RobustSettings,
    RobustTriangulated,
    view_subsets,
)
from mvmono3d.geometry.robust_sight import Residuals, Sight, distinct, look, see, solve_regular
from mvmono3d.geometry.solve import inverse3

_SOLVED = int(MissingReason.NONE)
_TOO_FEW = int(MissingReason.TOO_FEW_VIEWS)
_CONTRADICTION = int(MissingReason.CONTRADICTION)
_DEGENERATE = int(MissingReason.DEGENERATE)
_WORST = 1e30
"""Cost of a hypothesis that says nothing."""


class _Tried(NamedTuple):
    """Hypotheses (*batch joint subset)."""

    points: Array
    cost: Array
    supports: Array
    """(*batch joint subset view)"""
    certain: Array
    """No set that shares at most one view with the supporters can explain the joint as well."""


class _Consensus(NamedTuple):
    """The best hypothesis of each joint (*batch joint), and all that was tried."""

    points: Array
    cost: Array
    certain: Array
    possible: Array
    """Whether the point of all views together exists and lies in front of each."""
    tried: list[_Tried]


class _Views(NamedTuple):
    """What each view says about the final points."""

    inlier: Array
    """(*batch joint view)"""
    residual_px: Array
    """(*batch view joint)"""


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
    consensus = _search(sight, settings)
    points = _refine(sight, consensus.points, settings=settings)
    views = _examine(sight, points, pixels=pixels, lens=lens, settings=settings)
    covariance, reason = _judge(sight, consensus, points=points, inlier=views.inlier, settings=settings)
    xp = namespace(points)
    solved = reason == _SOLVED
    kept = views.inlier & solved[..., None]
    return RobustTriangulated(
        points_world=xp.where(solved[..., None], points + sight.origin[..., None, :], 0.0),
        covariance_world=xp.where(solved[..., None, None], covariance, 0.0),
        inlier=xp.matrix_transpose(kept),
        agreeing=distinct(kept[..., None, :], sight)[..., 0],
        reason=reason,
        residual_px=xp.where(solved[..., None, :], views.residual_px, 0.0),
    )


def _search(sight: Sight, settings: RobustSettings) -> _Consensus:
    """Score the point of all views, then of subsets until no doubt is left."""
    xp = namespace(sight.u)
    number = xp.astype(sight.seen, sight.u.dtype)
    normal = _normal_equations(sight.u, sight.v, sight.u0, sight.v0)
    everything = _members((tuple(range(sight.u.shape[-2])),), sight)
    rough, _ = _solve(everything, normal * number[..., None])
    depth = look(sight, rough, settings=settings)
    # Behind a camera the least depth stands in, as in the kernel.
    inverse = 1.0 / xp.where(depth.in_front, depth.depth, settings.min_depth_m)[..., 0, :]
    normal = normal * (number * inverse * inverse)[..., None]
    first, ok = _solve(everything, normal)
    front = look(sight, first, settings=settings).in_front[..., 0, :]
    tried = [_score(sight, first, complete=ok, settings=settings)]
    consensus = _Consensus(
        points=first[..., 0, :],
        cost=tried[0].cost[..., 0],
        certain=tried[0].certain[..., 0],
        possible=ok[..., 0] & xp.all(front | ~sight.seen, axis=-1),
        tried=tried,
    )
    subsets = view_subsets(sight.u.shape[-2])
    for start in range(0, len(subsets), SUBSETS_AT_ONCE):
        members = _members(subsets[start : start + SUBSETS_AT_ONCE], sight)
        complete = (number @ xp.matrix_transpose(members)) > xp.sum(members, axis=-1) - 0.5
        points, ok = _solve(members, normal)
        consensus = _better(consensus, _score(sight, points, complete=complete & ok, settings=settings))
    return consensus


def _members(subsets: tuple[tuple[int, ...], ...], sight: Sight) -> Array:
    """Return (subset view), 1 where the view belongs to the subset."""
    views = range(sight.u.shape[-2])
    rows = [[float(view in subset) for view in views] for subset in subsets]
    return namespace(sight.u).asarray(rows, dtype=sight.u.dtype, device=device(sight.u))


def _normal_equations(u: Array, v: Array, u0: Array, v0: Array) -> Array:
    """Return u u^T + v v^T and -(u u0 + v v0) of each view, flat (*batch joint view 12)."""
    xp = namespace(u)
    matrix = u[..., :, None] * u[..., None, :] + v[..., :, None] * v[..., None, :]
    right = -(u * u0[..., None] + v * v0[..., None])
    return xp.concat([xp.reshape(matrix, (*matrix.shape[:-2], 9)), right], axis=-1)


def _solve(members: Array, normal: Array) -> tuple[Array, Array]:
    """Return the point of each subset (*batch joint subset 3) and whether there is one."""
    total = members @ normal
    matrix = namespace(total).reshape(total[..., :9], (*total.shape[:-1], 3, 3))
    return solve_regular(matrix, total[..., 9:])


def _score(sight: Sight, points: Array, *, complete: Array, settings: RobustSettings) -> _Tried:
    xp = namespace(points)
    seen = sight.seen[..., None, :]
    gate2 = (settings.gate * settings.sigma_px) ** 2
    found = look(sight, points, settings=settings)
    error2 = found.u * found.u + found.v * found.v
    supports = found.in_front & (error2 < gate2) & seen
    cost = xp.sum(xp.where(supports, error2, xp.where(seen, gate2, 0.0)), axis=-1)
    count = distinct(supports, sight)
    complete = complete & (count >= 2)
    cost = xp.where(complete, cost, _WORST)
    slack = gate2 * (xp.astype(count, cost.dtype) - 1.0) - settings.rival_margin * settings.sigma_px**2
    return _Tried(points, cost, supports, complete & (cost < slack))


def _better(consensus: _Consensus, tried: _Tried) -> _Consensus:
    """Take the best of what was tried where it is better and there was doubt."""
    xp = namespace(tried.cost)
    places = xp.arange(tried.cost.shape[-1], device=device(tried.cost))
    best = places == xp.argmin(tried.cost, axis=-1, keepdims=True)
    cost = xp.min(tried.cost, axis=-1)
    take = ~consensus.certain & (cost < consensus.cost)
    points = xp.sum(xp.where(best[..., None], tried.points, 0.0), axis=-2)
    return _Consensus(
        points=xp.where(take[..., None], points, consensus.points),
        cost=xp.where(take, cost, consensus.cost),
        certain=consensus.certain | (take & xp.any(best & tried.certain, axis=-1)),
        possible=consensus.possible,
        tried=[*consensus.tried, tried],
    )


def _refine(sight: Sight, points: Array, *, settings: RobustSettings) -> Array:
    """Take one Gauss-Newton step per gate."""
    xp = namespace(points)
    for gate in settings.refine_gates:
        found = look(sight, points[..., None, :], settings=settings)
        within = found.u * found.u + found.v * found.v < (gate * settings.sigma_px) ** 2
        use = (sight.seen[..., None, :] & found.in_front & within)[..., 0, :]
        step, _ = _solve(xp.astype(use, points.dtype)[..., None, :], _linearised(sight, found))
        points = points + step[..., 0, :]
    return points


def _linearised(sight: Sight, found: Residuals) -> Array:
    """Return the normal equations of each view's pixels about a point."""
    inverse = (1.0 / found.depth)[..., 0, :, None]
    u, v = found.u[..., 0, :], found.v[..., 0, :]
    slope_u = (sight.u - u[..., None] * sight.along) * inverse
    slope_v = (sight.v - v[..., None] * sight.along) * inverse
    return _normal_equations(slope_u, slope_v, u, v)


def _examine(sight: Sight, points: Array, *, pixels: Array, lens: Array, settings: RobustSettings) -> _Views:
    """Measure the distances to the detections in distorted pixels, through the whole lens."""
    xp = namespace(points)
    seen = xp.matrix_transpose(sight.seen)
    there = project(points, lens=lens, camera_from_world=sight.pose)
    offset = xp.where(seen[..., None], there.pixels - pixels, 0.0)
    error2 = xp.sum(offset * offset, axis=-1)
    within = error2 < (settings.refine_gates[-1] * settings.sigma_px) ** 2
    inlier = seen & within & (there.depth > settings.min_depth_m)
    apart = error2 > 0.0
    residual = xp.where(apart, xp.sqrt(xp.where(apart, error2, 1.0)), 0.0)
    return _Views(inlier=xp.matrix_transpose(inlier), residual_px=residual)


def _judge(
    sight: Sight, consensus: _Consensus, *, points: Array, inlier: Array, settings: RobustSettings
) -> tuple[Array, Array]:
    """Return covariance (*batch joint 3 3) and reason (*batch joint)."""
    xp = namespace(points)
    found = look(sight, points[..., None, :], settings=settings)
    normal = _linearised(sight, found)
    total = xp.sum(xp.where(inlier[..., None], normal, 0.0), axis=-2)
    information = xp.reshape(total[..., :9], (*total.shape[:-1], 3, 3))
    _, regular = solve_regular(information, total[..., 9:])
    covariance = inverse3(information / settings.sigma_px**2).inverse
    agree = (consensus.cost < _WORST) & (distinct(inlier[..., None, :], sight)[..., 0] >= 2)
    fixed = regular & _wide(sight, points, inlier=inlier, settings=settings)
    alone = ~_contradicted(sight, consensus, inlier=inlier, settings=settings)
    enough = distinct(sight.seen[..., None, :], sight)[..., 0] >= 2
    without = xp.where(consensus.possible, _CONTRADICTION, _DEGENERATE)
    reason = xp.where(alone, _SOLVED, _CONTRADICTION)
    reason = xp.where(fixed, reason, _DEGENERATE)
    reason = xp.where(agree, reason, without)
    return covariance, xp.where(enough, reason, _TOO_FEW)


def _wide(sight: Sight, points: Array, *, inlier: Array, settings: RobustSettings) -> Array:
    """Say whether two inlier rays meet at more than the least angle."""
    xp = namespace(points)
    rays = sight.centres[..., None, :, :] - points[..., None, :]
    dots = rays @ xp.matrix_transpose(rays)
    squared = xp.sum(rays * rays, axis=-1)
    product = squared[..., :, None] * squared[..., None, :]
    open_enough = product - dots * dots > math.sin(math.radians(settings.min_angle_deg)) ** 2 * product
    pairs = inlier[..., :, None] & inlier[..., None, :] & ~sight.near[..., None, :, :]
    return xp.any(xp.any(pairs & open_enough, axis=-1), axis=-1)


def _contradicted(sight: Sight, consensus: _Consensus, *, inlier: Array, settings: RobustSettings) -> Array:
    """Say whether a set of views that shares at most one with the inliers explains a joint as well."""
    xp = namespace(consensus.cost)
    limit = consensus.cost[..., None] + settings.rival_margin * settings.sigma_px**2
    contradicted = xp.zeros_like(consensus.certain)
    for tried in consensus.tried:
        shared = distinct(tried.supports & inlier[..., None, :], sight)
        rival = (tried.cost < limit) & (tried.cost < _WORST) & (shared < 2)
        contradicted = contradicted | xp.any(rival, axis=-1)
    return contradicted & ~consensus.certain
