"""Depth images of several cameras fused into one surface.

Truncated signed distances (Curless and Levoy 1996), kept near the surface alone: only blocks that some
depth comes near are looked at, and there all views are heard, so that on those blocks the answer is that of
a loop over every voxel.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float32

from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.lens import undistort
from mvmono3d.pointcloud.fusion_kernel import fuse_blocks, mark_blocks
from mvmono3d.pointcloud.sight import depth_span, image_shape, packed_cameras
from mvmono3d.pointcloud.volume import BLOCK, Volume

_STEP = 4
"""Every how many pixels a depth is asked which blocks it is near."""
MOST_WEIGHT = 64.0


def fuse_depth(
    volume: Volume,
    depths: Float32[np.ndarray, "view height width"],
    rig: Rig,
    *,
    most_weight: float = MOST_WEIGHT,
) -> Volume:
    """Add depth images to a volume **in place**, as copying it would cost more, and return it.

    A pixel's depth is a mean over the views and over calls. Raises `InvalidRecordError` for images that
    aren't the rig's.

    Args:
        volume: What is known so far: `empty_volume`, or what an earlier call returned.
        depths: Along the optical axis [m]; 0 (or less) where there is none, which says nothing. Lenses bend
            them as they bend pictures.
        rig: Whose cameras they are, in their order.
        most_weight: A voxel's weight stops growing here, so that old depths fade.
    """
    cameras, shape = packed_cameras(rig), image_shape(rig)
    if depths.shape != (len(cameras), *shape):
        raise InvalidRecordError(
            f"depth images of shape {depths.shape}: expected {(len(cameras), *shape)}, one for each camera "
            f"of the rig ({', '.join(rig.names)}) and of its size"
        )
    if not most_weight >= 1.0:
        raise InvalidRecordError(f"most_weight is {most_weight:g}: expected 1 or more")
    images = np.require(depths, requirements=("C", "W"))
    fuse_blocks(
        volume.distance,
        volume.weight,
        near_surface(volume, images, rig),
        images.reshape(len(cameras), -1),
        shape[::-1],
        cameras,
        volume.origin_m.astype(np.float32),
        np.float32(volume.voxel_m),
        np.float32(volume.truncation_m),
        np.float32(most_weight),
    )
    return volume


def near_surface(
    volume: Volume, depths: Float32[np.ndarray, "view height width"], rig: Rig
) -> Bool[np.ndarray, "x y z"]:
    """Return which blocks some depth is within the truncation of."""
    cameras = packed_cameras(rig)
    active = np.zeros([size // BLOCK for size in volume.distance.shape], dtype=np.bool_)
    mark_blocks(
        active,
        depths,
        _rays(np.ascontiguousarray(rig.camera.lens, dtype=np.float64).tobytes(), depths.shape[1:]),
        cameras,
        depth_span(volume, cameras),
        _STEP,
        volume.origin_m.astype(np.float32),
        np.float32(BLOCK * volume.voxel_m),
        np.float32(volume.truncation_m),
    )
    return active


@lru_cache(maxsize=16)
def _rays(lens: bytes, shape: tuple[int, int]) -> np.ndarray:
    """Return (view, row, column, 2): x / z and y / z of the pixels that are asked."""
    rows, columns = (np.arange(_STEP // 2, size, _STEP, dtype=np.float64) for size in shape)
    pixels = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    lenses = np.frombuffer(lens).reshape(-1, 10)
    places = undistort(np.broadcast_to(pixels, (len(lenses), *pixels.shape)), lenses)
    return places.reshape(len(lenses), len(rows), len(columns), 2).astype(np.float32)
