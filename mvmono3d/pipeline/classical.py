"""Frame-by-frame triangulation without learning: what any recording and any rig can always be given."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import Decision, MissingReason, PointSource, Reconstruction, Trajectory
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.evidence import (
    Residuals,
    information_shares,
    measure_residuals,
    occlusion_probabilities,
    residual_sigma_px,
)
from mvmono3d.geometry.projection import projection_jacobian
from mvmono3d.geometry.solve import inverse3
from mvmono3d.geometry.triangulation import triangulate, triangulate_dlt

BLOCK_FRAMES = 2048
"""Frames worked on at once: bounds the memory (100 MB with 4 views and 25 joints) of long recordings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solution:
    """What a method finds, before the evidence is gathered."""

    points_world: Float[np.ndarray, "time joint 3"]
    covariance_world: Float[np.ndarray, "time joint 3 3"]
    reason: Int[np.ndarray, "time joint"]
    precision: Float[np.ndarray, "time view joint"]
    """Relative precision with which each detection counted; 0 where it didn't."""
    sigma_px: float

    @property
    def solved(self) -> Bool[np.ndarray, "time joint"]:
        return self.reason == MissingReason.NONE


def reconstruct_dlt(observations: Observations, rig: Rig, skeleton: Skeleton) -> Reconstruction:
    """Triangulate each joint linearly from all its views, rows weighted by confidence.

    What Pose2Sim and anipose do before they reject outliers (Hartley & Zisserman 2004, section 12.2).
    Needs two views with confidence above 0; a joint behind one of them is DEGENERATE. The covariance is
    that of this estimator under the recording's own residual noise, widened where a joint's views disagree
    by more (χ² per degree of freedom). For occlusion see `occlusion_probabilities`. Raises
    `InvalidRecordError` when observations, rig and skeleton don't fit each other.
    """
    _check(observations, rig, skeleton)
    weights = np.where(observations.detected, observations.confidence, 0.0)
    blocks = _blocks(len(weights))
    points = np.concatenate(
        [
            triangulate_dlt(
                observations.pixels[block],
                weights[block],
                lens=rig.camera.lens,
                camera_from_world=rig.camera_from_world,
            )
            for block in blocks
        ]
    )
    enough = (weights > 0).sum(axis=1) >= 2
    residuals = measure_residuals(points, enough, observations, rig)
    used = (weights > 0) & enough[:, None]
    behind = (used & ~residuals.in_front).any(axis=1)
    sigma_px = residual_sigma_px(residuals, used & ~behind[:, None])
    spread = [_covariance(points[block], weights[block], rig, sigma_px) for block in blocks]
    covariance = np.concatenate([part for part, _ in spread])
    regular = np.concatenate([ok for _, ok in spread])
    reason = np.select(
        [~enough, behind | ~regular], [MissingReason.TOO_FEW_VIEWS, MissingReason.DEGENERATE], 0
    )
    solution = _Solution(
        points_world=points,
        covariance_world=covariance * _disagreement(residuals, used, sigma_px)[..., None, None],
        reason=reason.astype(np.int64),
        precision=weights**2,
        sigma_px=sigma_px,
    )
    return _reconstruction(solution, observations, rig)


