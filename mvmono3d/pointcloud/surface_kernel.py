# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled: where signed distances change sign between neighbouring voxels, and which way they grow there.

Volumes are flat here: voxel (x, y, z) is at x steps[0] + y steps[1] + z steps[2].
"""

import math
from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@compiled
@no_type_check
def _slope(distance, weight, at, step, place, size):
    """Return how fast the distance grows along an axis, per voxel, from the neighbours that are known."""
    low, high, steps = distance[at], distance[at], _ZERO
    if place > 0 and weight[at - step] > _ZERO:
        low = distance[at - step]
        steps += _ONE
    if place + 1 < size and weight[at + step] > _ZERO:
        high = distance[at + step]
        steps += _ONE
    return (high - low) / max(steps, _ONE)


@compiled
@no_type_check
def _write(distance, weight, size, steps, voxel, at, along, way, points, normals, row):
    """Fill the place, in voxels, and the normal of the crossing between a voxel and the next one `along`."""
    there = at + way * steps[along]
    share = distance[at] / (distance[at] - distance[there])
    length2 = _ZERO
    for axis in range(3):
        shift = way if axis == along else 0
        one = _slope(distance, weight, at, steps[axis], voxel[axis], size[axis])
        other = _slope(distance, weight, there, steps[axis], voxel[axis] + shift, size[axis])
        slope = one + share * (other - one)
        normals[row, axis] = slope
        length2 += slope * slope
        points[row, axis] = np.float32(voxel[axis]) + share * np.float32(shift)
    if length2 < np.float32(1e-12):
        # Flat on both sides of a step: the edge itself is all that is known.
        normals[row, along] = np.float32(way)
        length2 = _ONE
    scale = _ONE / math.sqrt(length2)
    for axis in range(3):
        normals[row, axis] *= scale


@compiled
@no_type_check
def _any_inside(distance, start, size):
    # A sum without branches is quick, and most lines of a volume have nothing inside.
    inside = np.int32(0)
    for at in range(start, start + size):
        inside += np.int32(distance[at] < _ZERO)
    return inside > 0


@compiled
@no_type_check
def _deep(distance, size, steps, x, y, z, at):
    """Say whether all six neighbours are inside too: most of a body has no surface."""
    if min(x, y, z) < 1 or x + 1 >= size[0] or y + 1 >= size[1] or z + 1 >= size[2]:
        return False
    beside = max(distance[at - 1], distance[at + 1])
    before = max(distance[at - steps[1]], distance[at + steps[1]])
    return max(beside, before, distance[at - steps[0]], distance[at + steps[0]]) < _ZERO


@compiled
@no_type_check
def _visit(distance, weight, size, steps, voxel, at, points, normals, row):
    """Count, or also write where there is room, the crossings from a voxel to its neighbours outside."""
    for axis in range(3):
        for way in (-1, 1):
            if voxel[axis] + way < 0 or voxel[axis] + way >= size[axis]:
                continue
            there = at + way * steps[axis]
            if distance[there] < _ZERO or weight[there] <= _ZERO:
                continue
            if row < points.shape[0]:
                _write(distance, weight, size, steps, voxel, at, axis, way, points, normals, row)
            row += 1
    return row


@compiled
@no_type_check
def crossings(distance, weight, size, points, normals):
    """Return how many crossings there are; fill (row, 3) places in voxels and unit normals as far as they go.

    `distance` and `weight` are flat, `size` is how many voxels there are along each axis.
    """
    steps, row = (size[1] * size[2], size[2], 1), 0
    for x in range(size[0]):
        for y in range(size[1]):
            start = x * steps[0] + y * steps[1]
            if not _any_inside(distance, start, size[2]):
                continue
            for z in range(size[2]):
                at = start + z
                if distance[at] >= _ZERO or weight[at] <= _ZERO:
                    continue
                if not _deep(distance, size, steps, x, y, z, at):
                    row = _visit(distance, weight, size, steps, (x, y, z), at, points, normals, row)
    return row
