"""What a clip shows, before any filter: states, noise, weights, triangulated joints.

Nothing here depends on the filter, so all frames of a clip go through at once.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.held_features import HeldFeatures, Seen, SeenMemory, nothing_seen
from mvmono3d.nn.quality import Quality, fit_quality
from mvmono3d.occlusion.net import OcclusionNet
from mvmono3d.triangulation.net import ViewWeights, WeightedPoints


class PerceptionMemory(NamedTuple):
    """What perception remembers between clips (or, online, between frame sets)."""

    seen: SeenMemory
    occlusion: Float[Tensor, "clip view joint width"]


class Percept(NamedTuple):
    """All frames of a clip as the learned parts see them."""

    seen: Seen
    logits: Float[Tensor, "clip time view joint state"]
    log_sigma: Float[Tensor, "clip time view joint"]
    pixels_only: WeightedPoints
    quality: Quality


class Perception(nn.Module):
    """Occlusion and triangulation, one after the other."""

    def __init__(self, *, skeleton: Skeleton, occlusion: OcclusionNet, triangulation: ViewWeights) -> None:
        super().__init__()
        self.skeleton = skeleton
        self.features = HeldFeatures(skeleton=skeleton)
        self.occlusion, self.triangulation = occlusion, triangulation

    def start(self, *, batch: int, views: int, device: torch.device) -> PerceptionMemory:
        """Return the memory before the first frame of a recording."""
        joints = len(self.skeleton.joints)
        return PerceptionMemory(
            seen=nothing_seen(batch=batch, views=views, joints=joints, device=device),
            occlusion=self.occlusion.start(batch=batch, views=views, joints=joints),
        )

    def forward(
        self,
        evidence: Evidence,
        memory: PerceptionMemory,
        *,
        unit_m: Float[Tensor, ""],
    ) -> tuple[Percept, PerceptionMemory]:
        """Perceive all frames of a clip of axes (clip, time, …)."""
        frames = evidence.frames
        seen, seen_after = self.features(evidence, memory.seen, unit_m=unit_m)
        belief = self.occlusion(seen.features, view_mask=frames.view_mask, hidden=memory.occlusion)
        weights = self.triangulation(
            seen.features,
            logits=belief.logits,
            log_sigma=belief.log_sigma,
            rig_variance=seen.rig_variance,
            usable=seen.linearised.usable,
        )
        pixels_only = self.triangulation.solve(seen.equations, weights, reference=seen.held.points)
        quality = fit_quality(seen.linearised, weights, step=pixels_only.step, rig_variance=seen.rig_variance)
        percept = Percept(seen, belief.logits, belief.log_sigma, pixels_only, quality)
        return percept, PerceptionMemory(seen_after, belief.hidden)
