# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled sight lines: what lies between a camera and each joint, among all triangles."""

from math import sqrt
from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled

_VISIBLE, _SELF, _OBJECT = 0, 1, 2


@compiled
@no_type_check
def _through(a, b, c, x, y):
    """Return where the ray (x, y, 1) goes through a triangle: depth (negative: it misses) and side.

    The side is 1 where the ray enters through the front, -1 where it leaves.
    """
    beside = (a[0] - x * a[2], b[0] - x * b[2], c[0] - x * c[2])
    if max(beside) < 0.0 or min(beside) > 0.0:
        # Most triangles are on one side of the ray.
        return -1.0, 0
    of_a = x * (b[1] * c[2] - b[2] * c[1]) + y * (b[2] * c[0] - b[0] * c[2]) + b[0] * c[1] - b[1] * c[0]
    of_b = x * (c[1] * a[2] - c[2] * a[1]) + y * (c[2] * a[0] - c[0] * a[2]) + c[0] * a[1] - c[1] * a[0]
    of_c = x * (a[1] * b[2] - a[2] * b[1]) + y * (a[2] * b[0] - a[0] * b[2]) + a[0] * b[1] - a[1] * b[0]
    volume = (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        + a[1] * (b[2] * c[0] - b[0] * c[2])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )
    if of_a <= 0.0 and of_b <= 0.0 and of_c <= 0.0 and of_a + of_b + of_c < 0.0:
        return volume / (of_a + of_b + of_c), 1
    if of_a >= 0.0 and of_b >= 0.0 and of_c >= 0.0 and of_a + of_b + of_c > 0.0:
        return volume / (of_a + of_b + of_c), -1
    return -1.0, 0


@compiled
@no_type_check
def _first_prop(entry, inside, z, contact):
    """Return where the ray enters the first prop that hides what lies at depth z."""
    first = np.inf
    for prop in range(entry.shape[0]):
        if entry[prop] < z and (inside[prop] <= 0 or z - entry[prop] > contact):
            first = min(first, entry[prop])
    return first


@compiled
@no_type_check
def hidden_along(joint, points, triangles, actor, part, whose, touches, props, skin_m, contact_m):
    """Return 0 where a joint is seen, 1 where its own actor hides it, 2 where anything else does.

    * `joint`: Its place in the camera's frame.
    * `points`: `(vertex, 3)` in the camera's frame.
    * `triangles`: `(triangle, 3)`.
    * `actor`: `(triangle,)` whose skin it is, negative for a prop's.
    * `part`: `(triangle,)` capsule or prop.
    * `whose`: The joint's actor.
    * `touches`: `(capsule,)` whether that capsule of its actor may cover it.
    * `props`: How many props there are.
    * `skin_m`: Skin so near to the joint doesn't hide it.
    * `contact_m`: How much of a prop that holds the joint doesn't hide it.
    """
    x, y, z = joint[0] / joint[2], joint[1] / joint[2], joint[2]
    stretch = sqrt(x * x + y * y + 1.0)
    flesh, other = np.inf, np.inf
    entry, inside = np.full(props, np.inf), np.zeros(props, dtype=np.int64)
    for index in range(triangles.shape[0]):
        a, b, c = points[triangles[index, 0]], points[triangles[index, 1]], points[triangles[index, 2]]
        depth, side = _through(a, b, c, x, y)
        if depth <= 0.0 or depth >= z:
            continue
        if actor[index] < 0:
            inside[part[index]] += side
            entry[part[index]] = min(entry[part[index]], depth)
        elif actor[index] != whose:
            other = min(other, depth)
        elif not touches[part[index]] and side > 0 and (z - depth) * stretch > skin_m:
            flesh = min(flesh, depth)
    other = min(other, _first_prop(entry, inside, z, contact_m / stretch))
    if min(flesh, other) >= z:
        return _VISIBLE
    return _SELF if flesh <= other else _OBJECT
