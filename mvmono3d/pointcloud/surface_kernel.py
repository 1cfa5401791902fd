# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled: where signed distances change sign between neighbouring voxels, and which way they grow there."""

import math
from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)


@compiled
@no_type_check
def _known(weight, x, y, z):
    if min(x, y, z) < 0 or x >= weight.shape[0] or y >= weight.shape[1] or z >= weight.shape[2]:
        return False
    return weight[x, y, z] > _ZERO


@compiled
@no_type_check
def _slope(distance, weight, x, y, z, axis):
    """Return how fast the distance grows along an axis, per voxel, from the neighbours that are known."""
    dx, dy, dz = int(axis == 0), int(axis == 1), int(axis == 2)
    here = distance[x, y, z]
    low, high, steps = here, here, _ZERO
    if _known(weight, x - dx, y - dy, z - dz):
        low = distance[x - dx, y - dy, z - dz]
        steps += _ONE
    if _known(weight, x + dx, y + dy, z + dz):
        high = distance[x + dx, y + dy, z + dz]
        steps += _ONE
    return (high - low) / max(steps, _ONE)


@compiled
@no_type_check
def _write(distance, weight, inside, outside, share, points, normals, row):
    """Fill one crossing's place, in voxels, and its normal; `share` of the way from inside to outside."""
    length2 = _ZERO
    for axis in range(3):
        one = _slope(distance, weight, inside[0], inside[1], inside[2], axis)
        other = _slope(distance, weight, outside[0], outside[1], outside[2], axis)
        slope = one + share * (other - one)
        normals[row, axis] = slope
        length2 += slope * slope
        points[row, axis] = np.float32(inside[axis]) + share * np.float32(outside[axis] - inside[axis])
    if length2 < np.float32(1e-12):
        # Flat on both sides of a step: the edge itself is all that is known.
        for axis in range(3):
            normals[row, axis] = np.float32(outside[axis] - inside[axis])
        length2 = _ONE
    scale = _ONE / math.sqrt(length2)
    for axis in range(3):
        normals[row, axis] *= scale


@compiled
@no_type_check
def _visit(distance, weight, x, y, z, points, normals, row, write):
    """Count, or also write, the crossings from a voxel inside to its neighbours outside."""
    here = distance[x, y, z]
    for axis in range(3):
        for way in (-1, 1):
            at = (
                x + way * int(axis == 0),
                y + way * int(axis == 1),
                z + way * int(axis == 2),
            )
            if _known(weight, at[0], at[1], at[2]) and distance[at[0], at[1], at[2]] >= _ZERO:
                if write:
                    share = here / (here - distance[at[0], at[1], at[2]])
                    _write(distance, weight, (x, y, z), at, share, points, normals, row)
                row += 1
    return row


@compiled
@no_type_check
def _any_inside(distance, x, y):
    # A sum without branches is quick, and most lines of a volume have nothing inside.
    inside = 0
    for z in range(distance.shape[2]):
        inside += int(distance[x, y, z] < _ZERO)
    return inside > 0


@compiled
@no_type_check
def crossings(distance, weight, points, normals, write):
    """Return how many crossings there are; fill (row, 3) places in voxels and unit normals where `write`."""
    row = 0
    for x in range(distance.shape[0]):
        for y in range(distance.shape[1]):
            if not _any_inside(distance, x, y):
                continue
            for z in range(distance.shape[2]):
                if distance[x, y, z] < _ZERO and weight[x, y, z] > _ZERO:
                    row = _visit(distance, weight, x, y, z, points, normals, row, write)
    return row
