"""The surface of a volume as points with normals."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from mvmono3d.core.record import Record
from mvmono3d.pointcloud.surface_kernel import crossings
from mvmono3d.pointcloud.volume import Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface(Record):
    """Points of a surface in the world, in no order that means anything."""

    points_m: Float32[np.ndarray, "point 3"]
    normals: Float32[np.ndarray, "point 3"]
    """Of length 1, outward."""


def surface_of(volume: Volume) -> Surface:
    """Return where the distance crosses zero between two known voxels, and the direction in which it grows.

    A straight line between the two voxels places the crossing: about three points per square voxel of
    surface.
    """
    flat = volume.distance.reshape(-1), volume.weight.reshape(-1), volume.distance.shape
    none = np.empty((0, 3), dtype=np.float32)
    points = np.empty((crossings(*flat, none, none), 3), dtype=np.float32)
    normals = np.empty_like(points)
    crossings(*flat, points, normals)
    middle = (volume.origin_m + 0.5 * volume.voxel_m).astype(np.float32)
    return Surface(points_m=middle + np.float32(volume.voxel_m) * points, normals=normals)
