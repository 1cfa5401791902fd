"""How certain an adjustment is of every number: the inverse of its normal matrix."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mvmono3d.calibration.bundle_system import (
    BOARD_COLUMNS,
    CAMERA_COLUMNS,
    LENS_COLUMNS,
    Problem,
    plain_jacobian,
)
from mvmono3d.calibration.reprojection import Estimate, residuals
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.geometry.rigid import cross_matrix

_RIDGE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCovariance(Record):
    """Covariance of all cameras' numbers together, and standard deviations of every number.

    Of each camera: fx fy cx cy d0..d4, then turn (rad) and shift (m) of its pose in its own axes, about
    its own centre. Numbers that a lens model holds have 0. The world is fixed to the boards together, as
    the cameras see them: so that no camera is certain by definition, and what moves everything alike,
    all cameras turned and all lenses' centres shifted, is no error.
    """

    cameras: Float[Array, "column column"]
    lens_sigma: Float[Array, "view 9"]
    camera_sigma: Float[Array, "view 6"]
    board_sigma: Float[Array, "pose 6"]

    @property
    def pose_sigma(self) -> Float[Array, "view 2"]:
        """Standard deviation of each camera's turn and shift, per axis, as a rig holds them."""
        squared = self.camera_sigma.reshape(-1, 2, 3) ** 2
        return np.sqrt(squared.mean(axis=-1))


def parameter_covariance(estimate: Estimate, problem: Problem) -> ParameterCovariance:
    """Return the covariance at the minimum, scaled so that the residuals have their expected size.

    Boards are eliminated first (Schur complement); the six directions that move the whole world are
    taken out by inner constraints on the boards. Triggs et al., Bundle adjustment (2000), sections 6.1 and 9.
    """
    views, poses = len(estimate.lens), len(estimate.world_from_board)
    jacobian = plain_jacobian(estimate, problem)
    split = views * CAMERA_COLUMNS
    camera_rows, board_rows = jacobian[:, :split], jacobian[:, split:]
    cameras = (camera_rows.T @ camera_rows).toarray()
    across = (camera_rows.T @ board_rows).toarray().reshape(split, poses, BOARD_COLUMNS)
    boards = _diagonal_blocks((board_rows.T @ board_rows).toarray(), poses)
    inverse = np.linalg.inv(boards + _RIDGE * np.trace(boards, axis1=1, axis2=2)[:, None, None] * np.eye(6))
    carried = np.moveaxis(across, 0, 1) @ inverse
    reduced = cameras - np.einsum("pcb,pdb->cd", carried, np.moveaxis(across, 0, 1))
    free = _free(problem)
    covariance = np.zeros((split, split))
    covariance[np.ix_(free, free)] = _constrained_inverse(
        reduced[np.ix_(free, free)], np.einsum("pcb,pbk->ck", carried, _board_motions(estimate))[free]
    )
    scale = _excess(estimate, problem, columns=int(free.sum()) - 6 + poses * BOARD_COLUMNS)
    covariance = scale * covariance
    board = scale * inverse + np.einsum("pcb,cd,pde->pbe", carried, covariance, carried)
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0.0)).reshape(views, CAMERA_COLUMNS)
    return ParameterCovariance(
        cameras=covariance,
        lens_sigma=sigma[:, :LENS_COLUMNS],
        camera_sigma=sigma[:, LENS_COLUMNS:],
        board_sigma=np.sqrt(np.maximum(np.diagonal(board, axis1=1, axis2=2), 0.0)),
    )


def _free(problem: Problem) -> Array:
    """Return which camera columns are free, every pose among them."""
    free = np.ones((len(problem.models), CAMERA_COLUMNS), dtype=bool)
    free[:, :LENS_COLUMNS] = np.stack([model.free for model in problem.models])
    return free.ravel()


def _board_motions(estimate: Estimate) -> Array:
    """Return how boards' columns change when the world turns (3) and shifts (3), weighed as lengths."""
    at = estimate.world_from_board[..., 3]
    at = at - at.mean(axis=0)
    identity = np.broadcast_to(np.eye(3), (len(at), 3, 3))
    turn = np.concatenate([identity, -cross_matrix(at)], axis=1)
    shift = np.concatenate([np.zeros_like(identity), identity], axis=1)
    motions = np.concatenate([turn, shift], axis=-1)
    # A turn of a board counts as the shift that it causes across the boards' volume.
    motions[:, :3] *= np.mean(at * at)
    return motions


def _constrained_inverse(normal: Array, constraints: Array) -> Array:
    """Return the covariance for a normal matrix whose null space the constraints take out."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(normal), np.finfo(np.float64).tiny))
    unit = normal * scale[:, None] * scale[None]
    bound = np.linalg.qr(constraints * scale[:, None])[0]
    zero = np.zeros((bound.shape[1], bound.shape[1]))
    whole = np.linalg.inv(np.block([[unit + _RIDGE * np.eye(len(unit)), bound], [bound.T, zero]]))
    return whole[: len(unit), : len(unit)] * scale[:, None] * scale[None]


def _diagonal_blocks(matrix: Array, count: int) -> Array:
    shaped = matrix.reshape(count, BOARD_COLUMNS, count, BOARD_COLUMNS)
    return shaped[np.arange(count), :, np.arange(count)]


def _excess(estimate: Estimate, problem: Problem, *, columns: int) -> float:
    """Return the mean squared residual in sigmas, per degree of freedom."""
    scaled = residuals(estimate, problem.corners) / problem.sigma_px[problem.corners.view][:, None]
    return float(np.sum(scaled**2)) / max(scaled.size - columns, 1)
