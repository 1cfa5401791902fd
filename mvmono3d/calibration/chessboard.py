"""A plain chessboard, seen whole, with its corners in the order of the printed sheet."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mvmono3d.calibration.board import Board


def find_chessboard(picture: UInt8[np.ndarray, "height width"], board: Board) -> Float[np.ndarray, "found 2"]:
    """Return all corners in the order of `Board.corners_m()`, or none.

    The detector may start at either end of the board; the colour of the first square decides, for which
    columns + rows must be odd. Otherwise both orders are equally good and the one found is returned.
    """
    size = (board.squares[0] - 1, board.squares[1] - 1)
    found, corners = cv2.findChessboardCornersSB(picture, size, flags=cv2.CALIB_CB_ACCURACY)
    if not found or corners is None:
        return np.zeros((0, 2))
    grid = np.asarray(corners, dtype=np.float64).reshape(size[1], size[0], 2)
    if _handedness(grid) < 0:
        grid = grid[:, ::-1]
    if not board.ambiguous and _first_square_is_white(picture, grid):
        grid = grid[::-1, ::-1]
    return grid.reshape(-1, 2)


def _handedness(grid: np.ndarray) -> float:
    right, down = np.diff(grid, axis=1)[:-1], np.diff(grid, axis=0)[:, :-1]
    return float(np.median(right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]))


def _first_square_is_white(picture: np.ndarray, grid: np.ndarray) -> bool:
    centres = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4.0
    columns, rows = np.rint(centres).astype(int).reshape(-1, 2).T
    values = picture[rows, columns].astype(np.float64)
    parity = np.add.outer(np.arange(len(grid) - 1), np.arange(grid.shape[1] - 1)).ravel() % 2
    return bool(values[parity == 0].mean() > values[parity == 1].mean())
