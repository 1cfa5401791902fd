"""Bones of constant length: in a rig that isn't true they breathe as the actor walks about."""

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings

_LEAST_FRAMES = 20
_MAD = 1.4826
"""Standard deviation over the median absolute deviation of a Gaussian."""


def bone_breathing(
    points_world: Float[np.ndarray, "time joint 3"],
    present: Bool[np.ndarray, "time joint"],
    skeleton: Skeleton,
) -> Float[np.ndarray, " bone"]:
    """Return how much each firm bone's length varies over time, relative to it; 0 where it is hardly seen.

    Robust: from the median absolute deviation. Flexible bones are 0, too.
    """
    found = np.zeros(len(skeleton.bones))
    for place, (parent, child) in enumerate(skeleton.bones):
        seen = present[:, parent] & present[:, child]
        if skeleton.flexible[child] or seen.sum() < _LEAST_FRAMES:
            continue
        length = np.linalg.norm(points_world[seen, child] - points_world[seen, parent], axis=-1)
        middle = float(np.median(length))
        found[place] = _MAD * float(np.median(np.abs(length - middle))) / middle if middle > 0.0 else 0.0
    return found


def typical_breathing(observations: Observations, rig: Rig, skeleton: Skeleton, *, sigma_px: float) -> float:
    """Return the median of `bone_breathing` over the bones that are seen; 0 for none."""
    robust = triangulate_robust_bulk(
        np.asarray(observations.pixels, dtype=np.float64),
        np.asarray(observations.confidence, dtype=np.float64),
        np.asarray(observations.detected),
        lens=np.asarray(rig.camera.lens, dtype=np.float64),
        camera_from_world=np.asarray(rig.camera_from_world, dtype=np.float64),
        settings=RobustSettings(sigma_px=sigma_px),
    )
    present = np.asarray(robust.agreeing) >= min(3, len(rig.names))
    found = bone_breathing(np.asarray(robust.points_world), present, skeleton)
    return float(np.median(found[found > 0.0])) if (found > 0.0).any() else 0.0
