"""The lens model that poses not used for fitting speak for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.calibration.camera_model import MODELS, LensModel
from mvmono3d.calibration.intrinsics import LEAST_POSES, OneCamera, fit_lens, spread_poses
from mvmono3d.calibration.planar_pose import planar_poses, pose_errors, spread_out
from mvmono3d.core.array import Array

_BOUND = 9.0
"""Squared errors of poses are cut at this many medians."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LensChoice:
    """The model chosen for a camera, its lens, and the evidence."""

    model: LensModel
    lens: Float[Array, "10"]
    compared: tuple[str, ...]
    """Names of the models tried, the simplest first."""
    held_out_px: Float[Array, " compared"]
    """RMS error (both axes together) at corners of poses that were not used."""


def choose_lens(
    camera: OneCamera, *, candidates: tuple[LensModel, ...] = MODELS, folds: int = 3
) -> LensChoice:
    """Choose the simplest lens model that no richer one beats by more than the standard error.

    Models compete on poses left out of the fit: half of such a pose's corners place the board, the other
    half are predicted. The standard error is that of the mean difference over poses. Breiman et al.,
    Classification and Regression Trees (1984), section 3.4.3 (the 1-SE rule).
    """
    poses = spread_poses(camera)
    squared = np.stack([_held_out(camera, model, poses, folds) for model in candidates])
    # One pose with a wrong corner must not decide: no pose weighs more than a few typical ones.
    squared = np.minimum(squared, _BOUND * np.median(squared, axis=1, keepdims=True))
    best = 0
    for richer in range(1, len(candidates)):
        gain = squared[best] - squared[richer]
        if gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)):
            best = richer
    return LensChoice(
        model=candidates[best],
        lens=fit_lens(camera, model=candidates[best], poses=poses),
        compared=tuple(model.name for model in candidates),
        held_out_px=np.sqrt(squared.mean(axis=1)),
    )


def _held_out(camera: OneCamera, model: LensModel, poses: Int[Array, " chosen"], folds: int) -> Array:
    """Return the mean squared error of each pose, predicted by a lens fitted without it."""
    folds = min(folds, len(poses)) if len(poses) > LEAST_POSES else 1
    errors = np.zeros(len(poses))
    for fold in range(folds):
        held = np.arange(len(poses)) % folds == fold
        lens = fit_lens(camera, model=model, poses=poses[~held] if folds > 1 else poses)
        errors[held] = [_predicted_error(camera, lens, int(pose)) for pose in poses[held]]
    return errors


def _predicted_error(camera: OneCamera, lens: Float[Array, "10"], pose: int) -> float:
    mine = camera.corners.pose == pose
    points, pixels = camera.corners.point_board[mine], camera.corners.pixels[mine]
    placing = np.arange(len(points)) % 2 == 0
    if not spread_out(points[placing]):
        placing = np.ones(len(points), dtype=bool)
    found = planar_poses(points[placing], pixels[placing], lens)
    judged = ~placing if not placing.all() else placing
    return float(np.mean(pose_errors(points[judged], pixels[judged], lens, found.camera_from_board[0]) ** 2))
