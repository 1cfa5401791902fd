# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled: where actors will be, and what a frame taught about how they move.

A joint has a position with a covariance and a velocity with one variance; the velocity fades to rest.
"""

import math
from typing import no_type_check

import numpy as np

from mvmono3d.association import fuse_kernel, sight_kernel
from mvmono3d.association.fuse_kernel import SUPPORT, detection_of, triangulate_fresh
from mvmono3d.association.sight_kernel import inverse3
from mvmono3d.geometry.compiled import compiled_after

_compiled = compiled_after(sight_kernel, fuse_kernel)
_compiled_whole = compiled_after(sight_kernel, fuse_kernel, inline=False)


@_compiled_whole
@no_type_check
def predict(points, velocity, spread, velocity_variance, numbers, step_s):
    """Return all four a time step later."""
    keep = math.exp(-step_s / numbers.velocity_memory_s)
    reach = numbers.velocity_memory_s * (1.0 - keep)
    power = numbers.acceleration * numbers.acceleration
    # Beyond the memory an acceleration averages out: its effect grows like a random walk.
    lasting = min(step_s, numbers.velocity_memory_s)
    moved, slower = points + reach * velocity, keep * velocity
    wider = spread.copy()
    for actor in range(points.shape[0]):
        for joint in range(points.shape[1]):
            grown = reach * reach * velocity_variance[actor, joint] + 0.25 * power * lasting**4
            for axis in range(3):
                wider[actor, joint, axis, axis] += grown
    return moved, slower, wider, keep * keep * velocity_variance + power * lasting * lasting


@_compiled_whole
@no_type_check
def learn(before, after, fused, fused_spread, belief, known, numbers, step_s):
    """Fill `after` (velocity, velocity variance) in place, and move what no view supports with the rest.

    `before` is (points, spread) as predicted.
    """
    velocity, velocity_variance = after
    points, spread = before
    inverse = np.empty((3, 3))
    for actor in range(known.shape[0]):
        shift, velocity_sum, count = np.zeros(3), np.zeros(3), 0
        for joint in range(known.shape[1]):
            if not known[actor, joint] or not _supported(belief, actor, joint):
                continue
            if step_s > 0.0 and inverse3(spread[actor, joint], inverse):
                _learn_joint(
                    points[actor, joint], fused[actor, joint], fused_spread[actor, joint], inverse,
                    velocity[actor, joint], velocity_variance, (actor, joint), numbers, step_s,
                )  # fmt: skip
            for axis in range(3):
                shift[axis] += fused[actor, joint, axis] - points[actor, joint, axis]
                velocity_sum[axis] += velocity[actor, joint, axis]
            count += 1
        if count < 3:
            continue
        for joint in range(known.shape[1]):
            if known[actor, joint] and not _supported(belief, actor, joint):
                for axis in range(3):
                    fused[actor, joint, axis] += shift[axis] / count
                    velocity[actor, joint, axis] = velocity_sum[axis] / count


@_compiled
@no_type_check
def _learn_joint(point, fused, fused_spread, inverse, velocity, velocity_variance, place, numbers, step_s):
    # The covariance of place and velocity that `predict` left: half of the newest acceleration's share.
    newest = numbers.acceleration * min(step_s, numbers.velocity_memory_s)
    gain = max(velocity_variance[place] - 0.5 * newest * newest, 0.0) * step_s
    told = 0.0
    for i in range(3):
        moved = 0.0
        for k in range(3):
            moved += inverse[i, k] * (fused[k] - point[k])
            told += inverse[i, k] * (-fused_spread[k, i])
        velocity[i] += gain * moved
        told += 1.0
    # A view along a ray teaches nothing about the ray; three axes share one variance.
    precision = (inverse[0, 0] + inverse[1, 1] + inverse[2, 2]) / 3.0
    share = min(max(told / 3.0, 0.0), 1.0)
    shrunk = velocity_variance[place] - gain * gain * precision * share
    velocity_variance[place] = max(shrunk, 0.05 * velocity_variance[place])


@_compiled
@no_type_check
def _supported(belief, actor, joint):
    most = 0.0
    for view in range(belief.shape[1]):
        most = max(most, belief[actor, view, joint])
    return most > SUPPORT


@_compiled_whole
@no_type_check
def find_new_joints(
    points, spread, known, velocity, velocity_variance, sight, chosen, swapped, eyes, limbs, numbers
):
    """Triangulate joints that aren't known yet from the actor's candidates, in place."""
    views = sight.shape[0]
    detections, point, around = np.zeros((views, 3)), np.zeros(3), np.zeros((3, 3))
    for actor in range(known.shape[0]):
        for joint in range(known.shape[1]):
            if known[actor, joint]:
                continue
            for view in range(views):
                detections[view] = 0.0
                if chosen[actor, view] >= 0:
                    detections[view] = detection_of(
                        sight, view, chosen[actor, view], joint, swapped[actor, view], limbs
                    )
            if triangulate_fresh(detections, eyes, numbers.gate, point, around):
                points[actor, joint], spread[actor, joint] = point, around
                velocity[actor, joint] = 0.0
                velocity_variance[actor, joint] = numbers.first_velocity**2
                known[actor, joint] = True
