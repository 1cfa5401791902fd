"""Variations of a clip that a reconstructor must stand: pure functions (clip, generator) -> clip.

They take numpy clips without batch axes, and keep every law of the record: what is no longer detected
has pixels 0 and confidence 0, and truth, rig and labels stay consistent with each other.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from mvmono3d.core.array import Array
from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.geometry.rigid import compose, invert, rotation_from_vector, transform_points


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How strongly clips vary in training; 0 switches a variation off."""

    view_loss: float
    """Probability that a camera is lost for a part of the clip; two cameras always stay."""
    joint_loss: float
    """Probability that a detected joint of one view starts a gap."""
    joint_loss_frames: int
    """Mean length of such a gap."""
    rig_error_share: float
    """Share of clips whose rig gets a calibration error; half of these rigs state it."""
    rig_rotation_rad: float
    """Largest standard deviation of the error added to each camera's rotation, per axis."""
    rig_translation_m: float
    """The same of its position."""
    turn_world: bool
    """Turn the world about +Z by any angle."""
    shift_world_m: float
    """Largest shift of the world along each axis."""
    confidence_noise: float
    """Standard deviation of the noise added to a detector's confidence."""

    def with_rig_error(self, clip: Clip, random: np.random.Generator, *, size: float = 1.0) -> Clip:
        """Give the rig a calibration error, `size` being a share of the largest; half of them unstated."""
        return jitter_rig(
            clip,
            random,
            rotation_rad=size * self.rig_rotation_rad,
            translation_m=size * self.rig_translation_m,
            stated=bool(random.random() < 0.5),
        )

    def __call__(self, clip: Clip, random: np.random.Generator) -> Clip:
        """Apply every variation that is switched on."""
        clip = move_world(clip, random, turn=self.turn_world, shift_m=self.shift_world_m)
        if self.rig_error_share and random.random() < self.rig_error_share:
            # Small errors are the more usual ones.
            clip = self.with_rig_error(clip, random, size=random.random() ** 2)
        if self.confidence_noise:
            clip = shake_confidence(clip, random, sigma=self.confidence_noise)
        if self.joint_loss:
            clip = hide_joints(clip, random, probability=self.joint_loss, frames=self.joint_loss_frames)
        return drop_views(clip, random, probability=self.view_loss) if self.view_loss else clip


def drop_views(clip: Clip, random: np.random.Generator, *, probability: float, keep: int = 2) -> Clip:
    """Lose cameras for one stretch of the clip; at least `keep` cameras that see something stay whole."""
    frames, views, _ = clip.observations.detected.shape
    lost = random.random(views) < probability
    seeing = clip.observations.detected.any(axis=(0, 2))
    order = random.permutation(views)
    survivors = order[seeing[order] & ~lost[order]]
    spared = order[seeing[order] & lost[order]][: max(0, keep - len(survivors))]
    lost[spared] = False
    start, length = random.integers(0, frames, size=views), random.integers(1, frames + 1, size=views)
    frame = np.arange(frames)[:, None]
    gone = lost & (frame >= start) & (frame < start + length)
    return _forget(clip, np.broadcast_to(gone[..., None], clip.observations.detected.shape), whole_view=True)


def hide_joints(clip: Clip, random: np.random.Generator, *, probability: float, frames: int) -> Clip:
    """Silence the detector on single joints of single views, for gaps of geometric length."""
    detected = clip.observations.detected
    starts = (random.random(detected.shape) < probability) & detected
    ends = random.random(detected.shape) < 1 / max(1, frames)
    gone = np.zeros(detected.shape, dtype=bool)
    inside = np.zeros(detected.shape[1:], dtype=bool)
    for time in range(len(detected)):
        inside = (inside & ~ends[time]) | starts[time]
        gone[time] = inside
    return _forget(clip, gone, whole_view=False)


def jitter_rig(
    clip: Clip,
    random: np.random.Generator,
    *,
    rotation_rad: float,
    translation_m: float,
    stated: bool = True,
) -> Clip:
    """Give each camera a calibration error; unless it goes unnoticed, `pose_sigma` grows by it.

    A camera turns about its own centre, then its centre moves.
    """
    rig = clip.rig
    views, dtype = len(rig.names), rig.camera_from_world.dtype
    turn = rotation_from_vector((rotation_rad * random.standard_normal((views, 3))).astype(dtype))
    shift = (translation_m * random.standard_normal((views, 3, 1))).astype(dtype)
    error = np.concatenate([turn, shift], axis=-1)
    added = np.array([rotation_rad, translation_m], dtype=dtype) * stated
    return replace(
        clip,
        rig=replace(
            rig,
            camera_from_world=compose(error, rig.camera_from_world),
            pose_sigma=np.sqrt(rig.pose_sigma**2 + added**2),
        ),
    )


def move_world(clip: Clip, random: np.random.Generator, *, turn: bool, shift_m: float) -> Clip:
    """Express rig and truth in another world frame: turned about +Z and shifted. Pixels stay."""
    dtype = clip.rig.camera_from_world.dtype
    angle = np.array([0.0, 0.0, random.uniform(-np.pi, np.pi) if turn else 0.0])
    shift = random.uniform(-shift_m, shift_m, size=(3, 1))
    new_from_world = np.concatenate([rotation_from_vector(angle), shift], axis=-1).astype(dtype)
    camera_from_new = compose(clip.rig.camera_from_world, invert(new_from_world))
    moved = replace(clip, rig=replace(clip.rig, camera_from_world=camera_from_new))
    if clip.truth is None:
        return moved
    rotation = new_from_world[:, :3]
    known = (clip.truth.source != 0)[..., None]
    points = np.where(known, transform_points(new_from_world, clip.truth.points_world), 0)
    covariance = rotation @ clip.truth.covariance_world @ rotation.T
    return replace(
        moved, truth=replace(clip.truth, points_world=points.astype(dtype), covariance_world=covariance)
    )


def shake_confidence(clip: Clip, random: np.random.Generator, *, sigma: float) -> Clip:
    """Add noise to the confidence of what is detected; it stays within [0, 1]."""
    observations = clip.observations
    noise = (sigma * random.standard_normal(observations.confidence.shape)).astype(
        observations.confidence.dtype
    )
    confidence = np.where(observations.detected, np.clip(observations.confidence + noise, 0, 1), 0)
    return replace(clip, observations=replace(observations, confidence=confidence))


def _forget(clip: Clip, gone: Bool[Array, "time view joint"], *, whole_view: bool) -> Clip:
    observations, occlusion = clip.observations, clip.occlusion
    seen = observations.detected & ~gone
    if occlusion is not None:
        # A joint that was hidden before stays hidden; only a lost camera says nothing about it.
        unknown = gone if whole_view else gone & (occlusion.state == OcclusionState.VISIBLE)
        state = np.where(unknown, int(OcclusionState.UNKNOWN), occlusion.state).astype(occlusion.state.dtype)
        occlusion = replace(occlusion, state=state)
    return replace(
        clip,
        observations=replace(
            observations,
            pixels=observations.pixels * seen[..., None],
            confidence=observations.confidence * seen,
            detected=seen,
        ),
        occlusion=occlusion,
    )
