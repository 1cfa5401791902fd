"""The lens model of every camera of a rig, judged by boards that all cameras saw and no fit used."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.calibration.bundle import Adjusted, solve
from mvmono3d.calibration.bundle_system import Problem
from mvmono3d.calibration.camera_model import LensModel, as_model
from mvmono3d.calibration.held_out import per_picture, squared_at_held_out
from mvmono3d.calibration.reprojection import Estimate
from mvmono3d.core.array import Array

MOST_POSES = 24
"""Poses that models compete on."""
_OF_EACH = 6
"""Poses that every camera keeps, however little others see in them."""
_TOLERANCE = 1e-3
"""Of the cost: differences between models that matter are larger."""
_MATTERS = 1.02
"""Ratio of mean squared errors at which one model predicts better than another: 1 % RMS."""
_SURE = 2.0
"""Standard errors of the mean difference that it takes, too."""
_BOUND = 9.0
"""Squared errors of a pose before a camera are cut at this many medians."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RigLensChoice:
    """The model chosen for each camera, and the evidence."""

    models: tuple[LensModel, ...]
    compared: tuple[str, ...]
    held_out_px: Float[Array, "view compared"]
    """RMS length of residuals at boards not used, every camera with that model; none for one candidate."""


def choose_models(
    adjusted: Adjusted, *, candidates: tuple[LensModel, ...], folds: int = 3, solver: str = "schur"
) -> RigLensChoice:
    """Choose for each camera the richest model of its kind that boards not used don't speak against.

    A camera alone can't tell a wrong lens from another pose of the board; the other cameras hold the
    board in place. A fisheye is taken where it beats the best pinhole; then the model with most
    coefficients that isn't beaten by the best of that kind. To beat is to predict poses not used in the
    fit better, by 1 % RMS and two standard errors of the mean difference. A coefficient too many widens
    what is stated of the others; one too few bends centre and pose by several of their stated standard
    deviations, which boards in the middle of the image hardly show.
    """
    views = len(adjusted.estimate.lens)
    if len(candidates) == 1:
        return RigLensChoice(models=candidates * views, compared=(), held_out_px=np.zeros((views, 0)))
    estimate, problem = _fewer_poses(adjusted.estimate, adjusted.problem)
    errors, seen = [], np.zeros(0, dtype=bool)
    for model in candidates:
        squared, seen = _held_out(estimate, problem, model, folds=folds, solver=solver)
        errors.append(squared)
    chosen = [
        candidates[richest(np.stack([squared[seen[:, view], view] for squared in errors]), candidates)]
        for view in range(views)
    ]
    rms = np.stack([np.sqrt(_mean_seen(squared, seen)) for squared in errors], axis=-1)
    return RigLensChoice(
        models=tuple(chosen), compared=tuple(model.name for model in candidates), held_out_px=rms
    )


def richest(squared: Float[Array, "model pose"], candidates: tuple[LensModel, ...]) -> int:
    """Return the richest model of the better kind that the best of it doesn't beat; no pose decides alone."""
    squared = np.minimum(squared, _BOUND * np.median(squared, axis=1, keepdims=True))
    fisheye = np.array([model.fisheye for model in candidates])
    best = [
        int(alike[np.argmin(squared[alike].mean(axis=1))])
        for alike in (np.flatnonzero(fisheye == kind) for kind in (False, True))
        if len(alike)
    ]
    chosen = best[-1] if _beats(squared[best[-1]], squared[best[0]]) else best[0]
    alike = np.flatnonzero(fisheye == fisheye[chosen])
    return max(int(place) for place in alike if not _beats(squared[chosen], squared[place]))


def _beats(one: Float[Array, " pose"], other: Float[Array, " pose"]) -> bool:
    gain = other - one
    if len(gain) < 2 or bool(other.mean() <= _MATTERS * one.mean()):
        return False
    return bool(gain.mean() > _SURE * gain.std(ddof=1) / np.sqrt(len(gain)))


def _fewer_poses(estimate: Estimate, problem: Problem) -> tuple[Estimate, Problem]:
    """Keep the poses with most corners, and those that show most to each camera."""
    shape = len(estimate.world_from_board), len(estimate.lens)
    counts = per_picture(np.ones(len(problem.corners)), problem.corners, shape=shape)
    kept = np.zeros(len(counts), dtype=bool)
    kept[np.argsort(-counts.sum(axis=1), kind="stable")[:MOST_POSES]] = True
    for seen in counts.T:
        kept[np.argsort(-seen, kind="stable")[: min(_OF_EACH, int((seen > 0).sum()))]] = True
    mine = kept[problem.corners.pose]
    corners = problem.corners.map(lambda array: array[mine])
    corners = replace(corners, pose=(np.cumsum(kept) - 1)[corners.pose])
    return replace(estimate, world_from_board=estimate.world_from_board[kept]), replace(
        problem, corners=corners
    )


def _held_out(
    estimate: Estimate, problem: Problem, model: LensModel, *, folds: int, solver: str
) -> tuple[Float[Array, "pose view"], Bool[Array, "pose view"]]:
    """Return the mean squared residual of each pose before each camera, and where there is one."""
    # The board keeps its shape: one that bends with every model would hide what a model can't explain.
    problem = replace(problem, models=(model,) * len(problem.models), shape_sigma_m=None)
    start = replace(estimate, lens=as_model(estimate.lens, model))
    start = solve(start, problem, solver=solver, tolerance=_TOLERANCE)
    return squared_at_held_out(start, problem, folds=folds, solver=solver, tolerance=_TOLERANCE)


def _mean_seen(squared: Array, seen: Array) -> Array:
    return np.sum(squared * seen, axis=0) / np.maximum(seen.sum(axis=0), 1)
