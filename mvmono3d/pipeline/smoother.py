"""Offline reconstruction: the most probable motion given all frames, smooth and with bones of one length.

Maximum a posteriori by Gauss-Newton with reweighted views: wide gates first, so that a start that is
some centimetres off can be corrected, then narrow ones. Joints seen by two views fill the gaps of those
that three views agree on.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import MissingReason, Reconstruction
from mvmono3d.geometry.robust_settings import RobustTriangulated
from mvmono3d.pipeline.consensus import triangulate_consensus
from mvmono3d.pipeline.fused import Fused, gather
from mvmono3d.pipeline.sightlines import Sightlines, agreed_confidence, make_sightlines
from mvmono3d.pipeline.smoother_start import acceleration_scale, first_guess, typical_lengths
from mvmono3d.pipeline.smoother_system import (
    Bones,
    Gate,
    assemble,
    correlated_frames,
    linearise,
    marginal_covariance,
    smoothness_bands,
    solve,
    solve_joints,
)

_FINAL = Gate(6.0, 3.0)


def _narrowing(steps: int) -> tuple[Gate, ...]:
    """Return gates that narrow in even ratios: what starts wrong must not decide what is refused.

    Graduated non-convexity (Blake & Zisserman, Visual Reconstruction, 1987, chapter 7; Yang et al., 2020).
    """
    limits, softs = np.geomspace(60.0, _FINAL.limit, steps), np.geomspace(20.0, _FINAL.soft or 1.0, steps)
    return tuple(Gate(float(limit), float(soft)) for limit, soft in zip(limits, softs, strict=True))


_ALONE, _TOGETHER = _narrowing(12), _narrowing(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSettings:
    """How smooth motion is and how firm bones are."""

    sigma_px: float | None = None
    """Standard deviation of a good detection per axis; None measures it on the recording."""
    confidence_doubt: float = 5.0
    """A detection of confidence 0 has 1 + this times the standard deviation; one as confident as those that
    three views agree on has once that."""
    few_views_doubt: float = 4.0
    """Factor on the variance, in the covariance alone, where fewer than three views agree."""
    first_acceleration: float = 15.0
    """Standard deviation of a joint's acceleration, m/s², until it is measured."""
    least_acceleration: float = 0.5
    acceleration_quantile: float = 0.9
    """Which quantile of a joint's accelerations their scale is taken from …"""
    acceleration_gain: float = 1.5
    """… and how much larger it is assumed, for smoothing has taken some away."""
    bone_slack: float = 0.01
    """How much a bone's length may breathe, relative to the length; a flexible bone ten times as much."""
    horizon_s: float = 1.0
    """A joint that no view supports within this time, before or after, is missing (EXPIRED)."""
    window: int = 400
    """Frames solved together: bounds memory."""
    overlap: int = 60
    """Frames that neighbouring windows share, and that are thrown away."""
    covariance_scale: float = 1.0
    """Factor on the stated covariance, measured so that regions cover what they state."""


class _Solved(NamedTuple):
    points: Float[Array, "time joint 3"]
    covariance: Float[Array, "time joint 3 3"]
    belief: Float[Array, "time view joint"]
    share: Float[Array, "time view joint"]


def reconstruct_map(
    observations: Observations, rig: Rig, skeleton: Skeleton, settings: MapSettings | None = None
) -> Reconstruction:
    """Reconstruct a recording offline from all its frames, with bones.

    A joint is MEASURED where two views or more support it and IMPUTED in between. The covariance is
    the marginal of the linearised posterior.
    """
    settings = settings or MapSettings()
    robust, sigma_px = triangulate_consensus(observations, rig, sigma_px=settings.sigma_px)
    sight = make_sightlines(
        observations,
        rig,
        robust=robust,
        sigma_px=sigma_px,
        confidence_doubt=settings.confidence_doubt,
        sure_confidence=agreed_confidence(observations, robust),
    )
    time_s = (np.asarray(observations.time_ns) - observations.time_ns[0]) * 1e-9
    cameras = np.asarray(rig.camera_from_world, dtype=np.float64)
    points, acceleration = _smooth_alone(sight, robust, time_s, cameras=cameras, settings=settings)
    bones = _measure_bones(points, robust, skeleton, settings)
    windows = [
        _smooth_together(
            points[start:stop],
            Sightlines(sight.normalised[start:stop], sight.precision[start:stop]),
            time_s[start:stop],
            cameras=cameras,
            acceleration=acceleration,
            bones=bones,
            few_views_doubt=settings.few_views_doubt,
            keep=keep,
        )
        for start, stop, keep in _windows(len(time_s), settings)
    ]
    solved = _Solved(*(np.concatenate(parts) for parts in zip(*windows, strict=True)))
    answered = _answered(solved.belief, time_s, settings.horizon_s)
    fused = Fused(
        points=solved.points,
        covariance=solved.covariance * settings.covariance_scale,
        answered=answered,
        reason=np.where(answered, MissingReason.NONE, MissingReason.EXPIRED),
        belief=solved.belief,
        share=solved.share,
    )
    return gather(fused, observations, rig=rig, sigma_px=sigma_px)


