"""Where a lit actor is in an image: brighter than the background, which is learned, or than most of a box."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8, UInt16

from mvmono3d.core.record import Record
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import project
from mvmono3d.pointcloud.sight import image_shape
from mvmono3d.pointcloud.silhouette_kernel import brighter, follow

Image = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]
Box = tuple[int, int, int, int]
"""left, top, right, bottom [px]; right and bottom are the first that aren't in it."""

_RISE, _FALL, _WIDE = np.float32(0.02), np.float32(0.2), np.float32(3.0)
_FIRST_SPREAD = 2.0
_CLOSED_PX = 5
"""Gaps of up to this width within a silhouette are closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background(Record):
    """What one camera sees where no actor is, as far as it is known."""

    level: Float32[np.ndarray, "height width"]
    """A low quantile of the grey levels that came by."""
    spread: Float32[np.ndarray, "height width"]
    """How far grey levels lie from it, on average."""
    images: int
    """How many it was learned from."""


def learn(
    image: Image,
    background: Background | None = None,
    *,
    actor: Bool[np.ndarray, "height width"] | None = None,
) -> Background:
    """Return the background with one more image of its camera; None before the first.

    The level falls ten times faster than it rises, so that it finds the darker background behind an actor who
    moves, also where the actor stood when learning began. A pixel that stays bright for some hundred images
    becomes background: say where the actor is (`actor`, as an earlier `silhouette` found it), and the level
    there can only fall.

    Raises `InvalidRecordError` for an image of another size than those before.
    """
    if background is None:
        level = image.astype(np.float32)
        return Background(level=level, spread=np.full_like(level, _FIRST_SPREAD), images=1)
    _check_size(image, background)
    free = np.zeros(image.shape, dtype=np.bool_) if actor is None else actor
    level, spread = background.level.copy(), background.spread.copy()
    follow(image, free, level, spread, _RISE, _FALL, _WIDE)
    return Background(level=level, spread=spread, images=background.images + 1)


def silhouette(
    image: Image,
    background: Background | None,
    box: Box,
    *,
    sure: float = 5.0,
    least_contrast: float = 6.0,
) -> Bool[np.ndarray, "height width"]:
    """Return where the actor is in an image; nothing outside the box is.

    Without a background the box is split into bright and dark by Otsu's threshold (1979): as good as the
    contrast between the actor and everything else in the box, and wrong where the box holds only one of them.
    Single pixels are taken away, and gaps of a few pixels are closed.

    Raises `InvalidRecordError` for an image of another size than the background.

    Args:
        image: Grey levels of one camera.
        background: What `learn` made of the same camera's images, or None.
        box: Where to look; what lies beyond the image is ignored.
        sure: How many spreads above its background a pixel must be.
        least_contrast: How many grey levels above it must be at least.
    """
    mask = np.zeros(image.shape, dtype=np.bool_)
    if background is not None:
        _check_size(image, background)
    left, top, right, bottom = box
    part = np.s_[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    looked = np.ascontiguousarray(image[part])
    if looked.size == 0:
        return mask
    if background is None:
        split, _ = cv2.threshold(looked, 0.0, 1.0, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        found = looked > split
    else:
        found = np.empty(looked.shape, dtype=np.bool_)
        level, spread = background.level[part], background.spread[part]
        brighter(looked, level, spread, np.float32(sure), np.float32(least_contrast), found)
    mask[part] = _cleaned(found)
    return mask


def boxes_of(rig: Rig, *, centre_m: Float[np.ndarray, "3"], side_m: float) -> Int[np.ndarray, "view 4"]:
    """Return the box (left, top, right, bottom) in each image that holds a cube of the world.

    The whole image where the cube comes too near to the camera to say.
    """
    height, width = image_shape(rig)
    share = np.linspace(-0.5, 0.5, 5)
    lattice = np.stack(np.meshgrid(share, share, share), axis=-1).reshape(-1, 3)
    seen = project(
        np.asarray(centre_m, dtype=np.float64) + side_m * lattice,
        lens=np.asarray(rig.camera.lens, dtype=np.float64),
        camera_from_world=np.asarray(rig.camera_from_world, dtype=np.float64),
    )
    low, high = np.floor(seen.pixels.min(axis=1)), np.ceil(seen.pixels.max(axis=1)) + 1.0
    boxes = np.concatenate([low, high], axis=1).clip(0.0, [width, height, width, height]).astype(np.int64)
    boxes[~seen.in_front.all(axis=1)] = 0, 0, width, height
    return boxes


def _cleaned(found: np.ndarray) -> np.ndarray:
    """Take single pixels away, then close gaps."""
    small = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    large = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CLOSED_PX, _CLOSED_PX))
    opened = cv2.morphologyEx(found.view(np.uint8), cv2.MORPH_OPEN, small)
    return np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, large)).view(np.bool_)


def _check_size(image: np.ndarray, background: Background) -> None:
    if image.shape != background.level.shape:
        raise InvalidRecordError(
            f"image of {image.shape} pixels for a background of {background.level.shape}: expected images of "
            "the camera it was learned from"
        )
