"""The printed parts of a board as rectangles: exact at any size, unlike a picture."""

import cv2
import numpy as np
from jaxtyping import Float

from mvmono3d.calibration.board import Board, BoardKind
from mvmono3d.calibration.board_pattern import opencv_dictionary


def dark_cells(board: Board) -> Float[np.ndarray, "cell 4"]:
    """Return the dark rectangles (x, y, width, height in metres; +Y down), of an inverted board the light."""
    columns, rows = board.squares
    # Where rows are even, boards before OpenCV 4.6 begin with a marker instead of a dark square.
    shift = int(board.kind is BoardKind.CHARUCO and bool(board.legacy_pattern) and rows % 2 == 0)
    cells, number = [], board.first_id
    for row in range(rows):
        for column in range(columns):
            corner = np.array([column, row]) * board.square_m
            if board.kind is not BoardKind.ARUCO_GRID and (row + column + shift) % 2 == 0:
                cells.append(np.array([[*corner, board.square_m, board.square_m]]))
            elif board.kind is not BoardKind.CHESSBOARD:
                inset = (board.square_m - board.marker_m) / 2 if board.kind is BoardKind.CHARUCO else 0.0
                cells.append(_marker_cells(board, number, corner + inset))
                number += 1
    return np.concatenate(cells)


def _marker_cells(board: Board, number: int, corner: np.ndarray) -> np.ndarray:
    """Return a marker's dark bits, with those of one row joined: seams between them would print light."""
    dictionary = opencv_dictionary(board)
    side = dictionary.markerSize + 2
    bits = np.asarray(cv2.aruco.generateImageMarker(dictionary, number, side)).reshape(side, side) == 0
    step, cells = board.marker_m / side, []
    for row, dark in enumerate(bits):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], dark.astype(np.int8), [0]])))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            left, top = corner[0] + start * step, corner[1] + row * step
            cells.append([left, top, (end - start) * step, step])
    return np.array(cells)
