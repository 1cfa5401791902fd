"""Which parts of each image the board reached."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int

from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record

CELLS = (32, 24)
"""Columns and rows that an image is looked at in."""
_FINE = 8
"""Pixels of the drawing per cell's side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage(Record):
    """How often boards, from corner to corner, lay over each part of an image."""

    boards: Int[Array, "view row column"]
    share: Float[Array, " view"]
    """Of the cells that some board covered."""


def coverage(sightings: BoardSightings, *, cells: tuple[int, int] = CELLS) -> Coverage:
    """Count the boards over each cell: the convex hull of a picture's corners; `cells` is (columns, rows)."""
    columns, rows = cells
    boards = np.zeros((len(sightings.cameras), rows, columns), dtype=np.int64)
    for pose, view in np.argwhere(sightings.seen.any(axis=-1)):
        place = (sightings.pixels[pose, view, sightings.seen[pose, view]] + 0.5) / sightings.size_px[view]
        fine = np.rint(place * np.array(cells) * _FINE - 0.5).astype(np.int32)
        drawing = np.zeros((rows * _FINE, columns * _FINE), dtype=np.uint8)
        cv2.fillConvexPoly(drawing, cv2.convexHull(fine), (1,))
        covered = drawing.reshape(rows, _FINE, columns, _FINE).mean(axis=(1, 3))
        boards[view] += covered >= 0.5
    return Coverage(boards=boards, share=(boards > 0).mean(axis=(1, 2)))
