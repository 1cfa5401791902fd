"""Contact with a level plane: nothing of the actor is below the floor."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton


class FloorContact(nn.Module):
    """Keep every joint's flesh above a horizontal plane; for rigs whose world was laid on the floor.

    A one-sided constraint, satisfied by projection (Müller et al., Position Based Dynamics, 2007): a joint
    deeper than half its capsule's radius above the plane is lifted.
    """

    radius_m: Tensor

    def __init__(self, *, skeleton: Skeleton, height_m: float) -> None:
        super().__init__()
        self.height_m = height_m
        radii = skeleton.radius_m or tuple(0.0 for _ in skeleton.joints)
        self.register_buffer("radius_m", torch.tensor(radii), persistent=False)

    def forward(
        self, points: Float[Tensor, "*batch joint 3"], *, unit_m: Float[Tensor, ""]
    ) -> Float[Tensor, "*batch joint 3"]:
        """Lift what is too low; `points` are in network units, +Z up."""
        lowest = (self.height_m + 0.5 * self.radius_m) / unit_m
        height = torch.maximum(points[..., 2], lowest)
        return torch.cat([points[..., :2], height[..., None]], dim=-1)
