# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled: the visual hull of silhouettes as a signed distance, whole blocks first, then their voxels.

`edges` (view, height, width) holds each view's signed distance from its silhouette's edge [px], positive
outside, in a frame of the image alone; beyond the frame it is the frame's `far`. It changes by no more than
a pixel per pixel, which is why a block's middle can answer for the whole block.
"""

import math
from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled_after
from mvmono3d.pointcloud import place_kernel
from mvmono3d.pointcloud.place_kernel import LANES, place_plane

_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)
_BLOCK = 8
_NEAR_M = np.float32(1e-3)
_NEVER = np.float32(-1e9)
_OUTSIDE, _INSIDE, _OPEN = 1, -1, 0

_compiled = compiled_after(place_kernel)
_compiled_whole = compiled_after(place_kernel, inline=False)


@_compiled
@no_type_check
def _edge_at(edges, frame, far, u, v):
    """Return the signed distance [px] at a pixel, between the four nearest; `far` beyond the frame."""
    x, y = u - np.float32(frame[0]), v - np.float32(frame[1])
    column, row = np.int64(math.floor(x)), np.int64(math.floor(y))
    if column < 0 or row < 0 or column >= frame[2] - 1 or row >= frame[3] - 1:
        return far
    right, down = x - np.float32(column), y - np.float32(row)
    above = edges[row, column] + right * (edges[row, column + 1] - edges[row, column])
    below = edges[row + 1, column] + right * (edges[row + 1, column + 1] - edges[row + 1, column])
    return above + down * (below - above)


@_compiled
@no_type_check
def _insert(largest, lane, tolerance, value):
    """Keep the `tolerance` + 1 largest values, in falling order."""
    for place in range(tolerance + 1):
        one = largest[place, lane]
        largest[place, lane] = max(one, value)
        value = min(one, value)


@_compiled
@no_type_check
def _judge(middle, reach, band, cameras, edges, frames, fars, size, least, tolerance, spot):
    """Say whether a block is wholly outside, wholly inside or open, and how many views see it."""
    outside, inside, seeing = 0, 0, 0
    u, v, depth = spot[0], spot[1], spot[2]
    for view in range(cameras.shape[0]):
        camera = cameras[view]
        # A plane of voxels without extent: the middle, by the one formula that there is.
        place_plane(camera, middle[0], middle[1], middle[2], _ZERO, u, v, depth)
        near = depth[0] - reach
        if near <= _NEAR_M:
            if depth[0] + reach > _NEAR_M:
                return _OPEN, 0
            continue
        x, y = (u[0] - camera[2]) / camera[0], (v[0] - camera[3]) / camera[1]
        wide = math.sqrt(_ONE + x * x + y * y)
        radius = camera[23] * max(camera[0], camera[1]) * reach / near * wide * wide
        if u[0] + radius < -_HALF or u[0] - radius >= size[0] - _HALF:
            continue
        if v[0] + radius < -_HALF or v[0] - radius >= size[1] - _HALF:
            continue
        if u[0] - radius < -_HALF or u[0] + radius >= size[0] - _HALF:
            return _OPEN, 0
        if v[0] - radius < -_HALF or v[0] + radius >= size[1] - _HALF:
            return _OPEN, 0
        edge = _edge_at(edges[view], frames[view], fars[view], u[0], v[0])
        narrow = band * max(camera[0], camera[1]) / near
        outside += int(edge - radius >= narrow)
        inside += int(edge + radius <= -narrow)
        seeing += 1
    if seeing < least:
        return _OPEN, 0
    if outside > tolerance:
        return _OUTSIDE, seeing
    if seeing - inside <= tolerance:
        return _INSIDE, seeing
    return _OPEN, 0


@_compiled
@no_type_check
def _look(camera, edges, frame, far, size, u, v, depth, per_band, tolerance, largest, count):
    """Let one view say what it sees of a plane of voxels."""
    right, bottom = size[0] - _HALF, size[1] - _HALF
    scale = _HALF * (camera[0] + camera[1])
    for lane in range(LANES):
        if u[lane] < -_HALF or u[lane] >= right or v[lane] < -_HALF or v[lane] >= bottom:
            continue
        edge = _edge_at(edges, frame, far, u[lane], v[lane])
        _insert(largest, lane, tolerance, edge * depth[lane] * per_band / scale)
        count[lane] += _ONE


@_compiled
@no_type_check
def _fill(distance, weight, x, y, z, value, seeing):
    for a in range(x, x + _BLOCK):
        for b in range(y, y + _BLOCK):
            for c in range(z, z + _BLOCK):
                distance[a, b, c] = value
                weight[a, b, c] = seeing


@_compiled
@no_type_check
def _settle(distance, weight, x, y, z, largest, count, least, tolerance):
    for lane in range(LANES):
        b, c = y + lane // _BLOCK, z + lane % _BLOCK
        if count[lane] >= np.float32(least):
            distance[x, b, c] = min(max(largest[tolerance, lane], -_ONE), _ONE)
            weight[x, b, c] = count[lane]


@_compiled_whole
@no_type_check
def carve_blocks(distance, weight, cameras, edges, frames, fars, size, origin, voxel, band, least, tolerance):
    """Fill `distance` (units of the band) and `weight` (views that see the voxel) of an empty volume.

    * `cameras`: `(view, 24)`.
    * `edges`: `(view, height, width)`, see above.
    * `frames`: `(view, 4)` left, top, width, height of what `edges` covers of each image.
    * `fars`: `(view,)` [px].
    * `size`: (width, height) of the images.
    * `least`: Views that must see a voxel.
    * `tolerance`: Views that may call it outside in vain.
    """
    spot, count = np.empty((3, LANES), dtype=np.float32), np.empty(LANES, dtype=np.float32)
    largest = np.empty((tolerance + 1, LANES), dtype=np.float32)
    middle = np.empty(3, dtype=np.float32)
    half = voxel * np.float32(_BLOCK) * _HALF
    reach = half * np.float32(math.sqrt(3.0))
    per_band = _ONE / band
    for x in range(0, distance.shape[0], _BLOCK):
        for y in range(0, distance.shape[1], _BLOCK):
            for z in range(0, distance.shape[2], _BLOCK):
                middle[0] = origin[0] + voxel * np.float32(x) + half
                middle[1] = origin[1] + voxel * np.float32(y) + half
                middle[2] = origin[2] + voxel * np.float32(z) + half
                verdict, seeing = _judge(
                    middle, reach, band, cameras, edges, frames, fars, size, least, tolerance, spot
                )
                if verdict != _OPEN:
                    _fill(distance, weight, x, y, z, np.float32(verdict), np.float32(seeing))
                    continue
                for layer in range(_BLOCK):
                    largest[:], count[:] = _NEVER, _ZERO
                    px = origin[0] + voxel * (np.float32(x + layer) + _HALF)
                    py = origin[1] + voxel * (np.float32(y) + _HALF)
                    pz = origin[2] + voxel * (np.float32(z) + _HALF)
                    for view in range(cameras.shape[0]):
                        place_plane(cameras[view], px, py, pz, voxel, spot[0], spot[1], spot[2])
                        _look(
                            cameras[view], edges[view], frames[view], fars[view], size,
                            spot[0], spot[1], spot[2], per_band, tolerance, largest, count,
                        )  # fmt: skip
                    _settle(distance, weight, x + layer, y, z, largest, count, least, tolerance)
