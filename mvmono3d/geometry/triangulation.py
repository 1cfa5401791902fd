"""Weighted triangulation: a linear start and Gauss-Newton in closed form, and the DLT as reference."""

from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, namespace
from mvmono3d.geometry.lens import area_scale, undistort
from mvmono3d.geometry.projection import NEAR_M, jacobian_at, to_normalised
from mvmono3d.geometry.rigid import camera_centres, multiply, transform_from
from mvmono3d.geometry.solve import Solved, identity3, resolution, solve3

_COST_ROUNDING = 1e-6


class Triangulated(NamedTuple):
    """Points with the information behind them; both 0 where `solved` is false."""

    points_world: Float[Array, "*batch joint 3"]
    """Metres."""
    information: Float[Array, "*batch joint 3 3"]
    """Inverse covariance, 1/m²."""
    solved: Bool[Array, "*batch joint"]
    """Whether views (and prior) fix all three coordinates."""


class _Problem(NamedTuple):
    """One weighted least-squares problem per joint, in a frame whose origin is near the cameras."""

    observed: Array
    """Undistorted, normalised (*batch view joint 2)."""
    weights: Array
    lens: Array
    camera_from_world: Array
    prior: Array
    """(*batch joint 3)"""
    precision: Array
    """(*batch joint)"""


