"""The robust triangulation where the lens is already taken out of the pixels: the form that is exported.

The same method as `robust.py`, written for engines, which pay for every operation and hardly for its size.
A camera without distortion is one matrix: projecting all hypotheses into all views is one product, and
normal equations are linear in a few powers of the image point, so that each sum over the views is another.
Arrays have the axes `*batch component view point`, where points are joints, or subsets times joints;
world points are homogeneous with the 1 in front.
"""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, namespace
from mvmono3d.core.trajectory import MissingReason
from mvmono3d.geometry.robust_settings import (
    FARTHEST_PX,
    SUBSETS_AT_ONCE,
    RobustSettings,
    RobustTriangulated,
    view_subsets,
)
from mvmono3d.geometry.robust_straight_cameras import Cameras, constant, stand
from mvmono3d.geometry.robust_straight_solve import solve

_WORST = 1e30
"""Cost of a hypothesis that says nothing."""
_NOWHERE_PX = 1e9
"""Where a view has a joint that it doesn't see: beyond every gate, its square still a float32."""


class _Seen(NamedTuple):
    offsets: Array
    """(*batch 2 view joint), far beyond every gate where nothing is seen."""
    seen: Array
    """(*batch 1 view joint) 1 where a view detected the joint, else 0."""


class _Residuals(NamedTuple):
    """Of points in every view."""

    projected: Array
    """(*batch 2 view point)"""
    pixels: Array
    """(*batch 2 view point)"""
    depth: Array
    """(*batch 1 view point), not below the least."""
    error2: Array
    """(*batch 1 view point) squared."""
    in_front: Array
    """(*batch 1 view point)"""


class _Consensus(NamedTuple):
    """The best hypothesis of each joint, and all that was tried; the point of all views is the first."""

    points: Array
    """(*batch 4 joint)"""
    cost: Array
    """(*batch 1 joint)"""
    certain: Array
    """(*batch 1 joint) No set that shares at most one view with the supporters explains it as well."""
    possible: Array
    """(*batch 1 joint) Whether the point of all views together exists and lies in front of each."""
    costs: Array
    """(*batch subset joint)"""
    supports: Array
    """(*batch 1 view subset*joint) 1 where a view agrees, else 0."""


