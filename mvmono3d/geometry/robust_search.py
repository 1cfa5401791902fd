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
    """(3 *batch subset 1 1 joint)"""
    cost: Array
    """(*batch subset 1 1 joint)"""
    supports: Array
    """(*batch subset 1 view joint) 1 where a view agrees, else 0."""
    certain: Array
    """(*batch subset 1 1 joint) No set that shares at most one view with the supporters can explain the
    joint as well."""


class Consensus(NamedTuple):
    """The best hypothesis of each joint (*batch 1 1 1 joint), and all that was tried."""

    points: Array
    """(3 *batch 1 1 1 joint)"""
    cost: Array
    certain: Array
    possible: Array
    """Whether the point of all views together exists and lies in front of each."""
    tried: Tried


def search(sight: Sight, settings: RobustSettings) -> Consensus:
    """Score the point of all views and of subsets of them."""
    xp = namespace(sight.rows)
    views = sight.rows.shape[-2]
    subsets = view_subsets(views)
    members = _members((tuple(range(views)), *subsets), sight)
    normal = xp.sum(_products(sight.rows, _with(sight.rows, sight.target)), axis=-3)
    rough = solve_normal(xp.sum(normal * sight.seen[..., 0, 0, :, :], axis=-2, keepdims=True))
    # Behind a camera the least depth stands in, as in the kernel.
    depth = xp.sum(sight.along * _hypotheses(rough.solution), axis=0) - sight.along_target
    depth = xp.clip(depth, min=settings.min_depth_m)
    weights = (sight.seen / (depth * depth))[..., 0, 0, :, :]
    solved = solve_normal(members @ (normal * weights))
    # Of the first, any number of views will do.
    needed = _members(((), *subsets), sight)[:, None, :, None]
    lacking = xp.sum(needed * (1.0 - sight.seen), axis=-2, keepdims=True)
    ok = _hypotheses(solved.ok)[0, ...]
    points = _hypotheses(solved.solution)
    tried, in_front = _score(sight, points, complete=ok & (lacking < 0.5), settings=settings)
    return _best(tried, ok[..., :1, :, :, :] & in_front)


def linearised(sight: Sight, found: Residuals, use: Array) -> Array:
    """Return the normal equations [J^T J | J^T r] of the used views about points (12 *batch joint)."""
    slope = (sight.rows - found.pixels * sight.along) / found.depth
    products = _products(slope * use, _with(slope, found.pixels))
    return namespace(use).sum(products, axis=(-3, -2))


def _with(rows: Array, right: Array) -> Array:
    return namespace(rows).concat([rows, right[None, ...]], axis=0)


def _products(rows: Array, both: Array) -> Array:
    """Return every row (3 …) times every column (4 …) as (12 *batch axis view joint)."""
    products = rows[:, None, ..., 0, :, :, :] * both[None, :, ..., 0, :, :, :]
    return namespace(rows).reshape(products, (12, *products.shape[2:]))


def _members(subsets: tuple[tuple[int, ...], ...], sight: Sight) -> Array:
    """Return (subset view), 1 where the view belongs to the subset."""
    views = range(sight.rows.shape[-2])
    rows = [[float(view in subset) for view in views] for subset in subsets]
    return namespace(sight.rows).asarray(rows, dtype=sight.rows.dtype, device=device(sight.rows))


def _hypotheses(values: Array) -> Array:
    """Turn (component *batch subset joint) into (component *batch subset 1 1 joint)."""
    return values[..., None, None, :]


def _score(sight: Sight, points: Array, *, complete: Array, settings: RobustSettings) -> tuple[Tried, Array]:
    """Score hypotheses; the second answer says where all detected views have the first before them."""
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
    farthest = xp.max(error2[..., :1, :, :, :] * sight.seen, axis=-2, keepdims=True)
    return Tried(points, cost, supports, complete & (cost < slack)), farthest < WORST


def _best(tried: Tried, possible: Array) -> Consensus:
    """Take the best of what was tried where it is better and there was doubt before it was tried."""
    xp = namespace(tried.cost)
    count = tried.cost.shape[-4]
    places = xp.arange(count, device=device(tried.cost))[:, None, None, None]
    cost, certain = tried.cost, tried.certain[..., :1, :, :, :]
    for start in range(1, count, SUBSETS_AT_ONCE):
        if start > 1:
            best = xp.argmin(cost[..., :start, :, :, :], axis=-4, keepdims=True) == places[:start, ...]
            certain = xp.any(tried.certain[..., :start, :, :, :] & best, axis=-4, keepdims=True)
        cost = xp.where(certain & (places >= start), 2.0 * WORST, cost)
    chosen = places == xp.argmin(cost, axis=-4, keepdims=True)
    return Consensus(
        points=xp.sum(xp.where(chosen, tried.points, 0.0), axis=-4, keepdims=True),
        cost=xp.min(cost, axis=-4, keepdims=True),
        certain=xp.any(chosen & tried.certain, axis=-4, keepdims=True),
        possible=possible,
        tried=tried,
    )
