"""Cut the windows of a frame set out of its images, as one batch for a detector."""

import cv2
import numpy as np

from mvmono3d.deploy.detect.protocol import Crops, WholeImages
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.geometry.crop import crop_from_image, similarity_scale

_BITS = 8


def cut_windows(whole: WholeImages, windows: Windows, *, size: int) -> Crops:
    """Return every view's window as a square of `size` px; black beyond the image and where not known.

    Of deeper pixels the eight highest bits are kept. A view that delivered no image is not known.
    """
    similarity = crop_from_image(windows.centre_px, windows.side_px, size=size, turn_rad=windows.turn_rad)
    known = windows.known & whole.present
    crops = np.zeros((len(known), size, size), dtype=np.uint8)
    for view in np.flatnonzero(known).tolist():
        cut = _cut(whole.images[view], similarity[view], size)
        crops[view] = cut if whole.bits <= _BITS else cut >> (whole.bits - _BITS)
    return Crops(
        images=crops,
        known=known,
        crop_from_image=similarity,
        frame_id=whole.frame_id,
        time_ns=whole.time_ns,
    )


def _cut(image: np.ndarray, similarity: np.ndarray, size: int) -> np.ndarray:
    """Warp an image; one that shrinks a lot is halved first, or sampling would skip pixels."""
    while similarity_scale(similarity) < 0.5:
        halves = tuple(-(-side // 2) for side in image.shape[::-1])
        scale = np.asarray([halves[0] / image.shape[1], halves[1] / image.shape[0]])
        image = cv2.resize(image, halves, interpolation=cv2.INTER_AREA)
        linear = similarity[:, :2] / scale
        # The centre of pixel 0 lies half a pixel within the image's edge, at either size.
        shift = similarity[:, 2] + similarity[:, :2] @ np.full(2, -0.5) - linear @ np.full(2, -0.5)
        similarity = np.column_stack([linear, shift])
    return cv2.warpAffine(image, similarity, (size, size), flags=cv2.INTER_LINEAR)
