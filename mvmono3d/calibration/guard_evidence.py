"""What joints say about the poses of a rig: their residuals, linear in small motions of the cameras.

A joint's position is unknown, so only what is left after the best position counts. With r the residuals of
all views (px, undistorted), J the derivative by a turn and shift of each camera, b one offset per joint and
view (the detector's bias, which no motion of a camera can be told from in one joint) and B the derivative by
the point, r = J m + b + B p + noise. Eliminating p leaves normal equations in (m, b), which add up over time.
Triggs et al., Bundle adjustment: a modern synthesis (2000), section 6.1.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.record import Record
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.lens import area_scale, undistort
from mvmono3d.geometry.projection import NEAR_M
from mvmono3d.geometry.rigid import transform_points
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings, RobustTriangulated

POSE = 6
"""Numbers of a camera's motion: a turn (rad) and a shift (m) behind its pose, x -> exp(turn) x + shift."""
COLUMNS = 8
"""Of each view: its motion, then the bias (px) of the joint."""
_RIDGE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Record):
    """Sums over frames; evidence of several spans adds up. Noise is taken to be 1 px per axis."""

    normal: Float[Array, "joint column column"]
    """Columns: `COLUMNS` of each view in turn."""
    right: Float[Array, "joint column"]
    squared: Float[Array, " joint"]
    """Sum of squared residuals after the best points, px²."""
    rows: Float[Array, " joint"]
    """How many numbers those are, less three for each point."""
    image: Float[Array, "view 6 6"]
    """What a motion m of one camera alone does to the residuals, m^T G m, px²."""
    image_pull: Float[Array, "view 6"]
    """The residuals' side of it: g^T G^-1 g is how much moving one camera takes off the squared residuals."""
    used: Int[Array, " view"]
    """Detections behind that."""
    asked: Int[Array, " view"]
    """Detections of joints that two other views agree on."""
    agreed: Int[Array, " view"]
    """How many of those agree with them."""
    joints: Int[Array, "2"]
    """Joints that enough views detect, and how many of those are solved."""

    def __add__(self, other: "Evidence") -> "Evidence":
        """Return the evidence of both spans."""
        return Evidence(
            normal=self.normal + other.normal,
            right=self.right + other.right,
            squared=self.squared + other.squared,
            rows=self.rows + other.rows,
            image=self.image + other.image,
            image_pull=self.image_pull + other.image_pull,
            used=self.used + other.used,
            asked=self.asked + other.asked,
            agreed=self.agreed + other.agreed,
            joints=self.joints + other.joints,
        )

    def __sub__(self, other: "Evidence") -> "Evidence":
        """Return the evidence of a span without a part of it."""
        return self + other.map(lambda array: -array)

    @property
    def views(self) -> int:
        """Number of cameras."""
        return len(self.asked)


class _Linear(NamedTuple):
    """Residuals and derivatives of every detection, px; weight 0 where it takes no part."""

    residual: Array
    """(time view joint 2)"""
    weight: Array
    """(time view joint)"""
    by_view: Array
    """(time view joint 2 COLUMNS)"""
    by_point: Array
    """(time view joint 2 3)"""


class _Support(NamedTuple):
    """As in `Evidence`."""

    asked: Array
    agreed: Array
    joints: Array


def gather_evidence(observations: Observations, rig: Rig, *, sigma_px: float) -> Evidence:
    """Return what a span of detections says about the rig.

    Joints count where three views agree (two on a rig of two cameras); views that don't agree are left out.

    Args:
        observations: time x view x joint, views as in the rig.
        rig: The calibration under test.
        sigma_px: The detections' noise per axis, which the gates scale with.
    """
    robust = _agreeing(observations, rig, sigma_px)
    return _reduced(_linearised(observations, rig, robust), _support(observations, robust))


def _agreeing(observations: Observations, rig: Rig, sigma_px: float) -> RobustTriangulated:
    return triangulate_robust_bulk(
        np.asarray(observations.pixels, dtype=np.float64),
        np.asarray(observations.confidence, dtype=np.float64),
        np.asarray(observations.detected),
        lens=_lens(rig),
        camera_from_world=_poses(rig),
        settings=RobustSettings(sigma_px=sigma_px),
    )


def _support(observations: Observations, robust: RobustTriangulated) -> _Support:
    inlier, agreeing = np.asarray(robust.inlier), np.asarray(robust.agreeing)
    detected = np.asarray(observations.detected) & (np.asarray(observations.confidence) > 0.0)
    asked = (agreeing[:, None] - inlier >= 2) & detected
    least = min(3, detected.shape[1])
    seen = detected.sum(axis=1) >= least
    return _Support(
        asked=asked.sum(axis=(0, 2)),
        agreed=(asked & inlier).sum(axis=(0, 2)),
        joints=np.array([seen.sum(), (seen & (agreeing >= least)).sum()]),
    )


