"""Limbs: joints that a detector confuses together with their mirror partners."""

import numpy as np
from jaxtyping import Int

from mvmono3d.core.array import Array
from mvmono3d.core.skeleton import Skeleton


def limb_of_joint(skeleton: Skeleton) -> Int[Array, " joint"]:
    """Return which limb each joint belongs to, left and right as one; -1 on the midline.

    A joint starts a new limb where its parent is on the midline, or is its own partner's parent's limb
    no longer: an arm, a leg, a pair of eyes with the ears behind.
    """
    limb = np.full(len(skeleton.joints), -1)
    count = 0
    for joint in skeleton.order:
        partner, parent = skeleton.mirror[joint], skeleton.parents[joint]
        if partner == joint or limb[joint] >= 0:
            continue
        above = limb[parent] if parent >= 0 else -1
        if above < 0:
            above, count = count, count + 1
        limb[[joint, partner]] = above
    return limb
