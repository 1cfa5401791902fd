"""How each joint moves while it is seen and while it is hidden: the filter's parameters, learned.

Two things choose them together: the skeleton's memory, which knows how all of it moves, and what the filter
itself says of the joint in this very frame.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.imputation.filter import Dynamics
from mvmono3d.nn.habits import HABITS
from mvmono3d.nn.quality import Quality

_LOG_ACCELERATION, _LOG_PROCESS = 6.0, -16.0
_DAMPING = 3.0
_CARRIED = -3.0
_REACH = 2.0
"""The variances must be able to move by decades within a short training."""


class Tuning(NamedTuple):
    """The filter's dynamics, and a factor on the variance that it states."""

    dynamics: Dynamics
    variance_factor: Float[Tensor, "*batch joint"]


class ImputationNet(nn.Module):
    """A small network shared by all joints: age, information and uncertainty in, dynamics out."""

    INPUTS = 7
    """Age, log information of the measurements, log predicted variance, log innovation, and `Quality`."""

    def __init__(self, *, skeleton: Skeleton, width: int, embedding: int) -> None:
        super().__init__()
        joints = len(skeleton.joints)
        self.embedding = nn.Parameter(0.1 * torch.randn(joints, embedding))
        self.layers = nn.Sequential(
            nn.Linear(self.INPUTS + embedding, width), nn.ReLU(), nn.Linear(width, HABITS)
        )
        self.raw_degrees = nn.Parameter(torch.tensor(2.0))
        last = self.layers[-1]
        if isinstance(last, nn.Linear):
            with torch.no_grad():
                last.weight.mul_(0.1)
                last.bias.zero_()

    def forward(
        self,
        *,
        age_s: Float[Tensor, "batch joint"],
        information: Float[Tensor, "batch joint"],
        variance: Float[Tensor, "batch joint"],
        innovation: Float[Tensor, "batch joint"],
        quality: Quality,
        habits: Float[Tensor, "batch joint habit"],
    ) -> Tuning:
        """Choose the dynamics from quantities in network units and from the skeleton's own `habits`."""
        inputs = torch.stack(
            [
                torch.log1p(10.0 * age_s),
                0.2 * torch.log(information + 1e-2),
                0.2 * torch.log(variance + 1e-8) + 1.0,
                torch.log1p(20.0 * innovation),
                *quality,
            ],
            dim=-1,
        )
        embedding = self.embedding.expand(*age_s.shape, -1)
        output = _REACH * (self.layers(torch.cat([inputs, embedding], dim=-1)) + habits)
        dynamics = Dynamics(
            acceleration_variance=torch.exp(output[..., 0].clamp(-8.0, 8.0) + _LOG_ACCELERATION),
            process_variance=torch.exp(output[..., 2].clamp(-6.0, 10.0) + _LOG_PROCESS),
            damping=torch.sigmoid(output[..., 1] + _DAMPING),
            carried=torch.sigmoid(output[..., 4] + _CARRIED),
            degrees=(nn.functional.softplus(self.raw_degrees) + 0.5).expand_as(age_s),
        )
        return Tuning(dynamics, torch.exp(output[..., 3].clamp(-3.0, 3.0)))
