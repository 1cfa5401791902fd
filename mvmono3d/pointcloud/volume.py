"""A cube of voxels with a signed distance in each."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from mvmono3d.core.record import Record
from mvmono3d.errors import InvalidRecordError

BLOCK = 8
"""Voxels along the edge of a block; a volume is made of whole blocks."""
BAND_VOXELS = 4.0
"""How far from the surface distances are kept, in voxels, where nothing else is asked."""
MAX_VOXELS = 512
"""Along an edge: 512 are a gigabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Record):
    """Signed distances at the middles of voxels: voxel (x, y, z) is at origin_m + voxel_m (x + 0.5, ...).

    `truncation_m` is the distance that counts as 1; nothing is further from the surface than that.
    """

    origin_m: Float[np.ndarray, "3"]
    """World place of the lower corner [m]."""
    voxel_m: float
    truncation_m: float
    distance: Float32[np.ndarray, "x y z"]
    """Units of the truncation: 1 outside to -1 inside; 0 where unknown."""
    weight: Float32[np.ndarray, "x y z"]
    """How many views decided; 0: unknown."""

    def __post_init__(self) -> None:
        shape = self.distance.shape
        if any(size < BLOCK or size % BLOCK for size in shape):
            raise InvalidRecordError(
                f"volume of {shape} voxels: expected whole blocks of {BLOCK} along each axis"
            )
        if not 0.0 < self.voxel_m <= self.truncation_m < math.inf:
            raise InvalidRecordError(
                f"volume of voxels of {self.voxel_m:g} m and a truncation of {self.truncation_m:g} m: "
                "expected voxels above 0 and a truncation of at least one voxel"
            )


def empty_volume(
    centre_m: Float[np.ndarray, "3"], *, side_m: float, voxel_m: float, truncation_m: float | None = None
) -> Volume:
    """Return a cube round a place of which nothing is known yet.

    Its side is `side_m`, rounded up to whole blocks. Raises `InvalidRecordError` for sizes that make none.

    Args:
        centre_m: Its middle in the world.
        side_m: Length of its edges.
        voxel_m: Length of a voxel's edges.
        truncation_m: The distance that counts as 1; four voxels by default.
    """
    if not (0.0 < voxel_m <= side_m < math.inf and np.isfinite(centre_m).all()):
        raise InvalidRecordError(
            f"cube of {side_m:g} m round {np.asarray(centre_m).tolist()} in voxels of {voxel_m:g} m: "
            "expected a finite place and voxels above 0, no longer than the cube"
        )
    # A side of whole voxels mustn't gain a block by rounding.
    count = BLOCK * math.ceil(side_m / voxel_m / BLOCK - 1e-6)
    if count > MAX_VOXELS:
        raise InvalidRecordError(
            f"cube of {side_m:g} m in voxels of {voxel_m:g} m: {count} along an edge, expected at most "
            f"{MAX_VOXELS}; voxels of {side_m / MAX_VOXELS:.2g} m would do"
        )
    return Volume(
        origin_m=np.asarray(centre_m, dtype=np.float64) - 0.5 * count * voxel_m,
        voxel_m=float(voxel_m),
        truncation_m=float(BAND_VOXELS * voxel_m if truncation_m is None else truncation_m),
        distance=np.zeros((count, count, count), dtype=np.float32),
        weight=np.zeros((count, count, count), dtype=np.float32),
    )
