# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Learn how long an actor's bones are while watching it, and pull joints to those lengths. Compiled."""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.geometry.compiled import compiled

_SHARP = 0.01
"""A length known to this share of itself counts half."""


class BoneLengths(NamedTuple):
    """Running weighted means of the lengths; changed in place."""

    total: Float[Array, " bone"]
    weight: Float[Array, " bone"]


@compiled
@no_type_check
def _bone(mean, covariance, parent, child):
    """Return a bone's direction, its length, and the variance along it of parent and child."""
    along = mean[child, :3] - mean[parent, :3]
    length = max(np.sqrt(np.sum(along * along)), 1e-6)
    direction = along / length
    of_parent = direction @ (covariance[parent, :3, :3].copy() @ direction)
    of_child = direction @ (covariance[child, :3, :3].copy() @ direction)
    return direction, length, of_parent, of_child


@compiled
@no_type_check
def learn_bones(lengths, bones, mean, covariance, usable, memory):
    """Add this frame's lengths to the means, weighted by squared precision: the sharp frames decide."""
    for bone in range(len(bones)):
        parent, child = bones[bone]
        if not (usable[parent] and usable[child]):
            continue
        _, length, of_parent, of_child = _bone(mean, covariance, parent, child)
        sharp = (_SHARP * length) ** 2
        weight = (sharp / (sharp + of_parent + of_child)) ** 2
        lengths.total[bone] = memory * lengths.total[bone] + weight * length
        lengths.weight[bone] = memory * lengths.weight[bone] + weight


@compiled
@no_type_check
def hold_bones(lengths, bones, slack, mean, covariance, usable, sweeps, relaxation):
    """Pull both ends of every bone to its length, the less certain end more.

    Each bone is a measurement of one distance with a standard deviation of `slack` times the length.
    Only the means move: the next frame sees the same lengths again, so counting them as fresh
    information each time would make the covariances too small.
    """
    for _ in range(sweeps):
        for bone in range(len(bones)):
            parent, child = bones[bone]
            if lengths.weight[bone] <= 0.0 or not (usable[parent] and usable[child]):
                continue
            direction, length, of_parent, of_child = _bone(mean, covariance, parent, child)
            right = lengths.total[bone] / lengths.weight[bone]
            # A mean over little evidence is itself uncertain.
            doubt = (slack[bone] * right) ** 2 * (1.0 + 1.0 / lengths.weight[bone])
            pull = relaxation * (right - length) / (of_parent + of_child + doubt)
            mean[child] += (covariance[child][:, :3].copy() @ direction) * pull
            mean[parent] -= (covariance[parent][:, :3].copy() @ direction) * pull
