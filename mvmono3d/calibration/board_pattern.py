"""Boards as OpenCV knows them, and as pictures."""

import cv2
import numpy as np
from jaxtyping import UInt8

from mvmono3d.calibration.board import Board, BoardKind


def opencv_dictionary(board: Board) -> cv2.aruco.Dictionary:
    """Return the dictionary of the board's markers."""
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))


def opencv_charuco(board: Board, *, legacy_pattern: bool) -> cv2.aruco.CharucoBoard:
    """Return a ChArUco board of the given generation."""
    numbers = np.arange(board.first_id, board.first_id + board.markers, dtype=np.int32)
    made = cv2.aruco.CharucoBoard(
        board.squares, board.square_m, board.marker_m, opencv_dictionary(board), numbers
    )
    made.setLegacyPattern(legacy_pattern)
    return made


def draw_board(board: Board, *, pixels_per_square: int) -> UInt8[np.ndarray, "height width"]:
    """Draw the pattern without margin, `columns × rows` squares of whole pixels, black 0 and white 255.

    The legacy pattern is drawn only where the board says so. The last gaps of an ArUco grid are included.
    """
    columns, rows = board.squares
    if board.kind is BoardKind.CHARUCO:
        made = opencv_charuco(board, legacy_pattern=bool(board.legacy_pattern))
        # OpenCV draws at least one pixel per bit, so the size is the caller's.
        image = np.asarray(made.generateImage((columns * pixels_per_square, rows * pixels_per_square)))
    elif board.kind is BoardKind.ARUCO_GRID:
        image = _draw_grid(board, pixels_per_square)
    else:
        parity = np.add.outer(np.arange(rows), np.arange(columns)) % 2
        cell = np.ones((pixels_per_square, pixels_per_square), dtype=np.uint8)
        image = np.kron((parity * 255).astype(np.uint8), cell)
    return 255 - image if board.inverted else image


def _draw_grid(board: Board, pixels_per_square: int) -> np.ndarray:
    columns, rows = board.squares
    image = np.full((rows * pixels_per_square, columns * pixels_per_square), 255, dtype=np.uint8)
    side = round(pixels_per_square * board.marker_m / board.square_m)
    for number in range(board.markers):
        row, column = divmod(number, columns)
        marker = cv2.aruco.generateImageMarker(opencv_dictionary(board), board.first_id + number, side)
        top, left = row * pixels_per_square, column * pixels_per_square
        image[top : top + side, left : left + side] = marker
    return image
