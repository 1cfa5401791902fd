"""Boards are bent, have bubbles and are printed unevenly: their shape measured along with the cameras."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.calibration.bundle import Adjusted
from mvmono3d.calibration.bundle_system import Problem
from mvmono3d.calibration.held_out import squared_at_held_out
from mvmono3d.calibration.reprojection import Estimate
from mvmono3d.core.array import Array

SIGMA = 0.02
"""How far corners may lie from where they are drawn, in sides of a square: loose, so that data speaks."""
_FEWEST_POSES = 8
_TOLERANCE = 1e-3
_CERTAIN = 2.0
"""Standard errors of the gain at boards not used."""
_BOUND = 9.0
"""Squared errors of a pose before a camera are cut at this many medians."""
_BETTER = 0.8
"""Squared error with the shape over that without: less gain isn't worth three numbers per corner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeEvidence:
    """What measuring the board's shape gains at boards not used."""

    flat_px: float
    """RMS length of residuals with the board as drawn."""
    shaped_px: float
    """With its shape measured at other boards."""
    matters: bool


def shape_evidence(adjusted: Adjusted, *, sigma_m: float, folds: int = 3) -> ShapeEvidence | None:
    """Compare the board as drawn with its shape measured, at boards that took no part; none for too few.

    A flat board's residuals repeat at every corner in all cameras and poses if it isn't flat. Strobl and
    Hirzinger, More accurate pinhole camera calibration with imperfect planar target (2011).
    """
    estimate, problem = adjusted.estimate, adjusted.problem
    if len(np.unique(problem.corners.pose)) < _FEWEST_POSES:
        return None
    flat, seen = _squared(estimate, replace(problem, shape_sigma_m=None), folds)
    shaped, _ = _squared(estimate, replace(problem, shape_sigma_m=sigma_m), folds)
    # Per pose, in the noise of each camera: so neither a bad camera nor a far-off pose decides alone.
    weight = seen / problem.sigma_px**2
    before, after = (np.sum(weight * _bounded(one, seen), axis=1) for one in (flat, shaped))
    gain = before - after
    certain = gain.mean() > _CERTAIN * gain.std(ddof=1) / np.sqrt(len(gain))
    return ShapeEvidence(
        flat_px=float(np.sqrt(flat[seen].mean())),
        shaped_px=float(np.sqrt(shaped[seen].mean())),
        matters=bool(certain and after.mean() < _BETTER * before.mean()),
    )


def _bounded(squared: Array, seen: Array) -> Array:
    """Cut each camera's squared errors at some medians."""
    median = np.array([np.median(squared[seen[:, view], view]) for view in range(seen.shape[1])])
    return np.minimum(squared, _BOUND * median)


def _squared(
    estimate: Estimate, problem: Problem, folds: int
) -> tuple[Float[Array, "pose view"], Bool[Array, "pose view"]]:
    return squared_at_held_out(estimate, problem, folds=folds, solver="schur", tolerance=_TOLERANCE)
