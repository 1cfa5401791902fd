"""How far each line of sight passes from the actor's own capsules."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.rigid import camera_centres

_FAR = 1.0
"""Clearance in body units beyond which nothing is hidden anyway."""


class Clearance(nn.Module):
    """Distance from the sight line camera → joint to the nearest foreign bone, less that bone's radius.

    Closest points of two segments: Ericson, Real-Time Collision Detection (2004), section 5.1.9,
    here with the bone treated in the plane across the sight line, where its closest point is exact.
    """

    radius_m: Tensor
    foreign: Tensor

    def __init__(self, *, skeleton: Skeleton) -> None:
        super().__init__()
        parents = [parent for parent, _ in skeleton.bones]
        children = [child for _, child in skeleton.bones]
        radii = skeleton.radius_m or tuple(0.0 for _ in skeleton.joints)
        self.bone_starts, self.bone_ends = parents, children
        foreign = [
            [joint not in bone for bone in _widened(skeleton)] for joint in range(len(skeleton.joints))
        ]
        self.register_buffer("radius_m", torch.tensor([radii[child] for child in children]), persistent=False)
        self.register_buffer("foreign", torch.tensor(foreign), persistent=False)

    def forward(
        self,
        points: Float[Tensor, "*batch joint 3"],
        *,
        camera_from_world: Float[Tensor, "*batch view 3 4"],
        unit_m: Float[Tensor, ""],
    ) -> Float[Tensor, "*batch view joint"]:
        """Return the clearance in network units, within [-1, 1]; negative where a capsule is in the way."""
        origin = camera_centres(camera_from_world)[..., :, None, :]
        sight = points[..., None, :, :] - origin
        distance = (sight.square().sum(-1, keepdim=True) + 1e-12).sqrt()
        direction = (sight / distance)[..., :, :, None, :]
        start, along_start = _across(points[..., self.bone_starts, :], origin, direction)
        end, along_end = _across(points[..., self.bone_ends, :], origin, direction)
        bone = end - start
        fraction = -(start * bone).sum(-1) / (bone.square().sum(-1) + 1e-9)
        fraction = fraction.clamp(0.0, 1.0)
        gap = ((start + fraction[..., None] * bone).square().sum(-1) + 1e-12).sqrt()
        along = along_start + fraction * (along_end - along_start)
        radius = self.radius_m / unit_m
        # Flesh within one radius of the joint is the joint's own surroundings.
        between = (along < distance - radius) & (along > 0) & self.foreign
        return torch.where(between, gap - radius, _FAR).amin(-1).clamp(-_FAR, _FAR)


def _across(
    ends: Float[Tensor, "*batch bone 3"],
    origin: Float[Tensor, "*batch view 1 3"],
    direction: Float[Tensor, "*batch view joint 1 3"],
) -> tuple[Float[Tensor, "*batch view joint bone 3"], Float[Tensor, "*batch view joint bone"]]:
    """Split bone ends into the part across each sight line and the length along it."""
    relative = (ends[..., None, :, :] - origin)[..., :, None, :, :]
    along = (relative * direction).sum(-1)
    return relative - along[..., None] * direction, along


def _widened(skeleton: Skeleton) -> list[set[int]]:
    """Return the joints of each bone and of the bones that touch it."""
    bones = skeleton.bones
    return [{joint for other in bones if set(other) & set(bone) for joint in other} for bone in bones]
