"""Where an actor moves: the ball round which rigs are built."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mvmono3d.synthetic.scene import Scene


class Workspace(NamedTuple):
    """A ball in the world, metres."""

    centre_world: tuple[float, float, float]
    radius_m: float


def workspace_of_scenes(scenes: Sequence[Scene]) -> Workspace:
    """Return the ball that holds 95 % of all joints of the scenes, round the middle of their box.

    The others reach beyond it now and then, and out of images: so they do before real rigs.
    """
    points = np.concatenate([scene.points_world.reshape(-1, 3) for scene in scenes])
    low, high = np.quantile(points, (0.01, 0.99), axis=0)
    x, y, z = (0.5 * (low + high)).tolist()
    radius = np.quantile(np.linalg.norm(points - np.array([x, y, z]), axis=1), 0.95)
    return Workspace((x, y, z), float(radius))
