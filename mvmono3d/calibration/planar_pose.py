"""The pose of a flat board before one camera: two solutions may explain its corners about equally well."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array
from mvmono3d.geometry.lens import distort, undistort
from mvmono3d.geometry.rigid import transform_points

LEAST_CORNERS = 6
_TRIMMED = 4.0
"""Corners further off than this many median residuals are left out of the next fit."""
_LEAST_TRIM_PX = 1.0
_ROUNDS = 2
_DETERMINED = 1e-3
"""Eighth singular value of the homography's equations over the first: below it a homography is open."""


class PlanarPoses(NamedTuple):
    """Poses of one board before one camera, the better one first."""

    camera_from_board: Float[Array, "solution 3 4"]
    rms_px: Float[Array, " solution"]


def spread_out(points_board: Float[Array, "corner 3"]) -> bool:
    """Say whether corners fix the pose of the board: enough, and four of them with no three on one line.

    All corners but one on a line leave a homography open: its linear equations (Hartley & Zisserman 2004,
    section 4.1) of the corners onto themselves then have rank 7.
    """
    if len(points_board) < LEAST_CORNERS:
        return False
    flat = points_board[:, :2] - points_board[:, :2].mean(axis=0)
    flat = flat / max(float(np.abs(flat).max()), np.finfo(np.float64).tiny)
    one, none = np.ones((len(flat), 1)), np.zeros((len(flat), 3))
    places = np.concatenate([flat, one], axis=1)
    rows = [
        np.concatenate([places, none, -flat[:, :1] * places], axis=1),
        np.concatenate([none, places, -flat[:, 1:] * places], axis=1),
    ]
    values = np.linalg.svd(np.concatenate(rows), compute_uv=False)
    return bool(values[7] > _DETERMINED * values[0])


def planar_poses(
    points_board: Float[Array, "corner 3"], pixels: Float[Array, "corner 2"], lens: Float[Array, "10"]
) -> PlanarPoses:
    """Return both solutions of the planar pose problem, each refined; corners far off take no part.

    Collins & Bartoli, Infinitesimal plane-based pose estimation (2014).
    """
    normalised = undistort(pixels[None], lens[None])[0]
    used = np.ones(len(pixels), dtype=bool)
    found, errors = _fitted(points_board, normalised, pixels, lens, used)
    for _ in range(_ROUNDS):
        near = _near(errors[np.argmin(np.median(errors, axis=-1))])
        if np.array_equal(near, used) or not spread_out(points_board[near]):
            break
        used = near
        found, errors = _fitted(points_board, normalised, pixels, lens, used)
    rms = np.sqrt(np.mean(errors[:, used] ** 2, axis=-1))
    order = np.argsort(rms)
    return PlanarPoses(found[order], rms[order])


def pose_errors(
    points_board: Float[Array, "corner 3"],
    pixels: Float[Array, "corner 2"],
    lens: Float[Array, "10"],
    camera_from_board: Float[Array, "*batch 3 4"],
) -> Float[Array, "*batch corner"]:
    """Return how far from the pixels (px) poses place the corners."""
    points = transform_points(camera_from_board, points_board)
    normalised = points[..., :2] / np.maximum(points[..., 2:], 1e-3)
    flat = normalised.reshape(1, -1, 2)
    at = distort(flat, lens[None]).reshape(normalised.shape)
    return np.linalg.norm(at - pixels, axis=-1)


def _fitted(
    points_board: Array, normalised: Array, pixels: Array, lens: Array, used: Array
) -> tuple[Array, Array]:
    """Return both poses by the used corners, and the errors of all corners under each."""
    found = _both(points_board[used], normalised[used])
    return found, pose_errors(points_board, pixels, lens, found)


def _near(errors: Array) -> Bool[Array, " corner"]:
    return errors <= max(_TRIMMED * float(np.median(errors)), _LEAST_TRIM_PX)


def _both(points_board: Array, normalised: Array) -> Array:
    points = np.ascontiguousarray(points_board)
    at = np.ascontiguousarray(normalised)
    camera, straight = np.eye(3), np.zeros(5)
    _, turns, shifts, _ = cv2.solvePnPGeneric(points, at, camera, straight, flags=cv2.SOLVEPNP_IPPE)
    poses = []
    for turn, shift in zip(turns, shifts, strict=True):
        turn, shift = cv2.solvePnPRefineLM(points, at, camera, straight, turn.copy(), shift.copy())
        poses.append(np.concatenate([cv2.Rodrigues(turn)[0], shift.reshape(3, 1)], axis=1))
    return np.stack(poses)
