"""A rig from people or hands alone: no board and no rig to start from, only lenses and one known length."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mvmono3d.calibration.guard_bones import bone_breathing
from mvmono3d.calibration.keypoint_pairs import pair_poses
from mvmono3d.calibration.keypoint_refine import (
    KnownLength,
    Refined,
    known_length,
    placed_by_joints,
    refine_from_keypoints,
    triangulated_joints,
)
from mvmono3d.calibration.keypoint_start import start_by_joints
from mvmono3d.calibration.keypoint_time import joint_offsets
from mvmono3d.calibration.scale import scaled_rig, turned_world
from mvmono3d.calibration.time_offsets import TimeOffsets
from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.lens import undistort
from mvmono3d.geometry.rigid import camera_centres, compose, invert, orthonormal, vector_from_rotation

FOCAL_FACTORS = (0.7, 0.84, 1.0, 1.2, 1.43)
"""By which a guessed focal length is tried."""
_PARTS = 5
"""Parts of the joints, each left out once, to see by how much the rig depends on it."""
_LEAST_DOUBT = 0.03
"""Of a focal length's logarithm: joints don't tell smaller errors from their own."""
_LOWEST = 0.02
"""Share of the joints that may lie under the world's z = 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JointCalibration:
    """A rig placed by joints, and what speaks for and against it."""

    rig: Rig
    """Its `pose_sigma` is how far cameras move when joints are left out: a detector's constant bias shows."""
    refined: Refined
    points_world: Float[Array, "point 3"]
    """Joints that the cameras agree on."""
    solved: float
    """Share of the joints seen by two or more cameras that they agree on."""
    agreeing: Float[Array, " view"]
    """Share of each camera's detections, of joints solved, that agree."""
    residual_px: Float[Array, " view"]
    """Median, of the detections that agree."""
    breathing: float
    """By how much bones change their length, relative to it (median over bones); 0 where none is firm."""
    focal_factor: Float[Array, " view"]
    """By which each camera's focal length was scaled; 1 where lenses are known."""
    focal_sigma: Float[Array, " view"]
    """Standard deviation of that factor's logarithm when joints are left out; 0 where lenses are known."""
    focal_doubt: Float[Array, " view"]
    """By how much (logarithm) a known focal length would change if it were free, beyond what is uncertain."""
    offsets: TimeOffsets | None
    """How late cameras are against each other; None where nothing moves."""


def calibrate_by_joints(
    observations: Observations,
    lenses: Rig,
    skeleton: Skeleton,
    *,
    known: KnownLength,
    upward: tuple[int, int] | None = None,
    focal: bool = False,
) -> JointCalibration:
    """Place cameras by joints that they see together; a known length gives the size.

    Every second frame takes part, the others judge. Raises `InvalidRecordError` where joints don't connect
    the cameras or don't agree.

    Args:
        observations: time x view x joint, of one actor.
        lenses: Names and lenses; its poses play no part.
        skeleton: Of the joints.
        known: A bone or bar between two joints.
        upward: Two joints, the second usually above the first; without them up is where cameras have it.
        focal: Lenses are guessed: their focal lengths are sought too.
    """
    used = observations.map(lambda array: array[::2])
    guessed = _with_focal(used, lenses) if focal else lenses
    start = start_by_joints(used, guessed)
    start = scaled_rig(start, known_length(used, start, known).factor)
    refined = refine_from_keypoints(observations, start, focal=focal, known=known)
    found = _upright(refined.rig, observations, upward)
    pose_sigma, focal_sigma = _left_out(used, found, focal=focal)
    told = _told(replace(found, pose_sigma=pose_sigma), observations, lenses, skeleton, refined)
    return replace(told, focal_sigma=focal_sigma, focal_doubt=_focal_doubt(used, found, known=not focal))


def _with_focal(observations: Observations, lenses: Rig) -> Rig:
    """Return the lenses with all focal lengths scaled by what makes most of the cameras' pairs."""
    tried = [_scaled_focal(lenses, factor) for factor in FOCAL_FACTORS]
    return max(tried, key=lambda rig: _pairs_merit(observations, rig))


def _scaled_focal(lenses: Rig, factor: float) -> Rig:
    return replace(lenses, camera=replace(lenses.camera, focal_px=lenses.camera.focal_px * factor))


def _pairs_merit(observations: Observations, lenses: Rig) -> float:
    """Return how well epipolar lines fit, in pixels, over all pairs: the larger the better."""
    pixels = np.asarray(observations.pixels, dtype=np.float64)
    normalised = undistort(pixels, np.asarray(lenses.camera.lens, dtype=np.float64))
    focal = np.asarray(lenses.camera.focal_px).mean(axis=-1)
    pairs = pair_poses(normalised, np.asarray(observations.detected))
    fit = [-np.log(pair.noise * np.sqrt(focal[pair.first] * focal[pair.second])) for pair in pairs]
    return float(np.mean(fit)) if fit else -np.inf


