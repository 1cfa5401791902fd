"""A rig from people or hands: the cameras placed by joints alone, when no board is at hand.

Joints don't know how large they are: the world's place and scale stay those of the rig given, or a length
that is known sets the scale (`scale.measure_length`).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.calibration.keypoint_bundle import PointBundle, adjust_points
from mvmono3d.calibration.reprojection import Corners, Estimate
from mvmono3d.calibration.scale import Length, measure_length, scaled_rig
from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.noise_scale import recording_sigma_px
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings, RobustTriangulated

MOST_POINTS = 1500
_LEAST_POINTS = 100
_ROUNDS = 2
_LEAST_SHARE = 0.2
"""Of the joints that enough views detect: fewer solved ones mean that the start is too far off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLength:
    """A bone or bar between two joints, by their places on the joint axis."""

    first: int
    second: int
    length_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refined:
    """A rig placed by joints."""

    rig: Rig
    """In the world of the rig given; its `pose_sigma` leaves out the world's place and scale."""
    before_px: float
    """Median residual of frames that took no part, before ..."""
    after_px: float
    """... and after."""
    points: int
    length: Length | None
    """Where a length was known: as measured before the world was scaled to it."""

    @property
    def better(self) -> bool:
        """Whether frames that took no part fit better than before."""
        return self.after_px < self.before_px


def refine_from_keypoints(
    observations: Observations, rig: Rig, *, focal: bool = False, known: KnownLength | None = None
) -> Refined:
    """Place all cameras by the joints that they see together, starting from a rig that is roughly right.

    Every second frame takes part, the others judge. Biases of the detector stay in the result: expect some
    tenths of a pixel with 25 joints and 1 px of bias. Raises `InvalidRecordError` for too few joints, or a
    rig so far off that its cameras don't agree.

    Args:
        observations: time x view x joint, of one actor.
        rig: Where to start: a few degrees off at most.
        focal: Also scale each camera's focal lengths. Needs joints at different distances.
        known: Sets the scale; otherwise it stays that of `rig`.
    """
    odd = np.arange(len(observations.time_ns)) % 2 == 1
    judging, used = observations.map(lambda array: array[odd]), observations.map(lambda array: array[~odd])
    found, points = rig, 0
    for _ in range(_ROUNDS):
        found, points = placed_by_joints(used, found, focal=focal)
    before, after = median_px(judging, rig), median_px(judging, found)
    length = None
    if known is not None:
        length = known_length(observations, found, known)
        found = scaled_rig(found, length.factor)
    said = ("refined", f"by {points} joints, {before:.2f} to {after:.2f} px at frames not used")
    kept = tuple(item for item in found.metadata if item[0] != "refined")
    return Refined(
        rig=replace(found, metadata=(*kept, said)),
        before_px=before,
        after_px=after,
        points=points,
        length=length,
    )


def placed_by_joints(observations: Observations, rig: Rig, *, focal: bool = False) -> tuple[Rig, int]:
    """Return the rig after one adjustment by all joints that its cameras agree on, and how many those are.

    The world's place and scale stay; raises as `refine_from_keypoints`.
    """
    start, corners = _bundle_of(observations, rig, triangulated_joints(observations, rig))
    bundle = adjust_points(start, corners, focal=focal)
    return _back_in_world(bundle, rig, start), len(start.world_from_board)


def triangulated_joints(observations: Observations, rig: Rig) -> RobustTriangulated:
    """Triangulate all joints, with gates as wide as this recording and rig need."""
    sigma_px = recording_sigma_px(observations, rig)
    return triangulate_robust_bulk(
        np.asarray(observations.pixels, dtype=np.float64),
        np.asarray(observations.confidence, dtype=np.float64),
        np.asarray(observations.detected),
        lens=np.asarray(rig.camera.lens, dtype=np.float64),
        camera_from_world=np.asarray(rig.camera_from_world, dtype=np.float64),
        settings=RobustSettings(sigma_px=sigma_px),
    )


def _bundle_of(observations: Observations, rig: Rig, robust: RobustTriangulated) -> tuple[Estimate, Corners]:
    """Return points spread evenly over the recording, and every detection of them that might be good."""
    agreeing, detected = np.asarray(robust.agreeing), np.asarray(observations.detected)
    least = min(3, len(rig.names))
    time, joint = np.nonzero(agreeing >= least)
    seen = int((detected.sum(axis=1) >= least).sum())
    if len(time) < max(_LEAST_POINTS, _LEAST_SHARE * seen):
        raise InvalidRecordError(
            f"{len(time)} of {seen} joints have an answer that the cameras agree on: too few to place "
            "cameras by; record more motion, or start from a rig that is nearer to the truth"
        )
    kept = np.unique(np.linspace(0, len(time) - 1, min(len(time), MOST_POINTS)).astype(np.int64))
    time, joint = time[kept], joint[kept]
    at = np.asarray(robust.points_world)[time, joint]
    return joints_as_boards(observations, rig, at, detected, time=time, joint=joint)


