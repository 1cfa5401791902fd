"""The search of the robust triangulation: points from subsets of views compete for each joint."""

from typing import NamedTuple

from mvmono3d.core.array import Array, device, namespace
from mvmono3d.geometry.robust_settings import SUBSETS_AT_ONCE, RobustSettings, view_subsets
from mvmono3d.geometry.robust_sight import Residuals, Sight, distinct, look
from mvmono3d.geometry.solve import solve_normal

WORST = 1e30
"""Cost of a hypothesis that says nothing."""


class Tried(NamedTuple):
    """All hypotheses; the point of all detected views is the first."""

    points: Array
    """(*batch joint 3 subset)"""
    cost: Array
    """(*batch joint 1 subset)"""
    supports: Array
    """(*batch joint view subset) 1 where a view agrees, else 0."""
    certain: Array
    """(*batch joint 1 subset) No set that shares at most one view with the supporters can explain the
    joint as well."""


class Consensus(NamedTuple):
    """The best hypothesis of each joint (*batch joint 1 1), and all that was tried."""

    points: Array
    """(*batch joint 3 1)"""
    cost: Array
    certain: Array
    possible: Array
    """Whether the point of all views together exists and lies in front of each."""
    tried: Tried


def search(sight: Sight, settings: RobustSettings) -> Consensus:
    """Score the point of all views and of subsets of them."""
    xp = namespace(sight.rows)
    views = sight.rows.shape[-2]
    subsets = (tuple(range(views)), *view_subsets(views))
    rows = [[float(view in subset) for view in range(views)] for subset in subsets]
    # Of the first, any number of views will do.
    sizes = [[-0.5, *(len(subset) - 0.5 for subset in subsets[1:])]]
    members, least = (
        xp.asarray(value, dtype=sight.rows.dtype, device=device(sight.rows)) for value in (rows, sizes)
    )
    normal = _normal_equations(sight.rows, sight.target)
    rough = solve_normal(_transposed(members[:1] @ (normal * sight.seen)))
    # Behind a camera the least depth stands in, as in the kernel.
    depth = xp.clip(sight.along @ rough.solution - sight.along_target, min=settings.min_depth_m)
    solved = solve_normal(_transposed(members @ (normal * (sight.seen / (depth * depth)))))
    whole = xp.matrix_transpose(sight.seen) @ xp.matrix_transpose(members) > least
    tried, in_front = _score(sight, solved.solution, complete=whole & solved.ok, settings=settings)
    possible = solved.ok[..., :1] & in_front[..., :1]
    return _best(tried, possible)


def linearised(sight: Sight, found: Residuals, use: Array) -> Array:
    """Return the normal equations [J^T J | J^T r] of the used views about points (*batch joint 12 1)."""
    xp = namespace(use)
    depth, residual = found.depth, found.pixels
    slope = (sight.rows - residual * sight.along) / depth
    both = xp.concat([slope, residual], axis=-1)
    total = xp.sum(xp.matrix_transpose(slope * use) @ both, axis=0)
    return xp.reshape(total, (*total.shape[:-2], 12, 1))


def _normal_equations(rows: Array, target: Array) -> Array:
    """Return [a a^T | a b] of each view, flat (*batch joint view 12)."""
    xp = namespace(rows)
    both = xp.concat([rows, target], axis=-1)
    total = xp.sum(rows[..., :, None] * both[..., None, :], axis=0)
    return xp.reshape(total, (*total.shape[:-2], 12))


def _transposed(systems: Array) -> Array:
    return namespace(systems).matrix_transpose(systems)


def _score(sight: Sight, points: Array, *, complete: Array, settings: RobustSettings) -> tuple[Tried, Array]:
    """Score hypotheses; the second answer says where all detected views have the point before them."""
    xp = namespace(points)
    gate2 = (settings.gate * settings.sigma_px) ** 2
    limit = sight.seen * gate2
    error2 = look(sight, points, settings=settings).error2
    supports = xp.astype(error2 < limit, points.dtype)
    cost = xp.sum(xp.minimum(error2, limit), axis=-2, keepdims=True)
    count = distinct(supports, sight)
    complete = complete & (count > 1.5)
    cost = xp.where(complete, cost, WORST)
    slack = count * gate2 - (gate2 + settings.rival_margin * settings.sigma_px**2)
    in_front = xp.matrix_transpose(sight.seen) @ error2 < WORST
    return Tried(points, cost, supports, complete & (cost < slack)), in_front


def _best(tried: Tried, possible: Array) -> Consensus:
    """Take the best of what was tried where it is better and there was doubt before it was tried."""
    xp = namespace(tried.cost)
    count = tried.cost.shape[-1]
    places = xp.arange(count, device=device(tried.cost))
    cost, certain = tried.cost, tried.certain[..., :1]
    for start in range(1, count, SUBSETS_AT_ONCE):
        if start > 1:
            best = xp.argmin(cost[..., :start], axis=-1, keepdims=True)
            certain = xp.any(tried.certain[..., :start] & (places[:start] == best), axis=-1, keepdims=True)
        cost = xp.where(certain & (places >= start), 2.0 * WORST, cost)
    chosen = places == xp.argmin(cost, axis=-1, keepdims=True)
    return Consensus(
        points=xp.sum(xp.where(chosen, tried.points, 0.0), axis=-1, keepdims=True),
        cost=xp.min(cost, axis=-1, keepdims=True),
        certain=xp.any(chosen & tried.certain, axis=-1, keepdims=True),
        possible=possible,
        tried=tried,
    )
