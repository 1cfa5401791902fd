# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled: which blocks depth images come near, and what they say of the voxels there."""

from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled_after
from mvmono3d.pointcloud import place_kernel
from mvmono3d.pointcloud.place_kernel import LANES, place_plane

_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)
_BLOCK = 8

_compiled = compiled_after(place_kernel)
_compiled_whole = compiled_after(place_kernel, inline=False)


@_compiled
@no_type_check
def _touch(active, camera, ray, near, far, spare, origin, per_block):
    """Mark the blocks that a piece of a ray, `near` to `far` in depth and as thick as 2 `spare`, may meet."""
    low, high = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for axis in range(3):
        along = camera[10 + axis] * ray[0] + camera[13 + axis] * ray[1] + camera[16 + axis]
        shift = (
            camera[10 + axis] * camera[19] + camera[13 + axis] * camera[20] + camera[16 + axis] * camera[21]
        )
        one, other = along * near - shift - origin[axis], along * far - shift - origin[axis]
        first, last = (min(one, other) - spare) * per_block, (max(one, other) + spare) * per_block
        if last < _ZERO or first >= np.float32(active.shape[axis]):
            return
        low[axis] = max(int(first), 0)
        high[axis] = min(int(last), active.shape[axis] - 1)
    for x in range(low[0], high[0] + 1):
        for y in range(low[1], high[1] + 1):
            for z in range(low[2], high[2] + 1):
                active[x, y, z] = True


@_compiled_whole
@no_type_check
def mark_blocks(active, depths, rays, cameras, span, step, origin, block_m, truncation):
    """Set `active` where a depth is within the truncation of a block.

    * `active`: `(x, y, z)` bool, one per block.
    * `depths`: `(view, height, width)` [m].
    * `rays`: `(view, row, column, 2)`, x / z and y / z of every `step`-th pixel.
    * `cameras`: `(view, 24)`.
    * `span`: `(view, 2)`, the nearest and the furthest depth of the cube.
    * `step`: Pixels from ray to ray; the first one is at step / 2.
    * `origin`: The cube's lower corner.
    """
    per_block = _ONE / block_m
    for view in range(depths.shape[0]):
        camera = cameras[view]
        per_px = np.float32(step) * _HALF / min(camera[0], camera[1])
        nearest, furthest = span[view, 0] - truncation, span[view, 1] + truncation
        for row in range(rays.shape[1]):
            for column in range(rays.shape[2]):
                depth = depths[view, step // 2 + row * step, step // 2 + column * step]
                if depth > _ZERO and depth >= nearest and depth <= furthest:
                    ray, spare = rays[view, row, column], per_px * depth
                    _touch(active, camera, ray, depth - truncation, depth, spare, origin, per_block)
                    _touch(active, camera, ray, depth, depth + truncation, spare, origin, per_block)


@_compiled
@no_type_check
def _hear(depth, width, height, per_truncation, u, v, ahead, index, seen, total, count):
    """Add what one view, flat, says of a plane of voxels."""
    right, bottom = np.float32(width) - _HALF, np.float32(height) - _HALF
    for lane in range(LANES):
        inside = (u[lane] >= -_HALF) & (u[lane] < right) & (v[lane] >= -_HALF) & (v[lane] < bottom)
        column, row = np.int32(u[lane] + _HALF), np.int32(v[lane] + _HALF)
        index[lane] = row * np.int32(width) + column if inside else np.int32(-1)
    # Loads from anywhere in a loop of their own, or the compiler leaves all of it scalar.
    for lane in range(LANES):
        place = index[lane]
        seen[lane] = depth[np.uint32(place)] if place >= 0 else _ZERO
    for lane in range(LANES):
        distance = (seen[lane] - ahead[lane]) * per_truncation
        use = (seen[lane] > _ZERO) & (distance >= -_ONE)
        total[lane] += min(distance, _ONE) if use else _ZERO
        count[lane] += _ONE if use else _ZERO


@_compiled
@no_type_check
def _settle(distance, weight, x, y, z, total, count, most):
    """Mix a plane's sums into the volume."""
    for line in range(_BLOCK):
        for place in range(_BLOCK):
            lane = line * _BLOCK + place
            old = weight[x, y + line, z + place]
            new = old + count[lane]
            mixed = (distance[x, y + line, z + place] * old + total[lane]) / max(new, _ONE)
            distance[x, y + line, z + place] = mixed
            weight[x, y + line, z + place] = min(new, most)


@_compiled_whole
@no_type_check
def fuse_blocks(distance, weight, active, depths, size, cameras, origin, voxel, truncation, most):
    """Hear all views on all active blocks; `distance` and `weight` are changed.

    `depths` is (view, height * width), `size` (width, height).
    """
    work, index = np.empty((6, LANES), dtype=np.float32), np.empty(LANES, dtype=np.int32)
    u, v, ahead, seen, total, count = work[0], work[1], work[2], work[3], work[4], work[5]
    per_truncation = _ONE / truncation
    for x in range(distance.shape[0]):
        for y in range(0, distance.shape[1], _BLOCK):
            for z in range(0, distance.shape[2], _BLOCK):
                if not active[x // _BLOCK, y // _BLOCK, z // _BLOCK]:
                    continue
                total[:], count[:] = _ZERO, _ZERO
                px = origin[0] + voxel * (np.float32(x) + _HALF)
                py = origin[1] + voxel * (np.float32(y) + _HALF)
                pz = origin[2] + voxel * (np.float32(z) + _HALF)
                for view in range(depths.shape[0]):
                    place_plane(cameras[view], px, py, pz, voxel, u, v, ahead)
                    _hear(
                        depths[view], size[0], size[1], per_truncation, u, v, ahead, index, seen, total, count
                    )  # fmt: skip
                _settle(distance, weight, x, y, z, total, count, most)
