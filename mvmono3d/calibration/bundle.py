"""The joint adjustment of all lenses, camera poses and board poses, with outliers left out."""

import importlib.util
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.calibration.bundle_schur import solve_with_schur, with_shape
from mvmono3d.calibration.bundle_scipy import solve_with_scipy
from mvmono3d.calibration.bundle_system import Problem
from mvmono3d.calibration.camera_model import LensModel
from mvmono3d.calibration.reprojection import Corners, Estimate, residuals
from mvmono3d.core.array import Array
from mvmono3d.errors import ConfigurationError, MissingDependencyError

SOLVERS = ("schur", "ceres", "scipy")
"""Three implementations of one minimum: the fast one first, the others check it."""
_RAYLEIGH_MEDIAN = 1.1774100225154747
"""Median length of a two-dimensional residual over its standard deviation per axis."""
_LEAST_SIGMA_PX = 1e-3
MOST_ROUNDS = 6
EXACT = 1e-10
"""Share of the cost that a last step may still gain, where solvers are compared."""
SETTLED = 1e-8
"""The same at the end: what is left is a hundredth of what the least known direction is known to."""
_ON_THE_WAY = 1e-5
"""The same where corners are yet to leave."""
_STEADY = 1e-3
"""Of the noise: what it still changes by is far below what anything else is known to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """The estimate of least cost, and which corners it rests on."""

    estimate: Estimate
    problem: Problem
    """With the corners that took part."""
    inlier: Bool[Array, " seen"]
    """Of all corners given."""


def adjust(
    start: Estimate,
    corners: Corners,
    *,
    models: tuple[LensModel, ...],
    fixed_camera: int,
    solver: str,
    huber: float = 3.0,
    outlier: float = 4.5,
    shape_sigma_m: float | None = None,
    rounds: int = MOST_ROUNDS,
    tolerance: float = SETTLED,
) -> Adjusted:
    """Minimise the robust reprojection error of all corners over all lenses and poses together.

    Each camera's noise is measured from its residuals (median first, so that outliers don't widen it);
    corners further off than `outlier` sigmas are left out and the rest adjusted again, until the same
    corners stay. Triggs et al., Bundle adjustment: a modern synthesis (2000).

    Args:
        start: From `place`.
        corners: Numbered as the boards of `start`.
        models: What is free in each lens.
        fixed_camera: The camera whose pose is held.
        solver: One of `SOLVERS`.
        huber: Sigmas beyond which a corner counts linearly.
        outlier: Sigmas beyond which a corner is left out.
        shape_sigma_m: See `Problem`.
        rounds: Of leaving out and adjusting again; two are enough for a start.
        tolerance: Share of the cost that the last step may still gain.
    """
    inlier, on_the_way = np.ones(len(corners), dtype=bool), max(tolerance, _ON_THE_WAY)
    problem = Problem(
        corners=corners, sigma_px=noise_px(residuals(start, corners), corners, views=len(models)),
        models=models, huber=1.5, fixed_camera=fixed_camera, shape_sigma_m=shape_sigma_m,
    )  # fmt: skip
    start = start if shape_sigma_m is None else with_shape(start, corners)
    estimate = solve(start, problem, solver=solver, tolerance=on_the_way)
    for _ in range(rounds):
        found = residuals(estimate, corners)
        sigma = noise_px(found, corners, views=len(models))
        before, inlier = inlier, np.linalg.norm(found, axis=-1) <= outlier * sigma[corners.view]
        kept = corners.map(lambda array, inlier=inlier: array[inlier])
        problem = replace(problem, corners=kept, sigma_px=sigma, huber=huber)
        estimate = solve(estimate, problem, solver=solver, tolerance=on_the_way)
        again = noise_px(residuals(estimate, corners), corners, views=len(models))
        if np.array_equal(before, inlier) and np.allclose(again, sigma, rtol=_STEADY):
            break
    estimate = solve(estimate, problem, solver=solver, tolerance=tolerance)
    return Adjusted(estimate=estimate, problem=problem, inlier=inlier)


def solve(start: Estimate, problem: Problem, *, solver: str, tolerance: float = EXACT) -> Estimate:
    """Return the estimate of least robust cost, by the named solver."""
    if solver == "ceres":
        from mvmono3d.calibration.bundle_ceres import solve_with_ceres

        return solve_with_ceres(start, problem, tolerance=tolerance)
    chosen = solve_with_scipy if solver == "scipy" else solve_with_schur
    return chosen(start, problem, tolerance=tolerance)


def check_solver(name: str) -> None:
    """Raise `ConfigurationError` for an unknown solver, `MissingDependencyError` for one not installed."""
    if name not in SOLVERS:
        raise ConfigurationError(f"no solver {name!r}; known: {', '.join(SOLVERS)}")
    if name == "ceres" and not all(importlib.util.find_spec(package) for package in ("pyceres", "pycolmap")):
        raise MissingDependencyError(
            "solver 'ceres' needs pyceres and pycolmap, not installed: pip install 'mvmono3d[calibration]', "
            "or take solver 'schur'"
        )


def noise_px(found: Float[Array, "seen 2"], corners: Corners, *, views: int) -> Float[Array, " view"]:
    """Return each camera's noise per axis from the median length of its residuals; 1 px for none."""
    lengths = np.linalg.norm(found, axis=-1)
    per_view = [lengths[corners.view == view] for view in range(views)]
    sigma = [float(np.median(mine)) / _RAYLEIGH_MEDIAN if len(mine) else 1.0 for mine in per_view]
    return np.maximum(np.asarray(sigma), _LEAST_SIGMA_PX)
