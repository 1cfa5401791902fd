"""How far 2D joints lie from the truth, and whether their stated errors are true."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array

NEAR = 0.05
"""PCK counts joints within this share of the crop's side."""
_HALF, _NINE_TENTHS = 1.1774, 2.1460
"""Radii, in standard deviations per axis, that hold half and nine tenths of a normal error in the plane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionScore:
    """Errors of a number of joints."""

    joints: int
    median_px: float
    p90_px: float
    near: float
    """Share within `NEAR` of the crop's side."""
    in_half: float
    """Share within the radius that should hold half of them."""
    in_nine_tenths: float


def detection_score(
    pixels: Float[Array, "crop joint 2"],
    sigma_px: Float[Array, "crop joint"],
    truth_px: Float[Array, "crop joint 2"],
    counted: Bool[Array, "crop joint"],
    *,
    size: int,
) -> DetectionScore:
    """Measure the joints that are counted; all numbers are 0 where there are none.

    Args:
        pixels: stated places.
        sigma_px: their stated standard deviations per axis.
        truth_px: true places.
        counted: which of them.
        size: side of the crops [px].
    """
    error = np.linalg.norm(pixels - truth_px, axis=-1)[counted]
    if not error.size:
        return DetectionScore(joints=0, median_px=0.0, p90_px=0.0, near=0.0, in_half=0.0, in_nine_tenths=0.0)
    relative = error / sigma_px[counted]
    return DetectionScore(
        joints=int(error.size),
        median_px=float(np.median(error)),
        p90_px=float(np.quantile(error, 0.9)),
        near=float((error <= NEAR * size).mean()),
        in_half=float((relative <= _HALF).mean()),
        in_nine_tenths=float((relative <= _NINE_TENTHS).mean()),
    )