def _linearised(observations: Observations, rig: Rig, robust: RobustTriangulated) -> _Linear:
    lens, poses = _lens(rig), _poses(rig)
    least = min(3, len(rig.names))
    used = np.asarray(robust.inlier) & (np.asarray(robust.agreeing) >= least)[:, None]
    points = transform_points(poses, np.asarray(robust.points_world)[:, None])
    used &= points[..., 2] > NEAR_M
    depth = np.where(used, points[..., 2], 1.0)
    seen = undistort(np.asarray(observations.pixels, dtype=np.float64), lens)
    expected = np.where(used[..., None], points[..., :2] / depth[..., None], 0.0)
    focal = lens[:, None, :2]
    by_camera_point = np.zeros((*used.shape, 2, 3))
    by_camera_point[..., 0, 0], by_camera_point[..., 1, 1] = 1.0, 1.0
    by_camera_point[..., 2] = -expected
    by_camera_point *= (focal / depth[..., None])[..., None]
    by_view = np.zeros((*used.shape, 2, COLUMNS))
    x, y, z = np.moveaxis(np.where(used[..., None], points, 0.0), -1, 0)
    # -J [X]x: the derivative by a turn.
    first, second, third = np.moveaxis(by_camera_point, -1, 0)
    by_view[..., 0] = y[..., None] * third - z[..., None] * second
    by_view[..., 1] = z[..., None] * first - x[..., None] * third
    by_view[..., 2] = x[..., None] * second - y[..., None] * first
    by_view[..., 3:POSE] = by_camera_point
    by_view[..., 0, POSE], by_view[..., 1, POSE + 1] = 1.0, 1.0
    return _Linear(
        residual=np.where(used[..., None], (seen - expected) * focal, 0.0),
        weight=used * area_scale(expected, lens),
        by_view=by_view,
        by_point=by_camera_point @ poses[:, None, :, :3],
    )


def _reduced(linear: _Linear, support: _Support) -> Evidence:
    weight, by_point = linear.weight, linear.by_point
    times, views, joints = weight.shape
    weighted = weight[..., None, None] * by_point
    normal_of_point = np.einsum("tvkai,tvkaj->tkij", weighted, by_point)
    present = weight.sum(axis=1) > 0.0
    scale = np.trace(normal_of_point, axis1=-2, axis2=-1)[..., None, None]
    safe = np.where(present[..., None, None], normal_of_point + _RIDGE * scale * np.eye(3), np.eye(3))
    # The robust point need not be the exact minimum of these weights: step there.
    pull = np.einsum("tvkai,tvka->tki", weighted, linear.residual)
    shift = np.linalg.solve(safe, pull[..., None])[..., 0]
    residual = linear.residual - np.einsum("tvkai,tki->tvka", by_point, shift)
    columns = np.einsum("tvkac,tvkai->ktvci", linear.by_view, weighted)
    factor = np.linalg.inv(np.linalg.cholesky(safe)).transpose(1, 0, 3, 2)
    eliminated = (columns.reshape(joints, times, views * COLUMNS, 3) @ factor).transpose(0, 2, 1, 3)
    eliminated = eliminated.reshape(joints, views * COLUMNS, times * 3)
    normal = -(eliminated @ eliminated.transpose(0, 2, 1))
    rows = (linear.by_view * np.sqrt(weight)[..., None, None]).transpose(1, 2, 0, 3, 4)
    rows = rows.reshape(views, joints, times * 2, COLUMNS)
    own = rows.transpose(0, 1, 3, 2) @ rows
    for view in range(views):
        block = slice(view * COLUMNS, (view + 1) * COLUMNS)
        normal[:, block, block] += own[view]
    right = np.einsum("tvkac,tvka,tvk->kvc", linear.by_view, residual, weight, optimize=True)
    return Evidence(
        normal=normal,
        right=right.reshape(joints, -1),
        squared=np.einsum("tvka,tvk->k", residual**2, weight),
        rows=np.maximum(2.0 * (weight > 0.0).sum(axis=(0, 1)) - 3.0 * present.sum(axis=0), 0.0),
        image=_of_each_view(normal, views),
        image_pull=right[..., :POSE].sum(axis=0),
        used=(weight > 0.0).sum(axis=(0, 2)),
        asked=support.asked,
        agreed=support.agreed,
        joints=support.joints,
    )


def _of_each_view(normal: Array, views: int) -> Array:
    starts = [view * COLUMNS for view in range(views)]
    return np.stack([normal[:, at : at + POSE, at : at + POSE].sum(axis=0) for at in starts])


def _lens(rig: Rig) -> Array:
    return np.asarray(rig.camera.lens, dtype=np.float64)


def _poses(rig: Rig) -> Array:
    return np.asarray(rig.camera_from_world, dtype=np.float64)
