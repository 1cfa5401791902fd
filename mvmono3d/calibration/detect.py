"""The corners of a board in one image."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from mvmono3d.calibration.board import Board, BoardKind
from mvmono3d.calibration.board_pattern import opencv_charuco, opencv_dictionary
from mvmono3d.calibration.chessboard import find_chessboard
from mvmono3d.calibration.marker_edges import cross_edges

LEAST_CORNERS = 4
"""Fewer corners don't even fix a homography."""

_SMALLEST_WINDOW_PX = 3
_LARGEST_WINDOW_PX = 9
_STEPS = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCorners:
    """Corners of one image; their numbers count the rows of `Board.corners_m()`."""

    numbers: Int[np.ndarray, " found"]
    pixels: Float[np.ndarray, "found 2"]
    legacy_pattern: bool = False
    """Generation of the ChArUco pattern that fits."""


def find_corners(image: UInt8[np.ndarray, "height width"], board: Board) -> FoundCorners:
    """Find the board's corners to a fraction of a pixel; without a board, none.

    Where `board.legacy_pattern` is open, the generation that explains more corners wins. A board in a
    mirror is not found, its markers are no markers, unless it is two-sided. A chessboard counts only when
    seen whole.
    """
    picture = cv2.bitwise_not(image) if board.inverted else image
    found = _one_side(picture, board)
    if board.two_sided and not len(found.numbers):
        return _mirrored(_one_side(np.ascontiguousarray(picture[:, ::-1]), board), width=image.shape[1])
    return found


def _one_side(picture: np.ndarray, board: Board) -> FoundCorners:
    if board.kind is BoardKind.CHESSBOARD:
        pixels = find_chessboard(picture, board)
        return FoundCorners(numbers=np.arange(len(pixels)), pixels=pixels)
    if board.kind is BoardKind.ARUCO_GRID:
        return _grid_corners(picture, board)
    found = [_charuco_corners(picture, board, legacy_pattern=legacy) for legacy in board.generations]
    return max(found, key=lambda corners: len(corners.numbers))


def _mirrored(found: FoundCorners, *, width: int) -> FoundCorners:
    # The centre of the first pixel is 0, that of the last width - 1.
    return replace(found, pixels=found.pixels * np.array([-1.0, 1.0]) + np.array([width - 1.0, 0.0]))


def _charuco_corners(picture: np.ndarray, board: Board, *, legacy_pattern: bool) -> FoundCorners:
    detector = cv2.aruco.CharucoDetector(opencv_charuco(board, legacy_pattern=legacy_pattern))
    corners, numbers, *_ = detector.detectBoard(picture)
    # OpenCV 4 returns (N, 1, 2) and (N, 1), OpenCV 5 (N, 2) and (N,), both None without a board.
    if numbers is None or len(numbers) < LEAST_CORNERS:
        return _nothing()
    order = np.asarray(numbers).ravel().astype(np.int64)
    pixels = np.asarray(corners, dtype=np.float64).reshape(-1, 2)
    return FoundCorners(
        numbers=order, pixels=_refine(picture, pixels, order, board), legacy_pattern=legacy_pattern
    )


def _refine(picture: np.ndarray, pixels: np.ndarray, numbers: np.ndarray, board: Board) -> np.ndarray:
    """Move corners to the saddle of brightness; the window stays clear of the markers' own edges."""
    plan = board.corners_m()[numbers, :2] / board.square_m
    neighbours = np.abs(np.linalg.norm(plan[:, None] - plan[None], axis=-1) - 1.0) < 0.1
    apart_px = np.linalg.norm(pixels[:, None] - pixels[None], axis=-1)
    square_px = np.where(neighbours, apart_px, np.inf).min(axis=1)
    # A marker begins this share of a square away from the corner.
    clear = (1.0 - board.marker_m / board.square_m) / 2.0
    half = np.clip(square_px * clear, _SMALLEST_WINDOW_PX, _LARGEST_WINDOW_PX).astype(np.int64)
    half[~neighbours.any(axis=1)] = _SMALLEST_WINDOW_PX
    moved = pixels.copy()
    for size in np.unique(half).tolist():
        flat = np.ascontiguousarray(pixels[half == size], dtype=np.float32).reshape(-1, 1, 2)
        refined = cv2.cornerSubPix(picture, flat, (size, size), (-1, -1), _STEPS)
        moved[half == size] = np.asarray(refined, dtype=np.float64).reshape(-1, 2)
    # Glare and fingers pull a corner away: then where the markers say it is counts.
    near = np.linalg.norm(moved - pixels, axis=-1) < half / 2.0
    return np.where(near[:, None], moved, pixels)


def _grid_corners(picture: np.ndarray, board: Board) -> FoundCorners:
    dictionary = opencv_dictionary(board)
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    detector = cv2.aruco.ArucoDetector(dictionary, settings)
    corners, numbers, _ = detector.detectMarkers(picture)
    if numbers is None or not len(numbers):
        return _nothing()
    order = np.asarray(numbers).ravel().astype(np.int64) - board.first_id
    pixels = np.asarray(corners, dtype=np.float64).reshape(-1, 4, 2)
    # A number seen twice is a reflection or a second board: neither copy can be trusted.
    once = np.isin(order, [number for number in order if np.count_nonzero(order == number) == 1])
    kept = once & (order >= 0) & (order < board.markers)
    every = order[kept, None] * 4 + np.arange(4)
    crossed = cross_edges(picture, pixels[kept], bits=dictionary.markerSize + 2)
    return FoundCorners(numbers=every.ravel(), pixels=crossed.reshape(-1, 2))


def _nothing() -> FoundCorners:
    return FoundCorners(numbers=np.zeros(0, dtype=np.int64), pixels=np.zeros((0, 2)))
