"""Everything that a solved adjustment tells about itself, in the order of the sightings."""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int

from mvmono3d.calibration.accuracy import Accuracy, expected_accuracy, volume_grid
from mvmono3d.calibration.board_shape import ShapeEvidence
from mvmono3d.calibration.bundle import Adjusted
from mvmono3d.calibration.camera_model import cameras_from_lens
from mvmono3d.calibration.held_out import HeldOut, held_out
from mvmono3d.calibration.parameter_covariance import ParameterCovariance, parameter_covariance
from mvmono3d.calibration.pose_effect import effective_pose_sigma
from mvmono3d.calibration.reprojection import Corners, Estimate, residuals
from mvmono3d.calibration.rig_lens_choice import RigLensChoice
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration, CalibrationSettings, LensEvidence
from mvmono3d.core.array import Array
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.rigid import transform_points


def told(
    adjusted: Adjusted,
    sightings: BoardSightings,
    *,
    corners: Corners,
    original: Int[Array, " placed"],
    choice: RigLensChoice,
    shape_evidence: ShapeEvidence | None,
    settings: CalibrationSettings,
) -> Calibration:
    """Return the record of a calibration.

    Args:
        adjusted: In its final world.
        sightings: What it came from.
        corners: All corners that `adjusted.inlier` is about.
        original: The pose in the sightings of each of its boards.
        choice: The lens models.
        shape_evidence: What speaks for the board's shape, if that was tried.
        settings: As calibrated with.
    """
    estimate = adjusted.estimate
    problem = replace(adjusted.problem, sigma_px=noise_of_inliers(adjusted))
    adjusted = replace(adjusted, problem=problem)
    covariance = parameter_covariance(estimate, problem)
    judged = held_out(estimate, problem, folds=settings.folds, solver=settings.solver)
    shape, poses = sightings.seen.shape, len(sightings.labels)
    at = original[corners.pose], corners.view, corners.corner
    return Calibration(
        rig=_rig(adjusted, sightings, covariance),
        world_from_board=_put(
            np.tile(np.eye(3, 4), (poses, 1, 1)), at=original, values=estimate.world_from_board
        ),
        placed=_put(np.zeros(poses, dtype=bool), at=original, values=True),
        labels=sightings.labels,
        residual_px=_put(np.zeros((*shape, 2)), at=at, values=residuals(estimate, corners)),
        used=_put(np.zeros(shape, dtype=bool), at=at, values=adjusted.inlier),
        outlier=_put(np.zeros(shape, dtype=bool), at=at, values=~adjusted.inlier),
        sigma_px=problem.sigma_px,
        covariance=replace(
            covariance,
            board_sigma=_put(np.zeros((poses, 6)), at=original, values=covariance.board_sigma),
        ),
        lens_evidence=_lens_evidence(choice),
        held_out=_in_order(judged, original, sightings),
        accuracy=_accuracy(adjusted, sightings, covariance, settings),
        solver=settings.solver,
        shape_m=_shape(estimate, sightings),
        shape_evidence=shape_evidence,
    )


def _lens_evidence(choice: RigLensChoice) -> LensEvidence:
    chosen = tuple(model.name for model in choice.models)
    return LensEvidence(chosen=chosen, compared=choice.compared, held_out_px=choice.held_out_px)


def _shape(estimate: Estimate, sightings: BoardSightings) -> Array | None:
    """Return the shape with a row for every corner of the board, also those that nobody saw."""
    if estimate.shape_m is None:
        return None
    count = len(estimate.shape_m)
    return _put(np.zeros((len(sightings.corners_m), 3)), at=slice(count), values=estimate.shape_m)


def _accuracy(
    adjusted: Adjusted,
    sightings: BoardSightings,
    covariance: ParameterCovariance,
    settings: CalibrationSettings,
) -> Accuracy:
    points = transform_points(adjusted.estimate.world_from_board, sightings.corners_m).reshape(-1, 3)
    return expected_accuracy(
        adjusted.estimate,
        volume_grid(points, steps=settings.grid_steps),
        covariance=covariance.cameras,
        sigma_px=adjusted.problem.sigma_px,
        size_px=sightings.size_px,
    )


def noise_of_inliers(adjusted: Adjusted) -> Array:
    """Return each camera's noise per axis: the RMS of its residuals, widened for what was estimated."""
    problem, estimate = adjusted.problem, adjusted.estimate
    found = residuals(estimate, problem.corners)
    rows = 2 * len(problem.corners)
    free = int(problem.free(len(estimate.world_from_board)).sum())
    widened = rows / max(rows - free, 1)
    sigma = np.array(problem.sigma_px)
    for view in range(len(sigma)):
        mine = found[problem.corners.view == view]
        if len(mine):
            sigma[view] = np.sqrt(widened * np.mean(mine**2))
    return np.maximum(sigma, np.finfo(np.float32).eps)


def _rig(adjusted: Adjusted, sightings: BoardSightings, covariance: ParameterCovariance) -> Rig:
    estimate: Estimate = adjusted.estimate
    return Rig(
        camera=cameras_from_lens(estimate.lens, sightings.size_px),
        camera_from_world=estimate.camera_from_world,
        pose_sigma=effective_pose_sigma(estimate, adjusted.problem, covariance),
        names=sightings.cameras,
    )


def _in_order(judged: HeldOut, original: Array, sightings: BoardSightings) -> HeldOut:
    poses, _, corners = sightings.seen.shape

    def whole(table: Array) -> Array:
        every = np.zeros((poses, corners), dtype=table.dtype)
        every[original, : table.shape[1]] = table
        return every

    return replace(
        judged,
        error_m=whole(judged.error_m),
        error_as_drawn_m=whole(judged.error_as_drawn_m),
        triangulated=whole(judged.triangulated),
    )


def _put(table: Array, *, at: Any, values: Any) -> Array:
    table[at] = values
    return table