def _upright(rig: Rig, observations: Observations, upward: tuple[int, int] | None) -> Rig:
    """Return the rig in a world whose +Z is up, over the middle of the joints, the lowest of them at 0."""
    robust = triangulated_joints(observations, rig)
    solved, points = np.asarray(robust.agreeing) >= 2, np.asarray(robust.points_world)
    up = -np.asarray(rig.camera_from_world)[:, 1, :3].mean(axis=0)
    if upward is not None:
        both = solved[:, upward[0]] & solved[:, upward[1]]
        if not both.any():
            raise InvalidRecordError("the two joints that say where up is are never seen together")
        up = np.median(points[both, upward[1]] - points[both, upward[0]], axis=0)
    forward = np.asarray(rig.camera_from_world)[0, 2, :3]
    across = np.cross(forward, up)
    frame = orthonormal(across, np.cross(up, across))
    if not frame.ok:
        raise InvalidRecordError(f"{rig.names[0]} looks straight along what should be up: name two joints")
    rotation = frame.rotation.T
    turned = points[solved] @ rotation.T
    origin = np.append(np.median(turned[:, :2], axis=0), np.quantile(turned[:, 2], _LOWEST))
    return turned_world(rig, np.concatenate([rotation, -origin[:, None]], axis=1))


def _left_out(
    observations: Observations, rig: Rig, *, focal: bool
) -> tuple[Float[Array, "view 2"], Float[Array, " view"]]:
    """Return how uncertain poses and focal lengths are: a jackknife over joints (Efron & Stein 1981).

    Noise alone would be averaged over thousands of detections; what a detector always gets wrong at a joint
    is not, and shows where that joint is left out. Sizes are not compared: the known length tells them.
    """
    joints = observations.detected.shape[-1]
    parts = min(_PARTS, joints)
    changes = []
    for part in range(parts):
        kept = np.arange(joints) % parts != part
        fewer = replace(
            observations,
            confidence=observations.confidence * kept,
            detected=np.asarray(observations.detected) & kept,
        )
        moved, _ = placed_by_joints(fewer, rig, focal=focal)
        apart = compose(moved.camera_from_world, invert(rig.camera_from_world))
        place = camera_centres(moved.camera_from_world) - camera_centres(rig.camera_from_world)
        longer = np.log(moved.camera.focal_px / rig.camera.focal_px).mean(axis=-1, keepdims=True)
        changes.append(np.concatenate([vector_from_rotation(apart[..., :3]), place, longer], axis=-1))
    variance = (parts - 1) * np.var(np.stack(changes), axis=0)
    pose = np.stack([variance[:, :3].mean(axis=-1), variance[:, 3:6].mean(axis=-1)], axis=-1)
    return np.sqrt(pose), np.sqrt(variance[:, 6])


def _focal_doubt(observations: Observations, rig: Rig, *, known: bool) -> Float[Array, " view"]:
    """Return by how much focal lengths that are taken as known would change, less three deviations."""
    if not known:
        return np.zeros(len(rig.names))
    freed, _ = placed_by_joints(observations, rig, focal=True)
    change = np.log(freed.camera.focal_px / rig.camera.focal_px).mean(axis=-1)
    if np.abs(change).max() < _LEAST_DOUBT:
        return np.zeros(len(rig.names))
    _, sigma = _left_out(observations, freed, focal=True)
    return np.sign(change) * np.maximum(np.abs(change) - 3.0 * sigma, 0.0)


def _told(
    rig: Rig, observations: Observations, lenses: Rig, skeleton: Skeleton, refined: Refined
) -> JointCalibration:
    robust = triangulated_joints(observations, rig)
    detected, agreeing = np.asarray(observations.detected), np.asarray(robust.agreeing)
    solved = agreeing >= 2
    inlier = np.asarray(robust.inlier) & solved[:, None]
    counted = detected & solved[:, None]
    residual = np.asarray(robust.residual_px)
    firm = agreeing >= min(3, len(rig.names))
    breathing = bone_breathing(np.asarray(robust.points_world), firm, skeleton)
    return JointCalibration(
        rig=rig,
        refined=refined,
        points_world=np.asarray(robust.points_world)[solved],
        solved=float(solved.sum() / max((detected.sum(axis=1) >= 2).sum(), 1)),
        agreeing=inlier.sum(axis=(0, 2)) / np.maximum(counted.sum(axis=(0, 2)), 1),
        residual_px=np.array([_median(residual[:, view][inlier[:, view]]) for view in range(len(rig.names))]),
        breathing=_median(breathing[breathing > 0.0]),
        focal_factor=np.mean(rig.camera.focal_px / lenses.camera.focal_px, axis=-1),
        focal_sigma=np.zeros(len(rig.names)),
        focal_doubt=np.zeros(len(rig.names)),
        offsets=joint_offsets(observations, rig),
    )


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else 0.0
