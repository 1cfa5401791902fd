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
_STEP = np.uint32(1)

_compiled = compiled_after(place_kernel)
_compiled_whole = compiled_after(place_kernel, inline=False)


@_compiled
@no_type_check
def _near_edge(edges, frame, far, u, v):
    """Return the signed distance [px] of the pixel that holds (u, v); `far` beyond the frame."""
    column, row = np.int64(math.floor(u + _HALF)) - frame[0], np.int64(math.floor(v + _HALF)) - frame[1]
    if column < 0 or row < 0 or column >= frame[2] or row >= frame[3]:
        return far
    return edges[row * frame[4] + column]


@_compiled
@no_type_check
def _radius(camera, u, v, depth, reach):
    """Return how far from (u, v) [px] anything appears that is within `reach` [m] of there, at most."""
    x, y = (u - camera[2]) / camera[0], (v - camera[3]) / camera[1]
    # A ball off the axis appears as an ellipse, longer than a disc on it.
    slant2 = _ONE + x * x + y * y
    return camera[23] * max(camera[0], camera[1]) * reach / (depth - reach) * slant2


@_compiled
@no_type_check
def _covers(u, v, radius, size):
    """Return 1 where a disc is wholly in the image, -1 where it is wholly outside, 0 else."""
    right, bottom = size[0] - _HALF, size[1] - _HALF
    if u + radius < -_HALF or u - radius >= right or v + radius < -_HALF or v - radius >= bottom:
        return -1
    if u - radius < -_HALF or u + radius >= right or v - radius < -_HALF or v + radius >= bottom:
        return 0
    return 1


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
        if depth[0] + reach <= _NEAR_M:
            continue
        if depth[0] - reach <= _NEAR_M:
            return _OPEN, 0
        radius = _radius(camera, u[0], v[0], depth[0], reach)
        covers = _covers(u[0], v[0], radius, size)
        if covers == 0:
            return _OPEN, 0
        if covers > 0:
            edge = _near_edge(edges[view], frames[view], fars[view], u[0], v[0])
            radius += _ONE
            narrow = band * max(camera[0], camera[1]) / (depth[0] - reach)
            outside += int(edge - radius >= narrow)
            inside += int(edge + radius <= -narrow)
            seeing += 1
    if seeing < least:
        return _OPEN, 0
    if outside > tolerance:
        return _OUTSIDE, seeing
    return (_INSIDE, seeing) if seeing - inside <= tolerance else (_OPEN, 0)


@_compiled
@no_type_check
def _find(frame, size, work, index):
    """Fill (work 3, 4) how far beyond its upper left pixel each lane lies, and `index` that pixel's place.

    `index` is -1 beyond the frame and -2 beyond the image.
    """
    u, v, right, down = work[0], work[1], work[3], work[4]
    left, top = np.float32(frame[0]), np.float32(frame[1])
    # The last column and row have no neighbour.
    wide, high = np.float32(frame[2] - 1), np.float32(frame[3] - 1)
    beyond_right, beyond_bottom = size[0] - _HALF, size[1] - _HALF
    for lane in range(LANES):
        x, y = u[lane] - left, v[lane] - top
        inside = (x >= _ZERO) & (x < wide) & (y >= _ZERO) & (y < high)
        column, row = np.int32(x), np.int32(y)
        right[lane], down[lane] = x - np.float32(column), y - np.float32(row)
        place = row * np.int32(frame[4]) + column if inside else np.int32(-1)
        seen = (
            (u[lane] >= -_HALF) & (u[lane] < beyond_right) & (v[lane] >= -_HALF) & (v[lane] < beyond_bottom)
        )
        index[lane] = place if seen else np.int32(-2)


@_compiled
@no_type_check
def _read(edges, stride, far, work, index):
    """Fill (work 5) the signed distance [px] of each lane, between the four nearest pixels."""
    right, down, edge = work[3], work[4], work[5]
    for lane in range(LANES):
        place = index[lane]
        if place < 0:
            edge[lane] = far
            continue
        at = np.uint32(place)
        above = edges[at] + right[lane] * (edges[at + _STEP] - edges[at])
        under = at + np.uint32(stride)
        below = edges[under] + right[lane] * (edges[under + _STEP] - edges[under])
        edge[lane] = above + down[lane] * (below - above)


@_compiled
@no_type_check
def _rank(scale, tolerance, work, index, largest, count):
    """Keep the `tolerance` + 1 largest distances of each lane in falling order, and count who sees it."""
    depth, edge = work[2], work[5]
    for lane in range(LANES):
        seen = index[lane] > -2
        edge[lane] = edge[lane] * depth[lane] * scale if seen else _NEVER
        count[lane] += _ONE if seen else _ZERO
    for place in range(tolerance + 1):
        for lane in range(LANES):
            one, other = largest[place, lane], edge[lane]
            largest[place, lane], edge[lane] = max(one, other), min(one, other)


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


@_compiled
@no_type_check
def _carve_plane(
    corner, voxel, per_band, cameras, edges, frames, fars, size, tolerance, work, index, largest, count
):
    """Let all views say what they see of a plane of voxels."""
    largest[:], count[:] = _NEVER, _ZERO
    for view in range(cameras.shape[0]):
        camera, frame = cameras[view], frames[view]
        place_plane(camera, corner[0], corner[1], corner[2], voxel, work[0], work[1], work[2])
        _find(frame, size, work, index)
        _read(edges[view], frame[4], fars[view], work, index)
        _rank(per_band * np.float32(2.0) / (camera[0] + camera[1]), tolerance, work, index, largest, count)


@_compiled_whole
@no_type_check
def carve_blocks(distance, weight, cameras, edges, frames, fars, size, origin, voxel, band, least, tolerance):
    """Fill `distance` (units of the band) and `weight` (views that see the voxel) of an empty volume.

    * `cameras`: `(view, 24)`.
    * `edges`: `(view, height * width)`, see above.
    * `frames`: `(view, 5)` left, top, width, height of what `edges` covers, and a row's length.
    * `fars`: `(view,)` [px].
    * `size`: (width, height) of the images.
    * `least`: Views that must see a voxel.
    * `tolerance`: Views that may call it outside in vain.
    """
    work, index = np.empty((6, LANES), dtype=np.float32), np.empty(LANES, dtype=np.int32)
    largest, count = np.empty((tolerance + 1, LANES), dtype=np.float32), np.empty(LANES, dtype=np.float32)
    half = voxel * np.float32(_BLOCK) * _HALF
    reach = half * np.float32(math.sqrt(3.0))
    for x in range(0, distance.shape[0], _BLOCK):
        for y in range(0, distance.shape[1], _BLOCK):
            for z in range(0, distance.shape[2], _BLOCK):
                px = origin[0] + voxel * np.float32(x)
                py = origin[1] + voxel * np.float32(y)
                pz = origin[2] + voxel * np.float32(z)
                middle = (px + half, py + half, pz + half)
                verdict, seeing = _judge(
                    middle, reach, band, cameras, edges, frames, fars, size, least, tolerance, work
                )
                if verdict != _OPEN:
                    _fill(distance, weight, x, y, z, np.float32(verdict), np.float32(seeing))
                    continue
                for layer in range(_BLOCK):
                    corner = (
                        px + voxel * (np.float32(layer) + _HALF),
                        py + voxel * _HALF,
                        pz + voxel * _HALF,
                    )
                    _carve_plane(
                        corner, voxel, _ONE / band, cameras, edges, frames, fars, size, tolerance,
                        work, index, largest, count,
                    )  # fmt: skip
                    _settle(distance, weight, x + layer, y, z, largest, count, least, tolerance)
