"""Occlusion state and measurement noise of every joint in every view."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.nn.features import FEATURES


class OcclusionBelief(NamedTuple):
    """What the network believes of each measurement."""

    logits: Float[Tensor, "*batch view joint state"]
    log_sigma: Float[Tensor, "*batch view joint"]
    """Logarithm of the measurement's standard deviation, in units of the detector's noise."""
    hidden: Float[Tensor, "*batch view joint width"]


class OcclusionNet(nn.Module):
    """A set function over views (any number, any order), mixed over joints, recurrent over time.

    Views exchange their mean and maximum (Zaheer et al., Deep Sets, 2017); joints exchange by a learned
    matrix; each (view, joint) remembers through a gated recurrent unit.
    """

    def __init__(self, *, skeleton: Skeleton, width: int, embedding: int) -> None:
        super().__init__()
        joints = len(skeleton.joints)
        self.width = width
        self.embedding = nn.Parameter(0.3 * torch.randn(joints, embedding))
        self.enter = nn.Linear(len(FEATURES) + embedding, width)
        self.across_views = nn.Linear(3 * width, width)
        self.joint_mixing = nn.Parameter(0.1 * torch.randn(joints, joints))
        self.across_joints = nn.Linear(2 * width, width)
        self.memory = nn.GRUCell(width, width)
        self.head = nn.Linear(2 * width, len(OcclusionState) + 1)
        with torch.no_grad():
            # Start near "every measurement has the detector's own noise".
            self.head.weight.mul_(0.3)
            self.head.bias.zero_()

    def forward(
        self,
        features: Float[Tensor, "batch view joint feature"],
        *,
        view_mask: Bool[Tensor, "batch view"],
        hidden: Float[Tensor, "batch view joint width"],
    ) -> OcclusionBelief:
        """Update the belief with one frame set; masked views neither give nor take."""
        batch, views, joints, _ = features.shape
        embedding = self.embedding.expand(batch, views, joints, -1)
        local = torch.relu(self.enter(torch.cat([features, embedding], dim=-1)))
        mask = view_mask[:, :, None, None]
        kept = torch.where(mask, local, 0.0)
        mean = kept.sum(1, keepdim=True) / view_mask.sum(1)[:, None, None, None].clamp(min=1)
        most = kept.amax(1, keepdim=True)
        shared = [local, mean.expand_as(local), most.expand_as(local)]
        local = torch.relu(self.across_views(torch.cat(shared, dim=-1)))
        mixed = self.joint_mixing @ local
        local = torch.relu(self.across_joints(torch.cat([local, mixed], dim=-1)))
        flat = self.memory(local.reshape(-1, self.width), hidden.reshape(-1, self.width))
        hidden = flat.reshape(batch, views, joints, self.width)
        output = self.head(torch.cat([local, hidden], dim=-1))
        return OcclusionBelief(output[..., :-1], output[..., -1].clamp(-1.5, 6.0), hidden)
