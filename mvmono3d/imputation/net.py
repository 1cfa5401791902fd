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

_COMPRESSED = ((10.0, 1.0, 1.0, 0.0), (1.0, 1e-2, 0.2, 0.0), (1.0, 1e-8, 0.2, 1.0), (20.0, 1.0, 1.0, 0.0))
"""Of x: a, b, c, d of c log(a x + b) + d; age, information, variance, innovation."""
_LIMITS = ((6.0, -8.0, 8.0), (3.0, -1e9, 1e9), (-16.0, -6.0, 10.0), (0.0, -3.0, 3.0), (-3.0, -1e9, 1e9))
"""What is added to each output, after it was kept within these; in the order of `nn.habits`."""
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
        columns = [age_s, information, variance, innovation, *quality]
        # Joints last until all numbers of a joint are together: an engine then moves them once.
        inputs = _squeezed(torch.stack(columns, dim=-2)).mT
        embedding = self.embedding.expand(*age_s.shape, -1)
        output = _REACH * (self.layers(torch.cat([inputs, embedding], dim=-1)) + habits)
        return _tuning(output.mT, degrees=nn.functional.softplus(self.raw_degrees) + 0.5)


def _squeezed(columns: Float[Tensor, "*batch 7 joint"]) -> Float[Tensor, "*batch 7 joint"]:
    """Compress age, information, variance and innovation by logarithms; `Quality` is already."""
    times, added, scale, offset = (columns.new_tensor(row)[:, None] for row in zip(*_COMPRESSED, strict=True))
    logarithms = torch.log(times * columns[..., : len(_COMPRESSED), :] + added) * scale + offset
    return torch.cat([logarithms, columns[..., len(_COMPRESSED) :, :]], dim=-2)


def _tuning(output: Float[Tensor, "*batch 5 joint"], *, degrees: Float[Tensor, ""]) -> Tuning:
    offset, least, most = (output.new_tensor(row)[:, None] for row in zip(*_LIMITS, strict=True))
    limited = torch.minimum(torch.maximum(output, least), most) + offset
    acceleration, damping, process, factor, carried = limited.unbind(-2)
    dynamics = Dynamics(
        acceleration_variance=torch.exp(acceleration),
        process_variance=torch.exp(process),
        damping=torch.sigmoid(damping),
        carried=torch.sigmoid(carried),
        degrees=degrees.expand_as(carried),
    )
    return Tuning(dynamics, torch.exp(factor))
