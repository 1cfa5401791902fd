"""Cut the windows of a frame set out of its images, as one batch for the network."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Integer, UInt8

from mvmono3d.core.array import Array
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.geometry.crop import crop_from_image

_BITS = 8


class CropBatch(NamedTuple):
    """Crops of all views, and how pixels got there."""

    images: UInt8[Array, "view 1 size size"]
    crop_from_image: Float[Array, "view 2 3"]


def cut_windows(
    images: Integer[Array, "view height width"], windows: Windows, *, size: int, bits: int = _BITS
) -> CropBatch:
    """Return every view's window at the network's size, black beyond the image and where unknown.

    Args:
        images: uint8, or uint16 with the signal in its low bits.
        windows: where to cut.
        size: height and width of a crop [px].
        bits: significant bits of a pixel; the eight highest are kept.
    """
    similarity = crop_from_image(windows.centre_px, windows.side_px, size=size)
    crops = np.zeros((len(images), 1, size, size), dtype=np.uint8)
    for view in np.flatnonzero(windows.known).tolist():
        cut = _cut(images[view], similarity[view], size)
        crops[view, 0] = cut if bits <= _BITS else cut >> (bits - _BITS)
    return CropBatch(crops, similarity)


def _cut(image: np.ndarray, similarity: np.ndarray, size: int) -> np.ndarray:
    """Warp an image; one that shrinks a lot is halved first, or sampling would skip pixels."""
    while similarity[0, 0] < 0.5:
        halves = tuple(-(-side // 2) for side in image.shape[::-1])
        scale = np.asarray([halves[0] / image.shape[1], halves[1] / image.shape[0]])
        image = cv2.resize(image, halves, interpolation=cv2.INTER_AREA)
        linear = similarity[:, :2] / scale
        # The centre of pixel 0 lies half a pixel within the image's edge, at either size.
        shift = similarity[:, 2] + similarity[:, :2] @ np.full(2, -0.5) - linear @ np.full(2, -0.5)
        similarity = np.column_stack([linear, shift])
    return cv2.warpAffine(image, similarity, (size, size), flags=cv2.INTER_LINEAR)
