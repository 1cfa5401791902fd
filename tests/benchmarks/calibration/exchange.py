"""What a peer is handed, and what it hands back: numpy files, the same in both environments.

This file and the runners import nothing of the product.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..peers.exchange import write_arrays  # noqa: TID252 -- the peers' environment knows no `tests`

__all__ = ["Boards", "Solved", "camera_of", "lens_of", "read_boards", "read_solved", "write_arrays"]


@dataclass(frozen=True, kw_only=True)
class Boards:
    """What cameras saw of a board, in metres and pixels."""

    corners: np.ndarray
    """(corner 3): rows of `columns` corners, x first."""
    columns: np.ndarray
    size_px: np.ndarray
    """(view 2): width, height."""
    pixels: np.ndarray
    """(pose view corner 2)"""
    seen: np.ndarray
    """(pose view corner)"""

    @property
    def square_m(self):
        return float(self.corners[1, 0] - self.corners[0, 0])

    def poses_of(self, view, *, least):
        """Return the poses of which a camera sees at least so many corners."""
        return np.flatnonzero(self.seen[:, view].sum(axis=1) >= least)

    def of_view(self, view, poses):
        """Return a view's corners as OpenCV wants them: board and pixels, one array per pose."""
        return self.of_mask(view, self.seen[poses, view], poses)

    def of_mask(self, view, mask, poses):
        points = [np.ascontiguousarray(self.corners[mine], dtype=np.float32) for mine in mask]
        pixels = [
            np.ascontiguousarray(self.pixels[pose, view, mine], dtype=np.float32)
            for pose, mine in zip(poses, mask, strict=True)
        ]
        return points, pixels


@dataclass(frozen=True, kw_only=True)
class Solved:
    """A rig, and the time that solving for it took."""

    lens: np.ndarray
    """(view 10): fx fy cx cy k1 k2 p1 p2 k3, and 0 for a pinhole."""
    camera_from_world: np.ndarray
    """(view 3 4)"""
    cpu_s: np.ndarray
    wall_s: np.ndarray


def read_boards(path):
    return Boards(**_arrays(path))


def read_solved(path):
    return Solved(**_arrays(path))


def lens_of(matrix, distortion):
    """Pack a camera matrix and up to five coefficients."""
    lens = np.zeros(10)
    lens[:4] = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
    distortion = np.ravel(distortion)[:5]
    lens[4 : 4 + len(distortion)] = distortion
    return lens


def camera_of(turn, shift):
    """Return camera_from_world of a Rodrigues vector and a translation."""
    return np.concatenate([cv2.Rodrigues(np.ravel(turn).astype(float))[0], np.reshape(shift, (3, 1))], axis=1)


def _arrays(path):
    with np.load(Path(path), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
