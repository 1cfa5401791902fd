"""What a clip shows, before any filter: states, noise, weights, triangulated joints, the prior's guess.

Nothing here depends on the filter, so all frames of a clip go through at once.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.held_features import HeldFeatures, Seen, SeenMemory, nothing_seen
from mvmono3d.nn.hold import shifted
from mvmono3d.nn.linearise import variance_of
from mvmono3d.nn.quality import Quality, fit_quality
from mvmono3d.nn.rig_doubt import RigDoubt, doubt_rig
from mvmono3d.occlusion.net import OcclusionBelief, OcclusionNet
from mvmono3d.prior.net import PriorNet, PseudoMeasurement
from mvmono3d.triangulation.net import ViewWeights, WeightedPoints


class PerceptionMemory(NamedTuple):
    """What perception remembers between clips (or, online, between frame sets)."""

    seen: SeenMemory
    occlusion: Float[Tensor, "clip view joint width"]
    triangulated: Float[Tensor, "clip joint 3"]
    prior: Float[Tensor, "clip width"]


class Percept(NamedTuple):
    """All frames of a clip as the learned parts see them."""

    seen: Seen
    belief: OcclusionBelief
    pixels_only: WeightedPoints
    quality: Quality
    rig_doubt: RigDoubt
    guess: PseudoMeasurement


class Perception(nn.Module):
    """Occlusion, triangulation and prior, one after the other."""

    def __init__(
        self, *, skeleton: Skeleton, occlusion: OcclusionNet, triangulation: ViewWeights, prior: PriorNet
    ) -> None:
        super().__init__()
        self.skeleton = skeleton
        self.features = HeldFeatures(skeleton=skeleton)
        self.occlusion, self.triangulation, self.prior = occlusion, triangulation, prior

    def start(self, *, batch: int, views: int, device: torch.device) -> PerceptionMemory:
        """Return the memory before the first frame of a recording."""
        joints = len(self.skeleton.joints)
        return PerceptionMemory(
            seen=nothing_seen(batch=batch, views=views, joints=joints, device=device),
            occlusion=self.occlusion.start(batch=batch, views=views, joints=joints),
            triangulated=torch.zeros(batch, joints, 3, device=device),
            prior=self.prior.start(batch=batch),
        )

    def forward(
        self,
        evidence: Evidence,
        memory: PerceptionMemory,
        *,
        unit_m: Float[Tensor, ""],
        mean_pose: Float[Tensor, "joint 3"],
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
        rig_doubt = doubt_rig(seen.linearised, weights, step=pixels_only.step, offsets=seen.offsets)
        before = shifted(pixels_only.points, memory.triangulated)
        began = shifted(seen.held.seen, memory.seen.held.seen)[..., None]
        guess = self.prior(
            pixels_only.points,
            variance=variance_of(pixels_only.covariance),
            motion=torch.where(began, pixels_only.points - before, 0.0),
            age_s=seen.held.age_s,
            drift=seen.held.carry.drift,
            body=seen.held.body,
            mean_pose=mean_pose,
            hidden=memory.prior,
        )
        after = PerceptionMemory(seen_after, belief.hidden, pixels_only.points[:, -1], guess.hidden)
        return Percept(seen, belief, pixels_only, quality, rig_doubt, guess), after
