"""Lenses of single cameras, each alone: the start of the joint adjustment."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, Int

from mvmono3d.calibration.bundle_schur import solve_with_schur
from mvmono3d.calibration.bundle_system import Problem
from mvmono3d.calibration.camera_model import LensModel, lens_model, pack_lens
from mvmono3d.calibration.planar_pose import planar_poses, spread_out
from mvmono3d.calibration.reprojection import Corners, Estimate, residuals
from mvmono3d.core.array import Array
from mvmono3d.errors import InvalidRecordError

LEAST_POSES = 3
MOST_POSES = 24
"""Poses that the lens of one camera is first estimated from: more change little and cost much."""
_OUTLIER = 5.0
"""Corners further off than this many median residuals are left out."""
_ENOUGH = 0.99
"""Share of the corners that fit: what the rest does to a lens is put right by the joint adjustment."""
_ROUNDS = 4
_FLAGS = {
    "pinhole1": cv2.CALIB_FIX_K2 | cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST,
    "pinhole2": cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST,
    "pinhole3": cv2.CALIB_ZERO_TANGENT_DIST,
    "pinhole5": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OneCamera:
    """What one camera saw: corners of the poses that fix a lens."""

    name: str
    size_px: tuple[int, int]
    corners: Corners
    """Of this camera alone: `view` is 0 everywhere."""


def one_camera(corners: Corners, view: int, *, name: str, size_px: Int[Array, "2"]) -> OneCamera:
    """Take out one camera's corners, of poses whose corners fix a pose.

    Raises `InvalidRecordError` for a camera with fewer than three of them.
    """
    mine = corners.map(lambda array: array[corners.view == view])
    good = [pose for pose in np.unique(mine.pose) if spread_out(mine.point_board[mine.pose == pose])]
    if len(good) < LEAST_POSES:
        raise InvalidRecordError(
            f"camera {name!r} sees the board well in {len(good)} poses, expected at least {LEAST_POSES}: "
            "record more of the board before this camera, tilted to different sides"
        )
    kept = np.isin(mine.pose, good)
    mine = mine.map(lambda array: array[kept])
    width, height = (int(side) for side in size_px)
    return OneCamera(name=name, size_px=(width, height), corners=replace(mine, view=np.zeros_like(mine.view)))


def fit_lens(camera: OneCamera, *, model: LensModel, poses: Int[Array, " chosen"]) -> Float[Array, "10"]:
    """Estimate the lens of one camera from some poses: OpenCV's for pinholes, ours for fisheye.

    Zhang, A flexible new technique for camera calibration (2000).
    """
    if model.fisheye:
        return _fit_fisheye(camera, model, poses)
    points, pixels = [], []
    for pose in poses:
        mine = camera.corners.pose == pose
        points.append(np.ascontiguousarray(camera.corners.point_board[mine], dtype=np.float32))
        pixels.append(np.ascontiguousarray(camera.corners.pixels[mine], dtype=np.float32))
    guess = _first_matrix(points, pixels, camera.size_px)
    flags = _FLAGS[model.name] | cv2.CALIB_USE_INTRINSIC_GUESS
    found = cv2.calibrateCameraExtended(points, pixels, camera.size_px, guess, np.zeros(5), flags=flags)
    return pack_lens(np.asarray(found[1]), np.asarray(found[2]).ravel(), model=model)


def without_outliers(camera: OneCamera) -> tuple[OneCamera, Float[Array, "10"], float]:
    """Leave out corners that a lens with two coefficients can't explain, again until few are left.

    Returns what is left, that lens, and the RMS length of its residuals (px).
    """
    narrow = lens_model("pinhole2")
    for _ in range(_ROUNDS):
        lens = fit_lens(camera, model=narrow, poses=spread_poses(camera))
        errors = _errors(camera, lens)
        near = errors <= _OUTLIER * float(np.median(errors))
        fewer = camera.corners.map(lambda array, near=near: array[near])
        good = [p for p in np.unique(fewer.pose) if spread_out(fewer.point_board[fewer.pose == p])]
        if near.mean() >= _ENOUGH or len(good) < LEAST_POSES:
            return camera, lens, float(np.sqrt(np.mean(errors**2)))
        kept = np.isin(fewer.pose, good)
        camera = replace(camera, corners=fewer.map(lambda array, kept=kept: array[kept]))
    lens = fit_lens(camera, model=narrow, poses=spread_poses(camera))
    return camera, lens, float(np.sqrt(np.mean(_errors(camera, lens) ** 2)))


def spread_poses(camera: OneCamera, *, most: int = MOST_POSES) -> Int[Array, " chosen"]:
    """Choose poses that lie far from each other in place, size and tilt of the board in the image."""
    poses = np.unique(camera.corners.pose)
    features = np.stack([_shape_in_image(camera.corners, int(pose)) for pose in poses])
    features = features / np.maximum(features.std(axis=0), 1e-9)
    chosen = [int(np.argmax([np.sum(camera.corners.pose == pose) for pose in poses]))]
    distance = np.full(len(poses), np.inf)
    while len(chosen) < min(most, len(poses)):
        distance = np.minimum(distance, np.linalg.norm(features - features[chosen[-1]], axis=-1))
        chosen.append(int(np.argmax(distance)))
    return poses[np.sort(chosen)]


def poses_under(camera: OneCamera, lens: Float[Array, "10"], poses: Int[Array, " chosen"]) -> Estimate:
    """Return an estimate of this camera alone, with the better planar pose of each board."""
    found = []
    for pose in poses:
        mine = camera.corners.pose == pose
        both = planar_poses(camera.corners.point_board[mine], camera.corners.pixels[mine], lens)
        found.append(both.camera_from_board[0])
    return Estimate(lens=lens[None], camera_from_world=np.eye(3, 4)[None], world_from_board=np.stack(found))


def numbered(corners: Corners, poses: Int[Array, " chosen"]) -> Corners:
    """Keep the corners of some poses, which get the numbers 0, 1, ... in their order."""
    kept = np.isin(corners.pose, poses)
    corners = corners.map(lambda array: array[kept])
    return replace(corners, pose=np.searchsorted(poses, corners.pose))


def _fit_fisheye(camera: OneCamera, model: LensModel, poses: Array) -> Array:
    pinhole = fit_lens(camera, model=lens_model("pinhole1"), poses=poses)
    # tan θ = θ + θ³ / 3: what a pinhole calls k1 is a third less than what a fisheye does.
    start = np.concatenate([pinhole[:4], [pinhole[4] + 1.0 / 3.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    start = poses_under(camera, start, poses)
    corners = numbered(camera.corners, poses)
    problem = Problem(corners=corners, models=(model,), sigma_px=np.array([0.5]), huber=3.0, fixed_camera=0)
    return solve_with_schur(start, problem, tolerance=1e-6).lens[0]


def _errors(camera: OneCamera, lens: Array) -> Float[Array, " seen"]:
    poses = np.unique(camera.corners.pose)
    estimate = poses_under(camera, lens, poses)
    return np.linalg.norm(residuals(estimate, numbered(camera.corners, poses)), axis=-1)


def _first_matrix(points: list[Array], pixels: list[Array], size_px: tuple[int, int]) -> Array:
    """Return OpenCV's start, unless it is absurd: then a lens of 60 degrees."""
    matrix = np.asarray(cv2.initCameraMatrix2D(points, pixels, size_px))
    width = max(size_px)
    if not 0.2 * width < matrix[0, 0] < 20.0 * width or not 0.2 * width < matrix[1, 1] < 20.0 * width:
        matrix = np.diag([0.87 * width, 0.87 * width, 1.0])
        matrix[:2, 2] = (size_px[0] - 1) / 2.0, (size_px[1] - 1) / 2.0
    return matrix


def _shape_in_image(corners: Corners, pose: int) -> Array:
    """Return place, size and the four numbers of the affine map from the board to the image."""
    mine = corners.pose == pose
    pixels, points = corners.pixels[mine], corners.point_board[mine][:, :2]
    design = np.concatenate([points - points.mean(axis=0), np.ones((len(points), 1))], axis=1)
    affine = np.linalg.lstsq(design, pixels, rcond=None)[0][:2].ravel()
    return np.concatenate([pixels.mean(axis=0) / 100.0, affine / max(np.linalg.norm(affine), 1e-9) * 5.0])
