"""A few frames of a long recording: those in which the board moved on."""

import numpy as np
from jaxtyping import Bool, Float, Int

UNRELATED = 1.0
"""Distance between two poses that no camera saw with common corners: an image width."""


def choose_poses(
    pixels: Float[np.ndarray, "pose view corner 2"],
    seen: Bool[np.ndarray, "pose view corner"],
    *,
    width_px: Int[np.ndarray, " view"],
    most: int,
) -> Int[np.ndarray, " chosen"]:
    """Return at most `most` poses that differ most, in their order.

    Farthest-point sampling (Gonzalez 1985) of the way the corners moved, in image widths; a pose counts
    by the share of corners over all cameras, so what several cameras see comes first. Poses without any
    corner are never chosen.
    """
    useful = np.flatnonzero(seen.any(axis=(1, 2)))
    if len(useful) <= most:
        return useful
    weight = seen[useful].mean(axis=(1, 2))
    chosen = [int(weight.argmax())]
    nearest = np.full(len(useful), np.inf)
    while len(chosen) < most:
        newest = useful[chosen[-1]]
        nearest = np.minimum(
            nearest, _moved(pixels[useful], seen[useful], pixels[newest], seen[newest], width_px)
        )
        score = nearest * weight
        score[chosen] = -1.0
        chosen.append(int(score.argmax()))
    return useful[np.sort(chosen)]


def _moved(
    pixels: np.ndarray, seen: np.ndarray, other: np.ndarray, other_seen: np.ndarray, width_px: np.ndarray
) -> np.ndarray:
    both = seen & other_seen
    way = np.linalg.norm(pixels - other, axis=-1) / width_px[:, None]
    count = both.sum(axis=(1, 2))
    mean = np.where(both, way, 0.0).sum(axis=(1, 2)) / np.maximum(count, 1)
    return np.where(count > 0, np.minimum(mean, UNRELATED), UNRELATED)
