"""Which parts of each image corners of the board reached."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.array import Array
from mvmono3d.core.record import Record

CELLS = (8, 6)
"""Columns and rows that an image is looked at in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage(Record):
    """Corners counted over a grid of each image."""

    corners: Int[Array, "view row column"]
    share: Float[Array, " view"]
    """Of the cells that hold a corner."""


def coverage(sightings: BoardSightings, *, cells: tuple[int, int] = CELLS) -> Coverage:
    """Count the corners in each cell; `cells` is (columns, rows)."""
    columns, rows = cells
    views = len(sightings.cameras)
    counts = np.zeros((views, rows, columns), dtype=np.int64)
    for view in range(views):
        mine = sightings.pixels[:, view][sightings.seen[:, view]]
        width, height = sightings.size_px[view]
        column = np.clip((mine[:, 0] + 0.5) / width * columns, 0, columns - 1).astype(np.int64)
        row = np.clip((mine[:, 1] + 0.5) / height * rows, 0, rows - 1).astype(np.int64)
        np.add.at(counts[view], (row, column), 1)
    return Coverage(corners=counts, share=(counts > 0).mean(axis=(1, 2)))
