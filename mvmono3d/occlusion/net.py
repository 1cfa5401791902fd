"""Occlusion state and measurement noise of every joint in every view."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.nn.features import FEATURES
from mvmono3d.nn.recurrent import Memory


class OcclusionBelief(NamedTuple):
    """What the network believes of each measurement."""

    logits: Float[Tensor, "clip time view joint state"]
    log_sigma: Float[Tensor, "clip time view joint"]
    """Logarithm of the measurement's standard deviation, in units of the detector's noise."""
    hidden: Float[Tensor, "clip view joint width"]
    """The memory after the last frame."""


class OcclusionNet(nn.Module):
    """A set function over views (any number, any order), mixed over joints, recurrent over time.

    Views exchange their mean and maximum (Zaheer et al., Deep Sets, 2017); joints exchange by a learned
    matrix; each (view, joint) remembers through a gated recurrent unit.
    """

    def __init__(self, *, skeleton: Skeleton, width: int) -> None:
        super().__init__()
        joints = len(skeleton.joints)
        self.width = width
        self.enter = nn.Linear(len(FEATURES), width)
        self.embedding = nn.Parameter(0.1 * torch.randn(joints, width))
        self.of_view = nn.Linear(width, width)
        self.of_all_views = nn.Linear(2 * width, width, bias=False)
        self.of_joint = nn.Linear(width, width)
        self.joint_mixing = nn.Parameter(0.1 * torch.randn(joints, joints))
        self.of_other_joints = nn.Linear(width, width, bias=False)
        self.memory = Memory(width)
        self.head = nn.Linear(2 * width, len(OcclusionState) + 1)
        with torch.no_grad():
            # Start near "every measurement has the detector's own noise".
            self.head.weight.mul_(0.3)
            self.head.bias.zero_()

    def forward(
        self,
        features: Float[Tensor, "clip time view joint feature"],
        *,
        view_mask: Bool[Tensor, "clip time view"],
        hidden: Float[Tensor, "clip view joint width"],
    ) -> OcclusionBelief:
        """Judge all frames of a clip, going on from `hidden`; masked views neither give nor take."""
        local = self._exchange(features, view_mask)
        clips, times, views, joints, width = local.shape
        sequences = local.movedim(1, 3).reshape(-1, times, width)
        remembered, last = self.memory(sequences, hidden.reshape(1, -1, width))
        remembered = remembered.reshape(clips, views, joints, times, width).movedim(3, 1)
        output = self.head(torch.cat([local, remembered], dim=-1))
        return OcclusionBelief(
            output[..., :-1], output[..., -1].clamp(-1.5, 6.0), last.reshape(clips, views, joints, width)
        )

    def start(self, *, batch: int, views: int, joints: int) -> Float[Tensor, "clip view joint width"]:
        """Return the memory before the first frame."""
        return torch.zeros(batch, views, joints, self.width, device=self.embedding.device)

    def _exchange(self, features: Tensor, view_mask: Tensor) -> Tensor:
        local = torch.relu(self.enter(features) + self.embedding)
        kept = torch.where(view_mask[..., None, None], local, 0.0)
        count = view_mask.sum(-1)[..., None, None, None].clamp(min=1)
        # What views share is computed once for all of them.
        shared = torch.cat([kept.sum(-3, keepdim=True) / count, kept.amax(-3, keepdim=True)], dim=-1)
        local = torch.relu(self.of_view(local) + self.of_all_views(shared))
        mixed = self.joint_mixing @ self.of_other_joints(local)
        return torch.relu(self.of_joint(local) + mixed)
