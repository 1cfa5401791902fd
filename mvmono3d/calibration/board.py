"""Calibration boards: which corners they have and where those lie on the sheet."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float

from mvmono3d.errors import InvalidRecordError, unknown_name

MARKERS_OF_DICTIONARY = {
    **{f"DICT_{bits}X{bits}_{count}": count for bits in (4, 5, 6, 7) for count in (50, 100, 250, 1000)},
    "DICT_ARUCO_ORIGINAL": 1024,
    "DICT_APRILTAG_16H5": 30,
    "DICT_APRILTAG_25H9": 35,
    "DICT_APRILTAG_36H10": 2320,
    "DICT_APRILTAG_36H11": 587,
}
"""OpenCV's predefined dictionaries and how many markers each has."""


class BoardKind(StrEnum):
    """What is printed on a board."""

    CHARUCO = "charuco"
    """A chessboard whose white squares carry markers: every corner has a number, also on a part of it."""
    ARUCO_GRID = "aruco_grid"
    """Markers with gaps between them; their own corners are used."""
    CHESSBOARD = "chessboard"
    """Squares only: it must be seen whole, and only some sizes say which way up they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A printed board, as measured on the sheet."""

    kind: BoardKind
    squares: tuple[int, int]
    """(columns, rows) of squares; of markers for an ArUco grid."""
    square_m: float
    """Side of a square; for an ArUco grid the step from one marker to the next."""
    marker_m: float = 0.0
    """Side of a marker; 0 for a chessboard."""
    dictionary: str = ""
    legacy_pattern: bool | None = None
    """ChArUco of OpenCV before 4.6, with a marker in the first square where the number of rows is even;
    `None`: find out from the images."""
    inverted: bool = False
    """Printed with black and white exchanged."""
    first_id: int = 0
    """Number of the first marker."""
    two_sided: bool = False
    """The back carries the front's mirror image, corner behind corner, so that cameras on both sides see
    the same corners. Not for a chessboard, which looks the same in a mirror."""

    def __post_init__(self) -> None:
        least = 1 if self.kind is BoardKind.ARUCO_GRID else 3
        if min(self.squares) < least:
            raise InvalidRecordError(f"squares {self.squares}, expected at least {least} columns and rows")
        if not 0 < self.square_m < 10:
            raise InvalidRecordError(f"square of {self.square_m * 1e3:g} mm, expected within 0 to 10000 mm")
        if self.kind is not BoardKind.CHESSBOARD:
            _check_markers(self)
        elif self.two_sided:
            raise InvalidRecordError(
                "a two-sided chessboard: front and back can't be told apart; use ChArUco"
            )

    @property
    def corners(self) -> int:
        """How many corners the board has."""
        columns, rows = self.squares
        return 4 * columns * rows if self.kind is BoardKind.ARUCO_GRID else (columns - 1) * (rows - 1)

    @property
    def markers(self) -> int:
        """How many markers are printed on it."""
        columns, rows = self.squares
        return {
            BoardKind.CHARUCO: columns * rows // 2,
            BoardKind.ARUCO_GRID: columns * rows,
            BoardKind.CHESSBOARD: 0,
        }[self.kind]

    @property
    def generations(self) -> tuple[bool, ...]:
        """Values of `legacy_pattern` to try: both generations differ only where rows are even."""
        if self.kind is not BoardKind.CHARUCO or self.squares[1] % 2:
            return (False,)
        return (False, True) if self.legacy_pattern is None else (self.legacy_pattern,)

    @property
    def ambiguous(self) -> bool:
        """Whether the board looks the same upside down, so that two cameras may number it differently."""
        return self.kind is BoardKind.CHESSBOARD and sum(self.squares) % 2 == 0

    def corners_m(self) -> Float[np.ndarray, "corner 3"]:
        """Return the corners on the sheet: +X along the columns, +Y along the rows, z = 0.

        The origin is the sheet's upper left corner of the pattern, as in OpenCV since 4.6.
        """
        columns, rows = self.squares
        if self.kind is BoardKind.ARUCO_GRID:
            starts = _grid(columns, rows)[:, None] * self.square_m
            turn = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) * self.marker_m
            flat = (starts + turn).reshape(-1, 2)
        else:
            flat = (_grid(columns - 1, rows - 1) + 1.0) * self.square_m
        return np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)


def _grid(columns: int, rows: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64)


def _check_markers(board: Board) -> None:
    if board.dictionary not in MARKERS_OF_DICTIONARY:
        raise unknown_name("dictionary", board.dictionary, MARKERS_OF_DICTIONARY)
    if not 0 < board.marker_m < board.square_m:
        raise InvalidRecordError(
            f"marker of {board.marker_m * 1e3:g} mm, expected less than the square's "
            f"{board.square_m * 1e3:g} mm"
        )
    last, most = board.first_id + board.markers, MARKERS_OF_DICTIONARY[board.dictionary]
    if board.first_id < 0 or last > most:
        raise InvalidRecordError(
            f"markers {board.first_id} to {last - 1}, but {board.dictionary} has 0 to {most - 1}: "
            "take a larger dictionary or a smaller board"
        )
