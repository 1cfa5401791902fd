"""The region of interest: a box along the world's axes."""

import numpy as np

from mvmono3d.deploy.server.messages import Box
from mvmono3d.deploy.server.pose_frame import ActorPose


def inside_region(pose: ActorPose, region: Box | None) -> bool:
    """Say whether an actor's middle is in the box; so is anybody without a box, or without joints."""
    if region is None or not pose.present.any():
        return True
    middle = np.median(pose.points_world[pose.present], axis=0)
    return bool((np.abs(middle - np.array(region.center)) <= 0.5 * np.array(region.size)).all())