def triangulate(
    pixels: Float[Array, "*#batch view joint 2"],
    weights: Float[Array, "*#batch view joint"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
    steps: int = 3,
    prior_points: Float[Array, "*#batch joint 3"] | None = None,
    prior_precision: Float[Array, "*#batch joint"] | None = None,
) -> Triangulated:
    """Minimise the weighted squared residual of the UNDISTORTED pixels over each joint's position.

    Starts from the linear solution, scaled by depth so that its residuals are pixels, and takes `steps`
    Gauss-Newton steps, each kept only if it lowers the cost. A view counts only while the point is in
    front of it. Hartley & Sturm, Triangulation (1997), section 5.2.

    Args:
        pixels: Distorted; finite also where the weight is 0.
        weights: Precision of each detection in the image, 1/px², not negative; 0 leaves it out. The
            lens's `area_scale` carries it over to undistorted pixels.
        lens: Packed lenses, see `core.camera.LENS_SIZE`.
        camera_from_world: Poses, metres.
        steps: Number of Gauss-Newton steps.
        prior_points: An isotropic prior on each joint, metres; makes fewer than two views enough.
        prior_precision: Its precision, 1/m²; 0 where there is none. In float32 it is raised to what the
            arithmetic can tell from 0 beside the views (a standard deviation of decimetres).
    """
    normalised = undistort(pixels, lens)
    return triangulate_normalised(
        normalised,
        weights * area_scale(normalised, lens),
        lens=lens,
        camera_from_world=camera_from_world,
        steps=steps,
        prior_points=prior_points,
        prior_precision=prior_precision,
    )


def triangulate_normalised(
    normalised: Float[Array, "*#batch view joint 2"],
    weights: Float[Array, "*#batch view joint"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
    steps: int = 3,
    prior_points: Float[Array, "*#batch joint 3"] | None = None,
    prior_precision: Float[Array, "*#batch joint"] | None = None,
) -> Triangulated:
    """Do what `triangulate` does, from points that `undistort` already made normalised.

    Here the weights are precisions in undistorted pixels: multiply a detector's by `area_scale`.
    """
    xp = namespace(normalised, weights, lens, camera_from_world)
    origin = xp.mean(camera_centres(camera_from_world), axis=-2)
    problem = _Problem(
        observed=normalised,
        weights=weights,
        lens=lens,
        camera_from_world=_moved(camera_from_world, origin),
        prior=_prior_from(prior_points, origin, weights),
        precision=xp.zeros_like(weights[..., 0, :]) if prior_precision is None else prior_precision,
    )
    points, solved = _linear(problem)
    points, information, solved = _refine(problem, points, solved, steps)
    points = xp.where(solved[..., None], points + origin[..., None, :], 0.0)
    return Triangulated(points, xp.where(solved[..., None, None], information, 0.0), solved)


def triangulate_dlt(
    pixels: Float[Array, "*#batch view joint 2"],
    weights: Float[Array, "*#batch view joint"],
    *,
    lens: Float[Array, "*#batch view 10"],
    camera_from_world: Float[Array, "*#batch view 3 4"],
) -> Float[Array, "*#batch joint 3"]:
    """Triangulate by the SVD of the weighted rows, as Pose2Sim and anipose do; 0 with fewer than 2 views.

    `weights` multiply rows (Pose2Sim passes confidences). A reference in float64: it doesn't export.
    Hartley & Zisserman (2004), section 12.2.
    """
    xp = namespace(pixels, weights, lens, camera_from_world)
    normalised = undistort(pixels, lens)[..., None]
    pose = camera_from_world[..., None, :, :]
    rows = (pose[..., :2, :] - normalised * pose[..., 2:, :]) * lens[..., None, :2, None]
    rows = rows * weights[..., None, None]
    rows = xp.moveaxis(rows, -4, -3)
    rows = xp.reshape(rows, (*rows.shape[:-3], -1, 4))
    homogeneous = xp.linalg.svd(rows).Vh[..., 3, :]
    enough = xp.sum(xp.astype(weights > 0.0, weights.dtype), axis=-2) > 1.5
    scale = homogeneous[..., 3:]
    enough = enough[..., None] & (xp.abs(scale) > 0.0)
    return xp.where(enough, homogeneous[..., :3] / xp.where(enough, scale, 1.0), 0.0)


def _moved(camera_from_world: Array, origin: Array) -> Array:
    """Return the poses for a world whose origin is moved: keeps the digits of float32."""
    rotation = camera_from_world[..., :3]
    shift = multiply(rotation, origin[..., None, :, None])[..., 0]
    return transform_from(rotation, camera_from_world[..., 3] + shift)


def _prior_from(prior_points: Array | None, origin: Array, weights: Array) -> Array:
    if prior_points is None:
        xp = namespace(weights)
        return xp.zeros_like(weights[..., 0, :, None]) + xp.zeros_like(origin[..., None, :])
    return prior_points - origin[..., None, :]


def _linear(problem: _Problem) -> Solved:
    """Solve twice, the second time with each row divided by the depth that the first found."""
    xp = namespace(problem.weights)
    pose, focal = problem.camera_from_world, problem.lens[..., None, :2, None]
    rows = focal * (pose[..., None, :2, :] - problem.observed[..., None] * pose[..., None, 2:, :])
    rows, targets = rows[..., :3], -rows[..., 3]
    _, depth = to_normalised(problem.prior, camera_from_world=pose)
    known = (problem.precision[..., None, :] > 0.0) & (depth > NEAR_M)
    depth = xp.where(known, depth, 1.0)
    points, _ = _solve_rows(problem, rows, targets, depth)
    _, depth = to_normalised(points, camera_from_world=pose)
    return _solve_rows(problem, rows, targets, xp.where(depth > NEAR_M, depth, 1.0))


def _solve_rows(problem: _Problem, rows: Array, targets: Array, depth: Array) -> Solved:
    information, right = _normal_equations(rows, targets, problem.weights / (depth * depth))
    precision = _resolved(problem.precision, information)
    right = right + precision[..., None] * problem.prior
    return solve3(_with_prior(information, precision), right)


def _refine(problem: _Problem, points: Array, solved: Array, steps: int) -> tuple[Array, Array, Array]:
    xp = namespace(points)
    information, gradient, cost = _linearised(problem, points)
    for _ in range(steps):
        step, ok = solve3(information, gradient)
        candidate = points + step
        new_information, new_gradient, new_cost = _linearised(problem, candidate)
        better = ok & (new_cost <= cost * (1.0 + _COST_ROUNDING))
        points = xp.where(better[..., None], candidate, points)
        gradient = xp.where(better[..., None], new_gradient, gradient)
        information = xp.where(better[..., None, None], new_information, information)
        cost = xp.where(better, new_cost, cost)
    _, ok = solve3(information, gradient)
    return points, information, solved & ok


def _linearised(problem: _Problem, points: Array) -> tuple[Array, Array, Array]:
    """Return information, descent direction and cost of the pixel residuals at the points."""
    xp = namespace(points)
    lens, pose = problem.lens, problem.camera_from_world
    normalised, depth = to_normalised(points, camera_from_world=pose)
    jacobian = jacobian_at(normalised, depth, lens=lens, camera_from_world=pose)
    residual = (problem.observed - normalised) * lens[..., None, :2]
    information, gradient = _normal_equations(jacobian, residual, problem.weights)
    precision = _resolved(problem.precision, information)
    away = problem.prior - points
    cost = xp.sum(problem.weights * xp.sum(residual * residual, axis=-1), axis=-2)
    cost = cost + precision * xp.sum(away * away, axis=-1)
    return _with_prior(information, precision), gradient + precision[..., None] * away, cost


def _normal_equations(rows: Array, targets: Array, weights: Array) -> tuple[Array, Array]:
    """Sum w a a^T and w a b over views and both pixel axes: rows (*batch view joint 2 3)."""
    xp = namespace(rows)
    weighted = rows * weights[..., None, None]
    information = xp.sum(weighted[..., :, None] * rows[..., None, :], axis=(-5, -3))
    return information, xp.sum(weighted * targets[..., None], axis=(-4, -2))


def _resolved(precision: Array, information: Array) -> Array:
    """Raise a weak prior to what `solve3` can tell from 0; without a prior it stays 0."""
    xp = namespace(information)
    trace = information[..., 0, 0] + information[..., 1, 1] + information[..., 2, 2]
    least = 4.0 * resolution(information) * trace
    return xp.where((precision > 0.0) & (precision < least), least, precision + xp.zeros_like(least))


def _with_prior(information: Array, precision: Array) -> Array:
    return information + precision[..., None, None] * identity3(information)
