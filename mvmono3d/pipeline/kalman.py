"""The strongest causal method without learning: a robust Kalman filter that learns the bones' lengths.

Each joint moves with a velocity that fades to rest. Views enter through
Geman-McClure weights round the prediction, so that a detection which contradicts motion and the other
views counts for little. Bone lengths are averaged while the actor is watched, and hold hidden joints.
"""

from dataclasses import dataclass

import numpy as np

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import MissingReason, Reconstruction
from mvmono3d.geometry.robust_settings import RobustTriangulated
from mvmono3d.pipeline.consensus import triangulate_consensus
from mvmono3d.pipeline.fused import SUPPORT, Fused, gather
from mvmono3d.pipeline.kalman_bones import BoneLengths, hold_bones, learn_bones
from mvmono3d.pipeline.kalman_kernel import (
    FilterNumbers,
    FrameSight,
    JointStates,
    predict_joints,
    update_joints,
)
from mvmono3d.pipeline.sightlines import Sightlines, make_sightlines


@dataclass(frozen=True, slots=True, kw_only=True)
class KalmanSettings:
    """How the filter moves, doubts and forgets. The defaults suit hands and bodies at 30 to 120 Hz."""

    sigma_px: float | None = None
    """Standard deviation of a good detection per axis; None measures it on the recording."""
    sigma_scale: float = 1.0
    """Detections of neighbouring frames err alike: their noise is taken this much larger."""
    confidence_doubt: float = 4.0
    """A detection of confidence 0 has 1 + this times the standard deviation."""
    acceleration: float = 25.0
    """Standard deviation of a joint's acceleration, m/s², before it is adapted."""
    adapt: float = 0.02
    """Rate at which the acceleration follows how surprisingly a joint moves."""
    adapt_range: float = 3.0
    """By how much it may grow."""
    velocity_memory_s: float = 0.3
    """Time constant with which an unseen joint's velocity fades."""
    first_velocity: float = 1.0
    """Standard deviation of the velocity of a joint just found, m/s."""
    gate: float = 12.0
    """Squared distance, in variances, at which a view is believed by a quarter."""
    few_views_doubt: float = 3.0
    """Factor on the variance where fewer than three views agree: two may agree on a guess."""
    jump_gate: float = 12.0
    """By how much a frame's own consensus must explain it better than the prediction does …"""
    jump_frames: int = 3
    """… for this many frames, until the joint jumps there."""
    horizon_s: float = 1.5
    """A joint that no view supports for longer is missing (EXPIRED)."""
    largest_sigma_m: float = 0.5
    """So is one whose standard deviation exceeds this."""
    bone_slack: float = 0.02
    """How much a bone's length may breathe, relative to the length; a flexible bone ten times as much."""
    bone_memory: float = 0.998
    """What a frame leaves of the weight of lengths seen before."""
    bone_sweeps: int = 3
    bone_relaxation: float = 0.8
    covariance_scale: float = 1.0
    """Factor on the stated covariance, measured so that regions cover what they state."""

    def numbers(self) -> FilterNumbers:
        """Return what the compiled kernel needs."""
        own = {name: getattr(self, name) for name in FilterNumbers._fields if name != "support"}
        return FilterNumbers(**own, support=SUPPORT)


def reconstruct_kalman(
    observations: Observations, rig: Rig, skeleton: Skeleton, settings: KalmanSettings | None = None
) -> Reconstruction:
    """Filter a recording causally: each frame's answer rests on it and earlier frames only.

    A joint is MEASURED where two views or more support it, IMPUTED where motion and bones must fill in; its
    covariance then grows until it is EXPIRED. One number looks ahead: the detector's noise, unless
    `settings.sigma_px` gives it.
    """
    settings = settings or KalmanSettings()
    robust, sigma_px = triangulate_consensus(observations, rig, sigma_px=settings.sigma_px)
    sight = make_sightlines(
        observations,
        rig,
        robust=robust,
        sigma_px=sigma_px * settings.sigma_scale,
        confidence_doubt=settings.confidence_doubt,
    )
    time_s = (np.asarray(observations.time_ns) - observations.time_ns[0]) * 1e-9
    filtered = _filter(sight, robust, time_s, rig=rig, skeleton=skeleton, settings=settings)
    return gather(filtered, observations, rig=rig, sigma_px=sigma_px)


def _filter(
    sight: Sightlines,
    robust: RobustTriangulated,
    time_s: np.ndarray,
    *,
    rig: Rig,
    skeleton: Skeleton,
    settings: KalmanSettings,
) -> Fused:
    frames, views, joints = sight.precision.shape
    numbers, cameras = settings.numbers(), np.array(rig.camera_from_world, dtype=np.float64)
    bones = np.array(skeleton.bones, dtype=np.int64).reshape(-1, 2)
    flexible = np.array([skeleton.flexible[child] for _, child in skeleton.bones], dtype=bool)
    slack = settings.bone_slack * np.where(flexible, 10.0, 1.0)
    states, lengths = _first_states(joints, settings), BoneLengths(np.zeros(len(bones)), np.zeros(len(bones)))
    seen = np.ascontiguousarray(sight.normalised.transpose(0, 2, 1, 3))
    precision = np.ascontiguousarray(sight.precision.transpose(0, 2, 1))
    consensus = np.ascontiguousarray(robust.points_world, dtype=np.float64)
    agreeing = np.where(np.asarray(robust.reason) == 0, np.asarray(robust.agreeing), 0).astype(np.int64)
    belief, share = np.zeros((2, frames, joints, views))
    points, covariance = np.zeros((frames, joints, 3)), np.zeros((frames, joints, 3, 3))
    answered, expired = np.zeros((2, frames, joints), dtype=bool)
    for frame in range(frames):
        if frame > 0:
            predict_joints(states, numbers, time_s[frame] - time_s[frame - 1])
        now = FrameSight(seen[frame], precision[frame], consensus[frame], agreeing[frame])
        update_joints(states, now, cameras, numbers, belief[frame], share[frame])
        supported = states.known & ((belief[frame] > SUPPORT).sum(axis=1) >= 2)
        learn_bones(lengths, bones, states.mean, states.covariance, supported, settings.bone_memory)
        hold_bones(
            lengths, bones, slack, states.mean, states.covariance, states.known,
            settings.bone_sweeps, settings.bone_relaxation,
        )  # fmt: skip
        answered[frame], expired[frame] = states.known, ~states.known & (states.unseen_s >= 0.0)
        points[frame] = np.where(states.known[:, None], states.mean[:, :3], 0.0)
        covariance[frame] = np.where(states.known[:, None, None], states.covariance[:, :3, :3], 0.0)
    reason = np.where(expired, MissingReason.EXPIRED, np.asarray(robust.reason))
    return Fused(
        points=points,
        covariance=covariance * settings.covariance_scale,
        answered=answered,
        reason=np.where(reason == MissingReason.NONE, MissingReason.TOO_FEW_VIEWS, reason),
        belief=belief.transpose(0, 2, 1),
        share=share.transpose(0, 2, 1),
    )


def _first_states(joints: int, settings: KalmanSettings) -> JointStates:
    return JointStates(
        mean=np.zeros((joints, 6)),
        covariance=np.zeros((joints, 6, 6)),
        known=np.zeros(joints, dtype=bool),
        unseen_s=np.full(joints, -1.0),
        jumps=np.zeros(joints, dtype=np.int64),
        acceleration=np.full(joints, settings.acceleration),
    )
