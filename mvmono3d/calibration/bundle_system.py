"""A bundle adjustment as one least-squares problem: its columns, its robust rows, its sparse Jacobian."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse

from mvmono3d.calibration.camera_model import LensModel
from mvmono3d.calibration.reprojection import (
    Corners,
    Estimate,
    Step,
    derivatives,
    linearised,
    residuals,
)
from mvmono3d.core.array import Array

LENS_COLUMNS = 9
CAMERA_COLUMNS = 15
"""Of each camera: nine of its lens, six of its pose. Behind all cameras come six of each board pose."""
BOARD_COLUMNS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Which corners count how much, and which numbers are free."""

    corners: Corners
    models: tuple[LensModel, ...]
    sigma_px: Float[Array, " view"]
    """Noise of each camera's corners, per axis."""
    huber: float
    """Residuals longer than this many sigmas count linearly."""
    fixed_camera: int
    """Its pose is held: a world can be put anywhere."""
    shape_sigma_m: float | None = None
    """How far corners of the board may lie from where they are drawn; None holds an estimate's shape."""

    def free(self, poses: int) -> Bool[Array, " column"]:
        """Say which columns are estimated."""
        cameras = np.ones((len(self.models), CAMERA_COLUMNS), dtype=bool)
        cameras[:, :LENS_COLUMNS] = np.stack([model.free for model in self.models])
        cameras[self.fixed_camera, LENS_COLUMNS:] = False
        return np.concatenate([cameras.ravel(), np.ones(poses * BOARD_COLUMNS, dtype=bool)])


def step_from(columns: Float[Array, " column"], *, views: int) -> Step:
    """Unpack a step from its column of numbers."""
    cameras = columns[: views * CAMERA_COLUMNS].reshape(views, CAMERA_COLUMNS)
    board = columns[views * CAMERA_COLUMNS :].reshape(-1, BOARD_COLUMNS)
    return Step(lens=cameras[:, :LENS_COLUMNS], camera=cameras[:, LENS_COLUMNS:], board=board)


def robust_rows(estimate: Estimate, problem: Problem) -> Float[Array, " row"]:
    """Return rows whose squares sum to the robust cost: Huber's of each corner's residual in sigmas."""
    scaled = _in_sigmas(estimate, problem)
    return (scaled * _factor(scaled, problem.huber)[0][:, None]).ravel()


def robust_jacobian(estimate: Estimate, problem: Problem, *, step: Step | None = None) -> sparse.csr_array:
    """Return the exact Jacobian of `robust_rows` by the step, over all columns."""
    return _scaled_rows(robust_blocks(estimate, problem, step=step)[..., :-1], estimate, problem)


def robust_blocks(
    estimate: Estimate, problem: Problem, *, step: Step | None = None
) -> Float[Array, "seen 2 22"]:
    """Return each corner's rows of `robust_jacobian`, by its camera and its board, then its `robust_rows`."""
    rest, found = linearised(estimate, problem.corners, step=step)
    rows = np.concatenate([*found, rest[..., None]], axis=-1)
    rows *= 1.0 / problem.sigma_px[problem.corners.view][:, None, None]
    scaled = rows[..., -1]
    factor, slope = _factor(scaled, problem.huber)
    # d(w r) = (w + 2 w' r r^T) dr, where w is a function of |r|².
    far = slope != 0.0
    mixed = factor[far, None, None] * np.eye(2)
    mixed = mixed + 2.0 * slope[far, None, None] * scaled[far, :, None] * scaled[far, None, :]
    values, shorter = mixed @ rows[far, :, :-1], factor[far, None] * scaled[far]
    rows[far] = np.concatenate([values, shorter[..., None]], axis=-1)
    return rows


def plain_jacobian(estimate: Estimate, problem: Problem) -> sparse.csr_array:
    """Return the Jacobian of the residuals in sigmas, all corners counting fully."""
    sigma = problem.sigma_px[problem.corners.view][:, None, None]
    found = derivatives(estimate, problem.corners)
    return _scaled_rows(np.concatenate(found, axis=-1) / sigma, estimate, problem)


def _in_sigmas(estimate: Estimate, problem: Problem) -> Array:
    return residuals(estimate, problem.corners) / problem.sigma_px[problem.corners.view][:, None]


def _factor(scaled: Array, huber: float) -> tuple[Array, Array]:
    """Return w with w² s = rho(s) for Huber's rho, s = |r|², and its derivative by s."""
    squared = np.sum(scaled * scaled, axis=-1)
    far = squared > huber * huber
    safe = np.where(far, squared, huber * huber)
    length = np.sqrt(safe)
    squared_factor = 2.0 * huber / length - huber * huber / safe
    factor = np.sqrt(squared_factor)
    slope = (-huber / (length * safe) + huber * huber / (safe * safe)) / (2.0 * factor)
    return np.where(far, factor, 1.0), np.where(far, slope, 0.0)


def _scaled_rows(values: Array, estimate: Estimate, problem: Problem) -> sparse.csr_array:
    views, poses = len(estimate.lens), len(estimate.world_from_board)
    return _assembled(values, problem.corners, views=views, poses=poses)


def _assembled(values: Array, corners: Corners, *, views: int, poses: int) -> sparse.csr_array:
    first_camera = corners.view[:, None] * CAMERA_COLUMNS + np.arange(CAMERA_COLUMNS)
    boards = views * CAMERA_COLUMNS
    first_board = boards + corners.pose[:, None] * BOARD_COLUMNS + np.arange(BOARD_COLUMNS)
    columns = np.concatenate([first_camera, first_board], axis=-1)
    columns = np.broadcast_to(columns[:, None], (len(corners), 2, columns.shape[-1]))
    pointers = np.arange(2 * len(corners) + 1) * values.shape[-1]
    shape = (2 * len(corners), boards + poses * BOARD_COLUMNS)
    return sparse.csr_array((values.ravel(), columns.ravel(), pointers), shape=shape)
