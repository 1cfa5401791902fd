"""Small reconstructors and batches of the synthetic world, for the tests of the learned parts."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from mvmono3d.core.clip import Clip
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.imputation.bones import BoneConstancy
from mvmono3d.imputation.imputer import Imputer
from mvmono3d.imputation.net import ImputationNet
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.evidence import Frames
from mvmono3d.occlusion.net import OcclusionNet
from mvmono3d.pipeline.reconstructor import Reconstructor
from mvmono3d.prior.net import PriorNet
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip
from mvmono3d.triangulation.net import ViewWeights

SKELETON = "hand21"


@cache
def clip(seed: int = 0, *, frames: int = 24, views: int = 4) -> Clip:
    """Make a clip of numpy arrays."""
    world = preset("realistic", skeleton=SKELETON)
    world = replace(world, frames=frames, rig=replace(world.rig, views=(views, views)))
    made = make_clip(world, seed=3 * seed, subject=3 * seed, rig_seed=3 * seed)
    return made.map(lambda array: array.astype(np.int64) if array.dtype == np.int8 else array)


def as_batch(*clips: Clip) -> Clip:
    """Stack clips into a batch of tensors."""
    return Clip.stack([each.map(torch.from_numpy) for each in clips])


def frames_for(*clips: Clip) -> Frames:
    """Open a batch of clips."""
    return frames_of_clip(as_batch(*clips))


def small_reconstructor(
    skeleton: Skeleton | None = None, *, seed: int = 0, horizon_s: float = 2.0
) -> Reconstructor:
    """Build a small network whose last layers are not at their start, with units fitted to two clips."""
    skeleton = skeleton or load_skeleton(SKELETON)
    torch.manual_seed(seed)
    reconstructor = Reconstructor(
        skeleton=skeleton,
        occlusion=OcclusionNet(skeleton=skeleton, width=12),
        triangulation=ViewWeights(width=8, prior_sigma=0.3),
        prior=PriorNet(skeleton=skeleton, width=24),
        imputation=Imputer(
            net=ImputationNet(skeleton=skeleton, width=8, embedding=2),
            bones=BoneConstancy(skeleton=skeleton, sweeps=3, tolerance=2.5e-5),
        ),
        horizon_s=horizon_s,
    )
    with torch.no_grad():
        for parameter in reconstructor.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    reconstructor.units.fit([frames_for(clip(0), clip(1))])
    return reconstructor.eval()