def joints_as_boards(
    observations: Observations,
    rig: Rig,
    points_world: Float[Array, "point 3"],
    counted: Bool[Array, "time view joint"],
    *,
    time: Int[Array, " point"],
    joint: Int[Array, " point"],
) -> tuple[Estimate, Corners]:
    """Return joints at instants as boards of one corner each, seen where `counted` says so."""
    point, view = np.nonzero(counted[time, :, joint])
    corners = Corners(
        view=view,
        pose=point,
        corner=np.zeros_like(view),
        point_board=np.zeros((len(view), 3)),
        pixels=np.asarray(observations.pixels, dtype=np.float64)[time[point], view, joint[point]],
    )
    boards = np.concatenate([np.tile(np.eye(3), (len(time), 1, 1)), points_world[..., None]], axis=-1)
    estimate = Estimate(
        lens=np.asarray(rig.camera.lens, dtype=np.float64),
        camera_from_world=np.asarray(rig.camera_from_world, dtype=np.float64),
        world_from_board=boards,
    )
    return estimate, corners


def _back_in_world(bundle: PointBundle, rig: Rig, start: Estimate) -> Rig:
    """Return the adjusted rig with its points laid on where they were: place, turn and scale stay."""
    new, old = bundle.estimate.world_from_board[..., 3], start.world_from_board[..., 3]
    rotation, shift, scale = _similarity(new, old)
    pose = bundle.estimate.camera_from_world
    turned = pose[..., :3] @ rotation.T
    # x_old = s R x_new + t, so a camera that sees s x_camera sees the same picture.
    moved = scale * pose[..., 3] - np.einsum("vij,j->vi", turned, shift)
    sigma = np.stack(
        [np.sqrt(np.mean(bundle.camera_sigma[:, part] ** 2, axis=1)) for part in (slice(3), slice(3, 6))],
        axis=-1,
    )
    return replace(
        rig,
        camera=replace(rig.camera, focal_px=bundle.estimate.lens[:, :2]),
        camera_from_world=np.concatenate([turned, moved[..., None]], axis=-1),
        pose_sigma=sigma * np.array([1.0, scale]),
    )


def _similarity(new: Array, old: Array) -> tuple[Array, Array, float]:
    """Return R, t, s with old = s R new + t by least squares (Umeyama 1991), without points far off."""
    used = np.ones(len(new), dtype=bool)
    rotation, shift, scale = np.eye(3), np.zeros(3), 1.0
    for _ in range(3):
        a, b = new[used] - new[used].mean(axis=0), old[used] - old[used].mean(axis=0)
        left, values, right = np.linalg.svd(b.T @ a)
        sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
        rotation = left @ np.diag(sign) @ right
        scale = float(np.sum(values * sign) / np.sum(a * a))
        shift = old[used].mean(axis=0) - scale * rotation @ new[used].mean(axis=0)
        off = np.linalg.norm(scale * new @ rotation.T + shift - old, axis=-1)
        used = off <= 3.0 * np.median(off) + 1e-9
    return rotation, shift, scale


def median_px(observations: Observations, rig: Rig) -> float:
    """Return the median residual of joints that three views (of two cameras both) agree on; inf for none."""
    robust = triangulated_joints(observations, rig)
    solved = (np.asarray(robust.agreeing) >= min(3, len(rig.names)))[:, None]
    used: Bool[Array, "time view joint"] = solved & np.asarray(observations.detected)
    found: Float[Array, " seen"] = np.asarray(robust.residual_px)[used]
    return float(np.median(found)) if len(found) else float("inf")


def known_length(observations: Observations, rig: Rig, known: KnownLength) -> Length:
    """Compare a known length with what the rig makes of it; raises as `measure_length`."""
    robust = triangulated_joints(observations, rig)
    ends = [known.first, known.second]
    present = (np.asarray(robust.agreeing)[:, ends] >= min(3, len(rig.names))).all(axis=1)
    points = np.asarray(robust.points_world)
    return measure_length(points[:, known.first], points[:, known.second], present, length_m=known.length_m)
