# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled ray casting against capsules, boxes, cylinders and spheres.

A ray runs from a camera centre (s = 0) to a joint (s = 1). Every solid here is convex or a union of
convex pieces, so that a ray meets each piece in one interval of s.
"""

from math import inf, sqrt
from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled

_BOX, _CYLINDER = 0, 1
_VISIBLE, _SELF, _OBJECT = 0, 1, 2
MISS = 2.0
"""An entry beyond the joint: the ray reaches it unhindered."""


@compiled
@no_type_check
def _sphere_entry(offset, direction, length2, radius2):
    """Entry into a sphere; `offset` is camera minus centre."""
    towards = offset[0] * direction[0] + offset[1] * direction[1] + offset[2] * direction[2]
    outside = offset[0] * offset[0] + offset[1] * offset[1] + offset[2] * offset[2] - radius2
    discriminant = towards * towards - length2 * outside
    if discriminant < 0.0:
        return MISS
    root = sqrt(discriminant)
    if -towards + root < 0.0:
        return MISS
    entry = max((-towards - root) / length2, 0.0)
    return entry if entry <= 1.0 else MISS


@compiled
@no_type_check
def capsule_entry(origin, direction, start, end, radius):
    """Return where the ray first enters the capsule, or `MISS`."""
    length2 = direction[0] ** 2 + direction[1] ** 2 + direction[2] ** 2
    axis = (end[0] - start[0], end[1] - start[1], end[2] - start[2])
    from_start = (origin[0] - start[0], origin[1] - start[1], origin[2] - start[2])
    from_end = (origin[0] - end[0], origin[1] - end[1], origin[2] - end[2])
    radius2 = radius * radius
    entry = min(
        _sphere_entry(from_start, direction, length2, radius2),
        _sphere_entry(from_end, direction, length2, radius2),
    )
    axis2 = axis[0] * axis[0] + axis[1] * axis[1] + axis[2] * axis[2]
    if axis2 <= 1e-18:
        return entry
    along = (axis[0] * direction[0] + axis[1] * direction[1] + axis[2] * direction[2]) / axis2
    begin = (axis[0] * from_start[0] + axis[1] * from_start[1] + axis[2] * from_start[2]) / axis2
    # What is left of ray and offset beside the axis: there the tube is a circle.
    across = (
        direction[0] - along * axis[0],
        direction[1] - along * axis[1],
        direction[2] - along * axis[2],
    )
    beside = (
        from_start[0] - begin * axis[0],
        from_start[1] - begin * axis[1],
        from_start[2] - begin * axis[2],
    )
    low, high = _round_interval(beside, across, radius2)
    low, high = _cut(low, high, begin, along, 0.0, 1.0)
    if low <= high and high >= 0.0 and low <= 1.0:
        entry = min(entry, max(low, 0.0))
    return entry


@compiled
@no_type_check
def _round_interval(beside, across, radius2):
    """The s where |beside + s across|² <= radius2; empty is (inf, -inf)."""
    square = across[0] * across[0] + across[1] * across[1] + across[2] * across[2]
    towards = beside[0] * across[0] + beside[1] * across[1] + beside[2] * across[2]
    outside = beside[0] * beside[0] + beside[1] * beside[1] + beside[2] * beside[2] - radius2
    if square <= 1e-18:
        return (-inf, inf) if outside <= 0.0 else (inf, -inf)
    discriminant = towards * towards - square * outside
    if discriminant < 0.0:
        return inf, -inf
    root = sqrt(discriminant)
    return (-towards - root) / square, (-towards + root) / square


@compiled
@no_type_check
def _cut(low, high, begin, along, floor, roof):
    """Cut [low, high] to the s where floor <= begin + s along <= roof."""
    if along == 0.0:
        return (low, high) if floor <= begin <= roof else (inf, -inf)
    one, other = (floor - begin) / along, (roof - begin) / along
    return max(low, min(one, other)), min(high, max(one, other))


@compiled
@no_type_check
def prop_interval(origin, direction, shape, size):
    """The s within a prop, in its own frame and beyond both ends of the ray; empty is (inf, -inf)."""
    if shape == _BOX:
        low, high = -inf, inf
        for side in range(3):
            low, high = _cut(low, high, origin[side], direction[side], -size[side], size[side])
        return low, high
    if shape == _CYLINDER:
        low, high = _round_interval(
            (origin[0], origin[1], 0.0), (direction[0], direction[1], 0.0), size[0] * size[0]
        )
        return _cut(low, high, origin[2], direction[2], -size[2], size[2])
    return _round_interval(origin, direction, size[0] * size[0])


@compiled
@no_type_check
def _prop_entry(origin, direction, length, pose, shape, size, tolerance):
    """Entry into a prop, or `MISS`; a joint inside counts only past `tolerance` metres of it."""
    shifted = (origin[0] - pose[0, 3], origin[1] - pose[1, 3], origin[2] - pose[2, 3])
    local_origin = (
        pose[0, 0] * shifted[0] + pose[1, 0] * shifted[1] + pose[2, 0] * shifted[2],
        pose[0, 1] * shifted[0] + pose[1, 1] * shifted[1] + pose[2, 1] * shifted[2],
        pose[0, 2] * shifted[0] + pose[1, 2] * shifted[1] + pose[2, 2] * shifted[2],
    )
    local_direction = (
        pose[0, 0] * direction[0] + pose[1, 0] * direction[1] + pose[2, 0] * direction[2],
        pose[0, 1] * direction[0] + pose[1, 1] * direction[1] + pose[2, 1] * direction[2],
        pose[0, 2] * direction[0] + pose[1, 2] * direction[1] + pose[2, 2] * direction[2],
    )
    low, high = prop_interval(local_origin, local_direction, shape, size)
    if low > high or high < 0.0 or low > 1.0:
        return MISS
    entry = max(low, 0.0)
    if high >= 1.0 and (1.0 - entry) * length <= tolerance:
        return MISS
    return entry


@compiled
@no_type_check
def _gather(start, end, radius, middle, reach2):
    """Fill the middles (3, capsule) and squared radii of balls round the capsules of one frame."""
    for capsule in range(radius.shape[0]):
        half2 = 0.0
        for axis in range(3):
            middle[axis, capsule] = 0.5 * (start[capsule, axis] + end[capsule, axis])
            half2 += (end[capsule, axis] - middle[axis, capsule]) ** 2
        reach2[capsule] = (sqrt(half2) + radius[capsule]) ** 2 * (1.0 + 1e-9)


@compiled
@no_type_check
def _measure(origin, direction, length2, middle, reach2, spare):
    """Fill how far inside its ball the ray passes each capsule: most are far outside.

    Without any branch, so that the compiler works on several capsules at once.
    """
    for capsule in range(reach2.shape[0]):
        x = middle[0, capsule] - origin[0]
        y = middle[1, capsule] - origin[1]
        z = middle[2, capsule] - origin[2]
        s = (x * direction[0] + y * direction[1] + z * direction[2]) / length2
        s = min(max(s, 0.0), 1.0)
        x, y, z = x - s * direction[0], y - s * direction[1], z - s * direction[2]
        spare[capsule] = reach2[capsule] - (x * x + y * y + z * z)


@compiled
@no_type_check
def _first_capsule(origin, direction, joint, start, end, radius, touches, spare, nearest):
    """Entry into the nearest capsule, or into any where `nearest` is false."""
    first = MISS
    for capsule in range(radius.shape[0]):
        if spare[capsule] >= 0.0 and not touches[joint, capsule]:
            first = min(
                first, capsule_entry(origin, direction, start[capsule], end[capsule], radius[capsule])
            )
            if first <= 1.0 and not nearest:
                return first
    return first


@compiled
@no_type_check
def _first_prop(origin, direction, length2, shape, size, world_from_prop, tolerance):
    first, length = MISS, sqrt(length2)
    for prop in range(shape.shape[0]):
        entry = _prop_entry(
            origin, direction, length, world_from_prop[prop], shape[prop], size[prop], tolerance
        )
        first = min(first, entry)
    return first


@compiled
@no_type_check
def hidden_by(points, centres, start, end, radius, touches, shape, size, world_from_prop, tolerance):
    """Return (time, view, joint) int8: 0 visible, 1 hidden by a capsule, 2 by a prop (the nearer one)."""
    frames, joints = points.shape[:2]
    views, capsules = centres.shape[0], radius.shape[0]
    state = np.zeros((frames, views, joints), dtype=np.int8)
    middle, reach2, spare = np.empty((3, capsules)), np.empty(capsules), np.empty(capsules)
    for frame in range(frames):
        _gather(start[frame], end[frame], radius, middle, reach2)
        for view in range(views):
            origin = (centres[view, 0], centres[view, 1], centres[view, 2])
            for joint in range(joints):
                direction = (
                    points[frame, joint, 0] - origin[0],
                    points[frame, joint, 1] - origin[1],
                    points[frame, joint, 2] - origin[2],
                )
                length2 = max(direction[0] ** 2 + direction[1] ** 2 + direction[2] ** 2, 1e-18)
                poses = world_from_prop[frame]
                solid = _first_prop(origin, direction, length2, shape, size, poses, tolerance)
                _measure(origin, direction, length2, middle, reach2, spare)
                flesh = _first_capsule(
                    origin, direction, joint, start[frame], end[frame], radius, touches, spare, solid <= 1.0
                )
                if min(flesh, solid) <= 1.0:
                    state[frame, view, joint] = _SELF if flesh <= solid else _OBJECT
    return state
