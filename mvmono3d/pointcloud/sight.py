"""How a rig's cameras see space, packed for the compiled loops."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.lens import one_to_one, undistort
from mvmono3d.geometry.lens_stretch import distortion_jacobian
from mvmono3d.pointcloud.volume import Volume

CAMERA_SIZE = 24
"""Numbers of a packed camera: lens 10, rotation 9, translation 3, largest squared x / z, stretch."""
REACH2, STRETCH = 22, 23
_RADII = 1.02 ** np.arange(-150.0, 140.0)
_GRID = 9


def packed_cameras(rig: Rig) -> Float32[np.ndarray, "view 24"]:
    """Return `CAMERA_SIZE` numbers for each view; raises `InvalidRecordError` for a rig with batch axes."""
    if rig.camera_from_world.ndim != 3:
        raise InvalidRecordError(
            f"rig with poses of shape {rig.camera_from_world.shape}: expected one rig, (view, 3, 4)"
        )
    parts = (rig.camera.lens, rig.camera_from_world, rig.camera.size_px)
    plain = [np.ascontiguousarray(part, dtype=np.float64) for part in parts]
    return _packed(*(part.tobytes() for part in plain)).copy()


def image_shape(rig: Rig) -> tuple[int, int]:
    """Return (height, width) of all images; raises `InvalidRecordError` where cameras differ in size."""
    sizes = {(int(height), int(width)) for width, height in rig.camera.size_px}
    if len(sizes) != 1:
        raise InvalidRecordError(f"rig with images of {sorted(sizes)} px: expected cameras of one size")
    return sizes.pop()


def depth_span(volume: Volume, cameras: Float32[np.ndarray, "view 24"]) -> Float32[np.ndarray, "view 2"]:
    """Return the nearest and the furthest depth [m] of a volume's cube in each view."""
    size = volume.voxel_m * np.array(volume.distance.shape)
    axes = cameras[:, 16:19]
    middle = axes @ (volume.origin_m + 0.5 * size) + cameras[:, 21]
    half = 0.5 * np.abs(axes) @ size
    return np.stack([middle - half, middle + half], axis=1).astype(np.float32)


@lru_cache(maxsize=16)
def _packed(lens: bytes, pose: bytes, size_px: bytes) -> np.ndarray:
    lenses, poses = np.frombuffer(lens).reshape(-1, 10), np.frombuffer(pose).reshape(-1, 3, 4)
    sizes = np.frombuffer(size_px).reshape(-1, 2)
    numbers = [
        lenses,
        poses[:, :, :3].reshape(-1, 9),
        poses[:, :, 3],
        _reach2(lenses)[:, None],
        _stretch(lenses, sizes)[:, None],
    ]
    return np.concatenate(numbers, axis=1).astype(np.float32)


def _reach2(lenses: Float[np.ndarray, "view 10"]) -> Float[np.ndarray, " view"]:
    """Return the squared radius x / z up to which each lens is one to one: beyond it, it folds back."""
    places = np.stack([_RADII, np.zeros_like(_RADII)], axis=-1)
    good = one_to_one(np.broadcast_to(places, (len(lenses), *places.shape)), lenses)
    return np.where(good, np.inf, _RADII**2).min(axis=1)


def _stretch(lenses: Float[np.ndarray, "view 10"], sizes: Float[np.ndarray, "view 2"]) -> np.ndarray:
    """Return how much larger than a straight lens each images anything inside its image, at most."""
    share = np.stack(np.meshgrid(*[np.linspace(0.0, 1.0, _GRID)] * 2), axis=-1).reshape(-1, 2)
    pixels = share * sizes[:, None] - 0.5
    jacobian = distortion_jacobian(undistort(pixels, lenses), lenses)
    return np.linalg.norm(jacobian, ord=2, axis=(-2, -1)).max(axis=1)
