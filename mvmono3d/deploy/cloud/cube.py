"""Where a cloud is looked for: a cube round the actor, or the region that somebody ordered."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.deploy.server.messages import Box
from mvmono3d.deploy.server.pose_frame import PoseFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Cube:
    """A cube along the world's axes, and the box in it that counts."""

    centre_world: Float[np.ndarray, " 3"]
    side_m: float
    region: Box | None
    """Points outside it are left out; `None`: all count."""

    def holds(self, points_world: Float[np.ndarray, "point 3"]) -> Bool[np.ndarray, " point"]:
        """Say which points are in the cube and the region."""
        held = np.all(np.abs(points_world - self.centre_world) <= 0.5 * self.side_m, axis=-1)
        if self.region is not None:
            reach = 0.5 * np.array(self.region.size)
            held &= np.all(np.abs(points_world - np.array(self.region.center)) <= reach, axis=-1)
        return held

    @property
    def corner_world(self) -> Float[np.ndarray, " 3"]:
        """The lowest corner."""
        return self.centre_world - 0.5 * self.side_m


def cube_of(frame: PoseFrame, region: Box | None, *, side_m: float) -> Cube | None:
    """Return the cube of a frame set; `None` where nobody is seen and no region of that size was ordered.

    A region that fits into a cube of `side_m` is looked into whoever is there. A larger one only cuts what is
    round the first actor.
    """
    if region is not None and max(region.size) <= side_m:
        return Cube(centre_world=np.array(region.center), side_m=side_m, region=region)
    extent = extent_of_first(frame)
    if extent is None:
        return None
    return Cube(centre_world=extent.mean(axis=0), side_m=side_m, region=region)


def extent_of_first(frame: PoseFrame) -> Float[np.ndarray, "2 3"] | None:
    """Return the lowest and the highest corner of the first actor's joints; `None` without any."""
    points = [actor.points_world[actor.present] for actor in frame.actors[:1] if actor.present.any()]
    return np.stack([points[0].min(axis=0), points[0].max(axis=0)]) if points else None
