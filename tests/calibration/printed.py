"""Boards before an ideal camera: pictures whose corners are known."""

import cv2
import numpy as np

from mvmono3d.calibration.board import Board, BoardKind
from mvmono3d.calibration.board_pattern import draw_board

SIZE = (640, 512)
FOCAL_PX = 600.0
TEXEL = 80
OVERSAMPLING = 3

CHARUCO = Board(
    kind=BoardKind.CHARUCO, squares=(7, 5), square_m=0.03, marker_m=0.0225, dictionary="DICT_5X5_100"
)
GRID = Board(
    kind=BoardKind.ARUCO_GRID, squares=(4, 3), square_m=0.03, marker_m=0.0225, dictionary="DICT_5X5_100"
)
CHESSBOARD = Board(kind=BoardKind.CHESSBOARD, squares=(8, 5), square_m=0.03)

POSES = [(0.0, 0.0, 0.0), (0.4, 0.3, 0.2), (-0.5, 0.2, 2.5), (0.1, -0.6, -1.4), (0.0, 0.0, np.pi)]
"""Rotation vectors of the board before the camera: upright, tilted, turned, upside down."""


def photograph(board: Board, rotation, *, distance: float = 1.6, noise: float = 2.0, seed: int = 0):
    """A grey picture of the board and the true pixels of its corners."""
    pixels_from_board = _homography(board, rotation, distance)
    margin = TEXEL // 2
    sheet = cv2.copyMakeBorder(
        draw_board(board, pixels_per_square=TEXEL),
        margin,
        margin,
        margin,
        margin,
        cv2.BORDER_CONSTANT,
        value=0 if board.inverted else 255,
    )
    step = board.square_m / TEXEL
    start = (0.5 - margin) * step
    board_from_texel = np.array([[step, 0, start], [0, step, start], [0, 0, 1]])
    shift = (OVERSAMPLING - 1) / 2
    fine = np.array([[OVERSAMPLING, 0, shift], [0, OVERSAMPLING, shift], [0, 0, 1]])
    picture = cv2.warpPerspective(
        sheet,
        fine @ pixels_from_board @ board_from_texel,
        (SIZE[0] * OVERSAMPLING, SIZE[1] * OVERSAMPLING),
        borderValue=(128.0,),
    )
    picture = cv2.GaussianBlur(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), (0, 0), 0.7)
    grain = np.random.default_rng(seed).normal(0.0, noise, picture.shape)
    flat = np.column_stack([board.corners_m()[:, :2], np.ones(board.corners)]) @ pixels_from_board.T
    return np.clip(picture + grain, 0, 255).astype(np.uint8), flat[:, :2] / flat[:, 2:]


def _homography(board: Board, rotation, distance: float) -> np.ndarray:
    width, height = np.array(board.squares) * board.square_m
    turned = cv2.Rodrigues(np.array(rotation, dtype=np.float64))[0]
    centre = np.array([0.0, 0.0, distance * max(width, height)])
    offset = centre - turned @ np.array([width / 2, height / 2, 0.0])
    matrix = np.array([[FOCAL_PX, 0, SIZE[0] / 2], [0, FOCAL_PX, SIZE[1] / 2], [0, 0, 1]])
    return matrix @ np.column_stack([turned[:, 0], turned[:, 1], offset])
