# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled: where voxels and places appear in an image, in float32, the lens bent.

A plane of a block is worked on at once: voxel (y, z) of it is lane 8 y + z, and every loop over lanes is
free of branches, which is what a compiler turns into vector instructions. `camera` is a row of
`sight.packed_cameras`. `geometry.projection` is the reference (tests/pointcloud/test_place_kernel.py).
"""

import math
from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled

LANES = 64
"""Voxels in a plane of a block."""
_Y = np.repeat(np.arange(8), 8).astype(np.float32)
_Z = np.tile(np.arange(8), 8).astype(np.float32)
_ONE, _TWO, _TINY = np.float32(1.0), np.float32(2.0), np.float32(1e-12)
_NEAR_M = np.float32(1e-3)
NOWHERE = np.float32(-1e6)
"""Where a place appears that the camera can't see."""


@compiled
@no_type_check
def _bend_pinhole(camera, u, v, depth):
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    k1, k2, p1, p2, k3 = camera[4], camera[5], camera[6], camera[7], camera[8]
    reach2 = camera[22]
    for lane in range(LANES):
        a, b = u[lane], v[lane]
        r2 = a * a + b * b
        radial = _ONE + r2 * (k1 + r2 * (k2 + r2 * k3))
        x = a * radial + _TWO * p1 * a * b + p2 * (r2 + _TWO * a * a)
        y = b * radial + p1 * (r2 + _TWO * b * b) + _TWO * p2 * a * b
        seen = (depth[lane] > _NEAR_M) & (r2 < reach2)
        u[lane] = fx * x + cx if seen else NOWHERE
        v[lane] = fy * y + cy if seen else NOWHERE


@compiled
@no_type_check
def _bend_fisheye(camera, u, v, depth):
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    k1, k2, k3, k4 = camera[4], camera[5], camera[6], camera[7]
    reach2 = camera[22]
    for lane in range(LANES):
        a, b = u[lane], v[lane]
        r2 = a * a + b * b
        r = math.sqrt(r2 + _TINY)
        angle = math.atan(r)
        a2 = angle * angle
        scale = angle * (_ONE + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4)))) / r
        seen = (depth[lane] > _NEAR_M) & (r2 < reach2)
        u[lane] = fx * a * scale + cx if seen else NOWHERE
        v[lane] = fy * b * scale + cy if seen else NOWHERE


@compiled
@no_type_check
def place_plane(camera, x, y, z, voxel, u, v, depth):
    """Fill pixels and depths [m] of a plane of voxels whose first is at (x, y, z) in the world."""
    ax = camera[10] * x + camera[11] * y + camera[12] * z + camera[19]
    ay = camera[13] * x + camera[14] * y + camera[15] * z + camera[20]
    az = camera[16] * x + camera[17] * y + camera[18] * z + camera[21]
    yx, yy, yz = camera[11] * voxel, camera[14] * voxel, camera[17] * voxel
    zx, zy, zz = camera[12] * voxel, camera[15] * voxel, camera[18] * voxel
    for lane in range(LANES):
        ahead = az + yz * _Y[lane] + zz * _Z[lane]
        share = _ONE / (ahead if ahead > _NEAR_M else _NEAR_M)
        u[lane] = (ax + yx * _Y[lane] + zx * _Z[lane]) * share
        v[lane] = (ay + yy * _Y[lane] + zy * _Z[lane]) * share
        depth[lane] = ahead
    if camera[9] > _ONE / _TWO:
        _bend_fisheye(camera, u, v, depth)
    else:
        _bend_pinhole(camera, u, v, depth)