def triangulate_robust_straight(
    offsets: Float[Array, "*#batch view joint 2"],
    confidence: Float[Array, "*#batch view joint"],
    detected: Bool[Array, "*#batch view joint"],
    *,
    focal: Float[Array, "*#batch view 2"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
    settings: RobustSettings | None = None,
) -> RobustTriangulated:
    """Do what `robust.triangulate_robust` does for pinholes.

    Args:
        offsets: Undistorted pixels from the optical axis.
        confidence: 0 where a detection doesn't count.
        detected: Where there is a detection.
        focal: fx fy, px.
        camera_from_world: Poses, metres.
        settings: When views agree.
    """
    settings = settings or RobustSettings()
    xp = namespace(offsets, confidence, focal, camera_from_world)
    own = (offsets, 3), (confidence, 2), (detected, 2), (focal, 2), (camera_from_world, 3)
    offsets, confidence, detected, focal, camera_from_world = _of_one_rank(*own)
    there = xp.max(xp.abs(offsets), axis=-1) < FARTHEST_PX
    seen = detected & (confidence > 0.0) & there & (focal[..., :1] > 0.0)
    batch = tuple(range(offsets.ndim - 3))
    view, joint, axis = range(offsets.ndim - 3, offsets.ndim)
    offsets = xp.permute_dims(offsets, (*batch, axis, view, joint))
    seen = seen[..., None, :, :]
    sight = _Seen(xp.where(seen, offsets, _NOWHERE_PX), xp.astype(seen, offsets.dtype))
    cameras = stand(camera_from_world, focal, settings)
    consensus = _search(cameras, sight, settings)
    return _answer(cameras, sight, consensus, settings)


def _look(cameras: Cameras, offsets: Array, points: Array, settings: RobustSettings) -> _Residuals:
    """Return the residuals of points (*batch 4 point) from offsets (*batch 2 view point)."""
    xp = namespace(points)
    images = cameras.projection @ points
    images = xp.reshape(images, (*images.shape[:-2], 3, *offsets.shape[-2:]))
    ahead = images[..., 2:, :, :]
    depth = xp.clip(ahead, min=settings.min_depth_m)
    projected = images[..., :2, :, :] / depth
    pixels = projected - offsets
    error2 = xp.sum(pixels * pixels, axis=-3, keepdims=True)
    return _Residuals(projected, pixels, depth, error2, ahead > settings.min_depth_m)


def _search(cameras: Cameras, sight: _Seen, settings: RobustSettings) -> _Consensus:
    """Score the point of all views and of subsets of them."""
    xp = namespace(sight.seen)
    views, joints = sight.seen.shape[-2:]
    subsets = view_subsets(views)
    rough = cameras.start - solve(cameras.rays @ _stacked(*_powers(sight.seen, sight.offsets))).step
    # Behind a camera the least depth stands in, as in the kernel.
    depth = xp.clip(cameras.projection[..., 2 * views :, :] @ rough, min=settings.min_depth_m)
    weights = sight.seen / (depth * depth)[..., None, :, :]
    members = _members((tuple(range(views)), *subsets), views)
    among = cameras.rays[..., None, :] * constant([row * 5 for row in members], sight.seen)
    among = xp.reshape(among, (*among.shape[:-3], -1, among.shape[-1]))
    systems = among @ _stacked(*_powers(weights, sight.offsets))
    solved = solve(xp.reshape(systems, (*systems.shape[:-2], 9, -1)))
    # Of the first, any number of views will do.
    needed = constant(_members(((), *subsets), views), sight.seen)
    lacking = needed @ (1.0 - sight.seen[..., 0, :, :])
    table = lacking.shape
    ok = xp.reshape(solved.ok, table)
    points = cameras.start - solved.step
    offsets, seen = (xp.concat([value] * len(members), axis=-1) for value in sight)
    found = _look(cameras, offsets, points, settings)
    gate2 = (settings.gate * settings.sigma_px) ** 2
    supports = _where(found.in_front & (found.error2 < gate2), seen)
    # What doesn't agree costs as if it were on the gate.
    cost = xp.reshape(_total(seen * gate2 + supports * (found.error2 - gate2)), table)
    count = xp.reshape(_distinct(supports, cameras), table)
    complete = ok & (lacking < 0.5) & (count > 1.5)
    cost = xp.where(complete, cost, _WORST)
    slack = count * gate2 - (gate2 + settings.rival_margin * settings.sigma_px**2)
    behind = sight.seen * _where(~found.in_front[..., :joints], sight.seen)
    return _best(
        xp.reshape(points, (*points.shape[:-1], *table[-2:])),
        cost,
        certain=cost < slack,
        possible=ok[..., :1, :] & (_total(behind)[..., 0, :, :] < 0.5),
        supports=supports,
    )


def _best(points: Array, cost: Array, *, certain: Array, possible: Array, supports: Array) -> _Consensus:
    """Take the best of what was tried where it is better and there was doubt before it was tried."""
    xp = namespace(cost)
    places = xp.arange(cost.shape[-2], device=device(cost))[:, None]
    costs, settled = cost, certain[..., :1, :]
    for start in range(1, cost.shape[-2], SUBSETS_AT_ONCE):
        if start > 1:
            best = xp.argmin(costs[..., :start, :], axis=-2, keepdims=True) == places[:start, :]
            settled = xp.any(certain[..., :start, :] & best, axis=-2, keepdims=True)
        costs = xp.where(settled & (places >= start), 2.0 * _WORST, costs)
    chosen = xp.astype(places == xp.argmin(costs, axis=-2, keepdims=True), cost.dtype)
    return _Consensus(
        points=xp.sum(points * chosen[..., None, :, :], axis=-2),
        cost=xp.min(costs, axis=-2, keepdims=True),
        certain=xp.sum(xp.astype(certain, cost.dtype) * chosen, axis=-2, keepdims=True) > 0.5,
        possible=possible,
        costs=cost,
        supports=supports,
    )


def _answer(
    cameras: Cameras, sight: _Seen, consensus: _Consensus, settings: RobustSettings
) -> RobustTriangulated:
    """Refine the points, one Gauss-Newton step per gate, and judge them."""
    xp = namespace(sight.seen)
    points = consensus.points
    for gate in settings.refine_gates:
        found = _look(cameras, sight.offsets, points, settings)
        use = _within(found, gate * settings.sigma_px)
        points = points - solve(_linearised(cameras, found, use)).step
    found = _look(cameras, sight.offsets, points, settings)
    inlier = _within(found, settings.refine_gates[-1] * settings.sigma_px)
    solved = solve(_linearised(cameras, found, inlier))
    agreeing = _distinct(inlier, cameras)[..., 0, :, :]
    place = points[..., 1:, :]
    agree = (consensus.cost < _WORST) & (agreeing > 1.5)
    regular = solved.ok & _wide(cameras, place, inlier, settings)
    contradicted = _contradicted(cameras, consensus, inlier, settings)
    several = _distinct(sight.seen, cameras)[..., 0, :, :] > 1.5
    without = xp.where(consensus.possible, int(MissingReason.CONTRADICTION), int(MissingReason.DEGENERATE))
    reason = xp.where(contradicted, int(MissingReason.CONTRADICTION), int(MissingReason.NONE))
    reason = xp.where(regular, reason, int(MissingReason.DEGENERATE))
    reason = xp.where(agree, reason, without)
    reason = xp.where(several, reason, int(MissingReason.TOO_FEW_VIEWS))
    there = reason == int(MissingReason.NONE)
    visible = xp.astype(there, inlier.dtype)
    squared = (found.error2 * sight.seen)[..., 0, :, :] * visible
    apart = squared > 0.0
    residual = xp.where(apart, xp.sqrt(xp.where(apart, squared, 1.0)), 0.0)
    covariance = xp.matrix_transpose(solved.inverse * (settings.sigma_px**2 * visible))
    return RobustTriangulated(
        points_world=xp.matrix_transpose((place + cameras.origin) * visible),
        covariance_world=xp.reshape(covariance, (*covariance.shape[:-1], 3, 3)),
        inlier=(inlier[..., 0, :, :] * visible) > 0.0,
        agreeing=xp.astype((agreeing * visible)[..., 0, :], xp.int64),
        reason=reason[..., 0, :],
        residual_px=residual,
    )


def _within(found: _Residuals, gate_px: float) -> Array:
    """Return (*batch 1 view point), 1 where a view is nearer than the gate, else 0."""
    return _where(found.in_front & (found.error2 < gate_px**2), found.depth)


def _where(condition: Array, like: Array) -> Array:
    return namespace(like).astype(condition, like.dtype)


def _linearised(cameras: Cameras, found: _Residuals, use: Array) -> Array:
    """Return the normal equations (*batch 9 joint) of the used views about the points."""
    once = use / found.depth
    pulled = once * found.pixels
    powers = _powers(once / found.depth, found.projected)
    return cameras.slopes @ _stacked(*powers, pulled, pulled * found.projected)


def _powers(weights: Array, image: Array) -> tuple[Array, Array, Array]:
    """Return weights times 1, times u, v and times u², v²."""
    first = weights * image
    return weights, first, first * image


def _stacked(*features: Array) -> Array:
    """Put (*batch feature view joint) on top of one another: (*batch feature*view joint)."""
    xp = namespace(*features)
    together = xp.concat(features, axis=-3)
    return xp.reshape(together, (*together.shape[:-3], -1, together.shape[-1]))


def _total(views: Array) -> Array:
    """Sum over the last axis but one, keeping it: engines multiply faster than they sum."""
    return constant([[1.0] * views.shape[-2]], views) @ views


def _distinct(views: Array, cameras: Cameras) -> Array:
    """Count the views (*batch 1 view point) that are 1, those at one place once."""
    return _total(namespace(views).clip(cameras.once[..., None, :, :] @ views, min=0.0))


def _wide(cameras: Cameras, place: Array, inlier: Array, settings: RobustSettings) -> Array:
    """Say whether two inlier rays meet at more than the least angle (*batch 1 joint)."""
    xp = namespace(place)
    rays = (cameras.centres - place[..., None, :]) * inlier
    squared = xp.sum(rays * rays, axis=-3)
    first, second = (xp.asarray(list(ends), device=device(place)) for ends in cameras.pairs)
    dots = xp.sum(xp.take(rays, first, axis=-2) * xp.take(rays, second, axis=-2), axis=-3)
    # cos² < 1 - sin² of the least angle, without a division; of outliers all is 0.
    product = xp.take(squared, first, axis=-2) * xp.take(squared, second, axis=-2)
    cosine2 = 1.0 - math.sin(math.radians(settings.min_angle_deg)) ** 2
    clear = product * (cosine2 * cameras.apart) - dots * dots
    return xp.max(clear, axis=-2, keepdims=True) > 0.0


def _contradicted(cameras: Cameras, consensus: _Consensus, inlier: Array, settings: RobustSettings) -> Array:
    """Say whether a set of views that shares at most one with the inliers explains a joint as well."""
    xp = namespace(inlier)
    limit = xp.clip(consensus.cost + settings.rival_margin * settings.sigma_px**2, max=_WORST)
    count = consensus.costs.shape[-2]
    shared = _distinct(consensus.supports * xp.concat([inlier] * count, axis=-1), cameras)
    shared = xp.reshape(shared, consensus.costs.shape)
    rival = (consensus.costs < limit) & (shared < 1.5)
    return xp.any(rival, axis=-2, keepdims=True) & ~consensus.certain


def _members(subsets: tuple[tuple[int, ...], ...], views: int) -> list[list[float]]:
    """Return (subset view), 1 where the view belongs to the subset."""
    return [[float(view in subset) for view in range(views)] for subset in subsets]


def _of_one_rank(*arrays: tuple[Array, int]) -> list[Array]:
    """Give arrays, each with the number of its own axes, equally many batch axes."""
    rank = max(array.ndim - own for array, own in arrays)
    return [array[(None,) * (rank + own - array.ndim)] for array, own in arrays]
