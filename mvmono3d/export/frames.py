"""The frames that every export is tried on: the built-in world, with a camera lost for a while."""

import numpy as np

from mvmono3d.deploy.frames import drop_views, graph_inputs
from mvmono3d.synthetic.settings import RigSettings, WorldSettings
from mvmono3d.synthetic.world import make_clip

FRAMES = 96
_LOST = slice(40, 52)


def selftest_inputs(skeleton: str, *, views: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Return 96 frames that follow each other, for the skeleton of that name or YAML file."""
    settings = WorldSettings(skeleton=skeleton, frames=FRAMES, rig=RigSettings(views=(views, views)))
    clip = make_clip(settings, seed=seed, subject=seed, rig_seed=seed)
    inputs = graph_inputs(clip.observations, clip.rig, views=views)
    lost = np.zeros((FRAMES, views), dtype=bool)
    lost[_LOST, 0] = True
    return drop_views(inputs, lost)