def reconstruct_robust(
    observations: Observations, rig: Rig, skeleton: Skeleton, *, sigma_px: float | None = None
) -> Reconstruction:
    """Triangulate each joint from the set of views that agree; the others have weight 0.

    Agreement doesn't ask for confidence, which can be high and wrong; among views that agree, those of
    higher confidence count more, as in `reconstruct_dlt`. `sigma_px` is the standard deviation of a good
    detection, by default the recording's own. A joint whose views allow different answers is missing
    (CONTRADICTION) instead of guessed. For occlusion see `occlusion_probabilities`. Raises
    `InvalidRecordError` when observations, rig and skeleton don't fit each other.
    """
    # Imported here because numba takes longer to load than the DLT takes to run.
    from mvmono3d.pipeline.consensus import triangulate_consensus

    _check(observations, rig, skeleton)
    robust, sigma_px = triangulate_consensus(observations, rig, sigma_px=sigma_px)
    weights = np.where(robust.inlier, observations.confidence, 0.0)
    points, covariance = robust.points_world.copy(), robust.covariance_world.copy()
    for block in _blocks(len(weights)):
        refined = triangulate(
            observations.pixels[block],
            weights[block] ** 2,
            lens=rig.camera.lens,
            camera_from_world=rig.camera_from_world,
        )
        spread, regular = _covariance(refined.points_world, weights[block], rig, sigma_px)
        better = refined.solved & regular
        points[block] = np.where(better[..., None], refined.points_world, points[block])
        covariance[block] = np.where(better[..., None, None], spread, covariance[block])
    solution = _Solution(
        points_world=points,
        covariance_world=covariance,
        reason=robust.reason.astype(np.int64),
        precision=weights**2,
        sigma_px=sigma_px,
    )
    return _reconstruction(solution, observations, rig)


def _check(observations: Observations, rig: Rig, skeleton: Skeleton) -> None:
    expected = (len(rig.names), len(skeleton.joints))
    shape = observations.pixels.shape
    if len(shape) != 4 or shape[1:3] != expected:
        raise InvalidRecordError(
            f"observations of shape {shape}, expected (time, {expected[0]} cameras of the rig, "
            f"{expected[1]} joints of skeleton {skeleton.name!r}, 2)"
        )


def _blocks(frames: int) -> list[slice]:
    return [slice(start, start + BLOCK_FRAMES) for start in range(0, frames, BLOCK_FRAMES)]


def _covariance(
    points: np.ndarray, weights: np.ndarray, rig: Rig, sigma_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return A⁻¹ B A⁻¹ with A = Σ w² JᵀJ and B = σ² Σ w⁴ JᵀJ: true also where confidence means nothing."""
    jacobian = projection_jacobian(points, lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    normal = np.swapaxes(jacobian, -1, -2) @ jacobian
    squared = (weights**2)[..., None, None]
    inverse, regular = inverse3(np.sum(squared * normal, axis=1))
    middle = sigma_px**2 * np.sum(squared**2 * normal, axis=1)
    return inverse @ middle @ inverse, regular


def _disagreement(residuals: Residuals, used: np.ndarray, sigma_px: float) -> np.ndarray:
    """Return χ² per degree of freedom of each joint, at least 1 (Birge's ratio, squared)."""
    chi_squared = np.sum(np.where(used, residuals.distance_px, 0.0) ** 2, axis=1) / sigma_px**2
    freedom = np.maximum(2 * used.sum(axis=1) - 3, 1)
    return np.maximum(chi_squared / freedom, 1.0)


def _reconstruction(solution: _Solution, observations: Observations, rig: Rig) -> Reconstruction:
    solved = solution.solved
    points = np.where(solved[..., None], solution.points_world, 0.0)
    residuals = measure_residuals(points, solved, observations, rig)
    weights = [
        information_shares(points[block], solution.precision[block], solved[block], rig)
        for block in _blocks(len(points))
    ]
    source = np.where(solved, PointSource.MEASURED, PointSource.MISSING).astype(np.int64)
    return Reconstruction(
        trajectory=Trajectory(
            points_world=points,
            covariance_world=np.where(solved[..., None, None], solution.covariance_world, 0.0),
            source=source,
            time_ns=np.asarray(observations.time_ns),
        ),
        decided_by=np.full(source.shape, Decision.CONSENSUS, dtype=np.int64),
        reason=solution.reason,
        weights=np.concatenate(weights),
        occlusion=occlusion_probabilities(
            residuals, observations, rig, solved=solved, sigma_px=solution.sigma_px
        ),
        reprojection_px=residuals.distance_px,
    )
