# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled: how much each candidate of each view speaks for each actor, limbs as detected or swapped."""

import math
from typing import no_type_check

import numpy as np

from mvmono3d.association import sight_kernel
from mvmono3d.association.sight_kernel import image_spread, look
from mvmono3d.geometry.compiled import compiled_after

_compiled = compiled_after(sight_kernel)
_compiled_whole = compiled_after(sight_kernel, inline=False)


@_compiled
@no_type_check
def _place(point, spread, camera, variance, numbers, jacobian, place):
    """Fill x, y, the inverse image spread (3) and what a joint can say at most; false behind the camera."""
    x, y, ahead = look(camera, point, jacobian)
    if not ahead:
        return False
    xx, xy, yy = image_spread(jacobian, spread, 1.0, variance)
    determinant = xx * yy - xy * xy
    place[0], place[1] = x, y
    place[2], place[3], place[4] = yy / determinant, -xy / determinant, xx / determinant
    place[5] = max(numbers.gate - math.log(determinant / (variance * variance)), numbers.least_gate)
    return True


@_compiled
@no_type_check
def _says(place, detection, fx, fy):
    du, dv = fx * (place[0] - detection[0]), fy * (place[1] - detection[1])
    distance2 = place[2] * du * du + 2.0 * place[3] * du * dv + place[4] * dv * dv
    return detection[2] * max(place[5] - distance2, 0.0)


@_compiled_whole
@no_type_check
def reward(points, spread, known, sight, eyes, limbs, numbers):
    """Return what candidates say, what they could, and which limbs are swapped.

    `points` and `spread` are (actor, view, joint, ...): what is known without the view itself. Returns
    said and could (actor, view, candidate), swapped (actor, view, candidate, limb).
    """
    actors, views, joints = points.shape[:3]
    candidates = sight.shape[1]
    said, could = np.zeros((actors, views, candidates)), np.zeros((actors, views, candidates))
    swapped = np.zeros((actors, views, candidates, max(limbs.kinds, 1)), dtype=np.bool_)
    place, ahead, jacobian = np.zeros((joints, 6)), np.zeros(joints, dtype=np.bool_), np.zeros((2, 3))
    as_is, as_mirror = np.zeros(limbs.kinds + 1), np.zeros(limbs.kinds + 1)
    for actor in range(actors):
        for view in range(views):
            camera = eyes.cameras[view]
            for joint in range(joints):
                ahead[joint] = known[actor, joint] and _place(
                    points[actor, view, joint], spread[actor, view, joint], camera, eyes.variance[view],
                    numbers, jacobian, place[joint],
                )  # fmt: skip
            for candidate in range(candidates):
                as_is[:], as_mirror[:] = 0.0, 0.0
                for joint in range(joints):
                    detection, limb, partner = (
                        sight[view, candidate, joint],
                        limbs.limb[joint],
                        limbs.mirror[joint],
                    )
                    if detection[2] <= 0.0:
                        continue
                    if ahead[joint]:
                        as_is[limb] += _says(place[joint], detection, camera[0], camera[1])
                        could[actor, view, candidate] += detection[2] * place[joint, 5]
                    if limb >= 0 and ahead[partner]:
                        gained = _says(place[partner], detection, camera[0], camera[1])
                        as_mirror[limb] += gained - numbers.swap_cost * detection[2]
                for limb in range(limbs.kinds):
                    swapped[actor, view, candidate, limb] = as_mirror[limb] > as_is[limb]
                    said[actor, view, candidate] += max(as_is[limb], as_mirror[limb])
                said[actor, view, candidate] += as_is[limbs.kinds]
    return said, could, swapped