def _smooth_alone(
    sight: Sightlines,
    robust: RobustTriangulated,
    time_s: np.ndarray,
    *,
    cameras: np.ndarray,
    settings: MapSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth every joint by itself; return points and the acceleration scale of each joint."""
    points, sure = first_guess(robust, time_s)
    bands = smoothness_bands(time_s)
    acceleration = np.full(points.shape[1], settings.first_acceleration)
    for step, gate in enumerate(_ALONE):
        if step == len(_ALONE) // 2:
            acceleration = _acceleration(points, time_s, sure, settings)
        views = linearise(points, sight, cameras=cameras, gate=gate)
        points = solve_joints(views, points, bands=bands, acceleration=acceleration)
    return points, _acceleration(points, time_s, sure, settings)


def _acceleration(
    points: np.ndarray, time_s: np.ndarray, sure: np.ndarray, settings: MapSettings
) -> np.ndarray:
    scale = acceleration_scale(
        points,
        time_s,
        sure,
        least=settings.least_acceleration,
        quantile=settings.acceleration_quantile,
    )
    return settings.acceleration_gain * scale


def _measure_bones(
    points: np.ndarray, robust: RobustTriangulated, skeleton: Skeleton, settings: MapSettings
) -> Bones:
    pairs = np.array(skeleton.bones, dtype=np.int64).reshape(-1, 2)
    lengths = typical_lengths(points, pairs, sure=np.asarray(robust.agreeing) >= 3)
    flexible = np.array([skeleton.flexible[child] for _, child in skeleton.bones], dtype=bool)
    slack = settings.bone_slack * np.where(flexible, 10.0, 1.0)
    return Bones(pairs, lengths, 1.0 / np.maximum(slack * lengths, 1e-4) ** 2)


def _smooth_together(
    points: np.ndarray,
    sight: Sightlines,
    time_s: np.ndarray,
    *,
    cameras: np.ndarray,
    acceleration: np.ndarray,
    bones: Bones,
    few_views_doubt: float,
    keep: slice,
) -> _Solved:
    """Smooth all joints of a window with their bones; return the frames to keep."""
    bands = smoothness_bands(time_s)
    for gate in _TOGETHER:
        views = linearise(points, sight, cameras=cameras, gate=gate)
        matrix, right = assemble(views, points, bands=bands, acceleration=acceleration, bones=bones)
        points = solve(matrix, right)
    views = linearise(points, sight, cameras=cameras, gate=_FINAL, few_views_doubt=few_views_doubt)
    # Errors of neighbouring frames are alike, so a run of frames tells no more than one of them: the
    # covariance counts each frame's information only in part.
    frames = correlated_frames(points, sight, cameras=cameras, believed=views.belief > 0)
    honest = views._replace(information=views.information / frames)
    matrix, _ = assemble(honest, points, bands=bands, acceleration=acceleration, bones=bones)
    covariance = marginal_covariance(matrix, frames=len(points), joints=points.shape[1])
    return _Solved(points[keep], covariance[keep], views.belief[keep], views.share[keep])


def _windows(frames: int, settings: MapSettings) -> list[tuple[int, int, slice]]:
    """Return (start, stop, frames of the window to keep) so that the kept frames tile the recording."""
    cuts = [*range(0, frames, settings.window), frames]
    windows = []
    for first, last in pairwise(cuts):
        start, stop = max(0, first - settings.overlap), min(frames, last + settings.overlap)
        windows.append((start, stop, slice(first - start, last - start)))
    return windows


def _answered(
    belief: Float[np.ndarray, "time view joint"], time_s: Float[np.ndarray, " time"], horizon_s: float
) -> Bool[np.ndarray, "time joint"]:
    """Say which joints have support within the horizon, before or after."""
    supported = (belief > 0).any(axis=1)
    stamp = np.broadcast_to(time_s[:, None], supported.shape)
    last = np.maximum.accumulate(np.where(supported, stamp, -np.inf), axis=0)
    following = np.minimum.accumulate(np.where(supported, stamp, np.inf)[::-1], axis=0)[::-1]
    return np.minimum(stamp - last, following - stamp) <= horizon_s
