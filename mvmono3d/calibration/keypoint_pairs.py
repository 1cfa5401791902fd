"""How two cameras stand to each other, from nothing but the joints that both saw: up to scale."""

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import least_squares

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.geometry.epipolar import ray_angle, sampson_distance_px
from mvmono3d.geometry.rigid import rotation_from_vector, transform_from

FEWEST_JOINTS = 60
"""Joints that both cameras saw, over all frames, below which a pair isn't tried."""
_MOST_JOINTS = 1500
_CONFIDENCE = 0.9999
_GATE = 3.0
"""Sigmas within which a joint agrees with a pair."""
_MEDIAN = 0.6745
"""Median of a Gaussian's absolute value, in sigmas."""
_STRAIGHT = np.array([1.0, 1.0] + [0.0] * 8)
"""The lens whose pixels are normalised coordinates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPose(Record):
    """Two cameras, placed by joints alone."""

    first: int
    second: int
    second_from_first: Float[Array, "3 4"]
    """The shift has length 1: nothing tells how far apart they are."""
    agreeing: int
    """Joints, of those tried, that lie on each other's epipolar lines and before both cameras."""
    share: float
    """Of the joints tried that agree."""
    noise: float
    """Standard deviation across epipolar lines, in normalised coordinates."""
    angle_rad: float
    """Median angle between the two lines of sight to a joint: small ones tell little of depth."""

    @property
    def merit(self) -> float:
        """How good a place to begin: many joints that agree, seen from well apart."""
        return self.agreeing * self.share * float(np.sin(min(self.angle_rad, np.pi / 2.0)))


def pair_poses(
    normalised: Float[Array, "time view joint 2"], detected: Bool[Array, "time view joint"]
) -> tuple[PairPose, ...]:
    """Place every pair of cameras that share enough joints; the best places to begin come first."""
    found = []
    for first, second in combinations(range(detected.shape[1]), 2):
        both = detected[:, first] & detected[:, second]
        if both.sum() < FEWEST_JOINTS:
            continue
        pose = pair_pose(normalised[:, first][both], normalised[:, second][both], views=(first, second))
        if pose is not None:
            found.append(pose)
    return tuple(sorted(found, key=lambda pose: -pose.merit))


def pair_pose(
    first: Float[Array, "point 2"], second: Float[Array, "point 2"], *, views: tuple[int, int] = (0, 1)
) -> PairPose | None:
    """Place the second camera before the first by points in normalised coordinates; none if none fits.

    The essential matrix of least median error (five points; Nister 2004), then the robust minimum of the
    Sampson distance over turn and direction.
    """
    kept = np.unique(np.linspace(0, len(first) - 1, min(len(first), _MOST_JOINTS)).astype(np.int64))
    first, second = np.ascontiguousarray(first[kept]), np.ascontiguousarray(second[kept])
    essential, _ = cv2.findEssentialMat(first, second, np.eye(3), method=cv2.LMEDS, prob=_CONFIDENCE)
    if essential is None or essential.shape != (3, 3):
        return None
    _, rotation, shift, _ = cv2.recoverPose(essential, first, second, np.eye(3))
    pose, noise = _polished(transform_from(rotation, shift.ravel()), first, second)
    angle, before = _sight(pose, first, second)
    agrees = before & (_missed(pose, first, second) <= _GATE * noise)
    if not agrees.any():
        return None
    return PairPose(
        first=views[0],
        second=views[1],
        second_from_first=pose,
        agreeing=int(agrees.sum()),
        share=float(agrees.mean()),
        noise=noise,
        angle_rad=float(np.median(angle[agrees])),
    )


def _polished(pose: Array, first: Array, second: Array) -> tuple[Array, float]:
    """Return the pose of least robust Sampson distance, and the noise that it leaves."""
    across = np.linalg.svd(pose[:, 3:])[0][:, 1:]

    def moved(step: Array) -> Array:
        shift = pose[:, 3] + across @ step[3:]
        return transform_from(rotation_from_vector(step[:3]) @ pose[:, :3], shift / np.linalg.norm(shift))

    noise = _noise(_missed(pose, first, second))
    found = least_squares(
        lambda step: _missed(moved(step), first, second) / noise, np.zeros(5), loss="cauchy", f_scale=2.0
    )
    better = moved(found.x)
    return better, _noise(_missed(better, first, second))


def _missed(second_from_first: Array, first: Array, second: Array) -> Array:
    return sampson_distance_px(
        second, first, lens_first=_STRAIGHT, lens_second=_STRAIGHT, first_from_second=second_from_first
    )


def _noise(missed: Array) -> float:
    return max(float(np.median(missed)) / _MEDIAN, 1e-6)


def _sight(pose: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """Return the angle between both lines of sight, and whether they meet before both cameras."""
    rays = [np.concatenate([points, np.ones((len(points), 1))], axis=-1) for points in (first, second)]
    one, other = rays[0] @ pose[:, :3].T, rays[1]
    shift = np.broadcast_to(pose[:, 3], one.shape)
    # depth_1 R x_1 + t = depth_2 x_2, least squares in both depths.
    columns = np.stack([one, -other], axis=-1)
    normal = np.swapaxes(columns, 1, 2) @ columns + 1e-12 * np.eye(2)
    depths = np.linalg.solve(normal, -(np.swapaxes(columns, 1, 2) @ shift[..., None]))[..., 0]
    both = np.stack([each / np.linalg.norm(each, axis=-1, keepdims=True) for each in (one, other)])
    return ray_angle(both)[0, 1], (depths > 0.0).all(axis=-1)
