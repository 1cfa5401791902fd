"""What the uncertainty of a whole camera, lens and pose together, does to the pixels at the boards."""

import numpy as np
from jaxtyping import Float
from scipy.optimize import nnls

from mvmono3d.calibration.bundle_system import CAMERA_COLUMNS, Problem
from mvmono3d.calibration.parameter_covariance import ParameterCovariance
from mvmono3d.calibration.reprojection import NEAREST_M, Estimate, derivatives
from mvmono3d.core.array import Array
from mvmono3d.geometry.rigid import transform_points


def pixel_variance(
    estimate: Estimate, problem: Problem, covariance: ParameterCovariance
) -> Float[Array, " seen"]:
    """Return the variance (px², per axis) of where each camera expects each corner's place in the world."""
    corners = problem.corners
    found = derivatives(estimate, corners)
    by_camera = np.concatenate([found.lens, found.camera], axis=-1)
    views = len(estimate.lens)
    shaped = covariance.cameras.reshape(views, CAMERA_COLUMNS, views, CAMERA_COLUMNS)
    own = shaped[np.arange(views), :, np.arange(views)][corners.view]
    return np.sum((by_camera @ own) * by_camera, axis=(-2, -1)) / 2.0


def effective_pose_sigma(
    estimate: Estimate, problem: Problem, covariance: ParameterCovariance
) -> Float[Array, "view 2"]:
    """Return the independent turn (rad) and shift (m) that cause this variance where the boards were.

    A camera's turn, its shift and the centre of its lens are uncertain far more each than together: one
    undoes the other. `geometry.uncertainty.pose_variance_px2` takes turn and shift as independent,
    f² (turn² + shift² / depth²); these are the two, not negative, that fit its result to
    `pixel_variance` best. The plain standard deviations are in `ParameterCovariance`.
    """
    corners = problem.corners
    variance = pixel_variance(estimate, problem, covariance)
    points = transform_points(estimate.world_from_board[corners.pose], corners.point_board[:, None])
    depth = transform_points(estimate.camera_from_world[corners.view], points)[:, 0, 2]
    depth = np.maximum(depth, NEAREST_M)
    sigma = np.zeros((len(estimate.lens), 2))
    for view in range(len(sigma)):
        mine = corners.view == view
        if not mine.any():
            continue
        squared = float(np.mean(estimate.lens[view, :2] ** 2))
        middle = float(np.median(depth[mine]))
        design = np.stack([np.ones(int(mine.sum())), (middle / depth[mine]) ** 2], axis=-1)
        turn, shift = nnls(design, variance[mine] / squared)[0]
        sigma[view] = np.sqrt(turn), np.sqrt(shift) * middle
    return sigma
