"""Says, while a board is recorded, what a calibration of it would still lack."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.calibration.board import Board
from mvmono3d.calibration.board_views import board_views
from mvmono3d.calibration.checks_before import checked_before
from mvmono3d.calibration.coverage import Coverage, coverage
from mvmono3d.calibration.detect import find_corners
from mvmono3d.calibration.gather import check_board
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.thinning import choose_poses
from mvmono3d.deploy.recording.board_frames import eight_bits
from mvmono3d.deploy.recording.frame import FrameSet

_MOVED = 0.02
"""Way of the corners, in image widths, that makes another pose."""
_MOST_POSES = 120
_THINNED_POSES = 80
_COVERED = 0.35
"""Share of a part of the image from which on it counts as reached."""
_PARTS = (
    *("top left", "top", "top right"),
    *("left", "middle", "right"),
    *("bottom left", "bottom", "bottom right"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraAdvice:
    """What one camera saw of the board so far."""

    camera: str
    covered: float
    """Share of the image."""
    poses: int
    missing: tuple[str, ...]
    """Parts of the image that the board has hardly reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do with the board next."""

    cameras: tuple[CameraAdvice, ...]
    remedies: tuple[str, ...]
    """What the checks of a calibration would complain about; none: it is enough."""
    sets: int
    """That were looked at."""

    @property
    def enough(self) -> bool:
        """Whether a calibration would find nothing to complain about before it begins."""
        return not self.remedies


class BoardCoach:
    """Collects poses of a board that differ; used by one thread."""

    def __init__(self, board: Board, cameras: tuple[str, ...]) -> None:
        check_board(board, cameras=cameras, where="calibration")
        self._board, self._cameras = board, cameras
        shape = (0, len(cameras), board.corners)
        self._pixels: Float[np.ndarray, "pose view corner 2"] = np.zeros((*shape, 2))
        self._seen: Bool[np.ndarray, "pose view corner"] = np.zeros(shape, dtype=bool)
        self._size_px: Int[np.ndarray, "view 2"] = np.ones((len(cameras), 2), dtype=np.int64)
        self._sets = 0

    def look(self, frames: FrameSet) -> bool:
        """Look for the board in a frame set; returns whether it is a pose that is new."""
        pixels, seen = np.zeros(self._pixels.shape[1:]), np.zeros(self._seen.shape[1:], dtype=bool)
        for frame in frames.frames:
            view = self._cameras.index(frame.camera)
            found = find_corners(eight_bits(frame), self._board)
            pixels[view, found.numbers], seen[view, found.numbers] = found.pixels, True
            self._size_px[view] = frame.image.shape[::-1]
        self._sets += 1
        if not seen.any() or not self._moved(pixels, seen):
            return False
        self._pixels = np.concatenate([self._pixels, pixels[None]])
        self._seen = np.concatenate([self._seen, seen[None]])
        if len(self._pixels) > _MOST_POSES:
            self._thin()
        return True

    def advice(self) -> Advice:
        """Say what is there and what is missing."""
        sightings = self._sightings()
        covered = coverage(sightings)
        findings = checked_before(sightings, board_views(sightings), covered)
        poses = self._seen.any(axis=-1).sum(axis=0)
        return Advice(
            cameras=tuple(
                CameraAdvice(
                    camera=name,
                    covered=float(covered.share[view]),
                    poses=int(poses[view]),
                    missing=_missing(covered, view),
                )
                for view, name in enumerate(self._cameras)
            ),
            remedies=tuple(f"{finding.message}: {finding.remedy}" for finding in findings),
            sets=self._sets,
        )

    def _moved(self, pixels: np.ndarray, seen: np.ndarray) -> bool:
        if not len(self._pixels):
            return True
        both = seen & self._seen[-1]
        if (seen.any(axis=-1) != self._seen[-1].any(axis=-1)).any() or not both.any():
            return True
        way = np.linalg.norm(pixels - self._pixels[-1], axis=-1) / self._size_px[:, :1]
        return float(way[both].mean()) > _MOVED

    def _thin(self) -> None:
        kept = choose_poses(self._pixels, self._seen, width_px=self._size_px[:, 0], most=_THINNED_POSES)
        self._pixels, self._seen = self._pixels[kept], self._seen[kept]

    def _sightings(self) -> BoardSightings:
        return BoardSightings(
            cameras=self._cameras,
            size_px=self._size_px.copy(),
            corners_m=self._board.corners_m(),
            pixels=self._pixels,
            seen=self._seen,
            labels=tuple(map(str, range(len(self._pixels)))),
            two_sided=self._board.two_sided,
        )


def _missing(covered: Coverage, view: int) -> tuple[str, ...]:
    reached = np.asarray(covered.boards[view]) > 0
    thirds = [part for rows in np.array_split(reached, 3) for part in np.array_split(rows, 3, axis=1)]
    return tuple(name for name, part in zip(_PARTS, thirds, strict=True) if part.mean() < _COVERED)
