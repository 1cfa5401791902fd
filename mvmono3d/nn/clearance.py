"""How far each line of sight passes from the actor's own capsules."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.rigid import camera_centres

_BLUR = 0.01
"""In body units: least distance of a sight line from a bone. At 0 the root would magnify every rounding."""
_FAR = 1.0
"""Clearance in body units beyond which nothing is hidden anyway."""


class Clearance(nn.Module):
    """Distance from the sight line camera → joint to the nearest foreign capsule, less its radius.

    Capsules are bones and the skeleton's `flesh`; those that end in a joint are its own. The next bone of a
    chain is foreign: a bent finger hides its own knuckles.

    Closest points of two segments: Ericson, Real-Time Collision Detection (2004), section 5.1.9,
    here with the bone treated in the plane across the sight line, where its closest point is exact.
    """

    radius_m: Tensor
    foreign: Tensor
    ends: Tensor
    """The joints where capsules start, then those where they end."""

    def __init__(self, *, skeleton: Skeleton) -> None:
        super().__init__()
        radii = skeleton.radius_m or tuple(0.0 for _ in skeleton.joints)
        bones = [(parent, child, radii[child]) for parent, child in skeleton.bones]
        starts, ends, radius_m = zip(*bones, *skeleton.flesh, strict=True)
        foreign = [
            [joint not in capsule for capsule in zip(starts, ends, strict=True)]
            for joint in range(len(skeleton.joints))
        ]
        self.register_buffer("ends", torch.tensor([*starts, *ends]), persistent=False)
        self.register_buffer("radius_m", torch.tensor(radius_m), persistent=False)
        self.register_buffer("foreign", torch.tensor(foreign), persistent=False)

    def forward(
        self,
        points: Float[Tensor, "*batch joint 3"],
        *,
        camera_from_world: Float[Tensor, "*batch view 3 4"],
        unit_m: Float[Tensor, ""],
    ) -> Float[Tensor, "*batch view joint"]:
        """Return the clearance in network units, within [-1, 1]; negative where a capsule is in the way."""
        # Components, then joint view bone: sums of three, in the same order on every engine.
        places = points.mT
        centres = camera_centres(camera_from_world).mT
        sight = places[..., :, None] - centres[..., None, :]
        distance = (sight.square().sum(-3) + 1e-12).sqrt()
        direction = (sight / distance[..., None, :, :])[..., None]
        start, end = places.index_select(-1, self.ends).chunk(2, dim=-1)
        # From the joint on: numbers of the actor's size, which keeps the digits of squared lengths.
        bone = (end - start)[..., None, None, :]
        start = (start[..., None, :] - places[..., :, None])[..., None, :]
        along, along_bone = (direction * start).sum(-4), (direction * bone).sum(-4)
        # Products of what is left across the sight line: a . b - (a . direction) (b . direction).
        across = (start * bone).sum(-4) - along * along_bone
        across_bone = bone.square().sum(-4) - along_bone.square()
        fraction = (-across / (across_bone + 1e-9)).clamp(0.0, 1.0)
        squared = start.square().sum(-4) - along.square()
        squared = squared + fraction * (2.0 * across + fraction * across_bone)
        gap = (squared.clamp(min=0.0) + _BLUR**2).sqrt()
        along = along + fraction * along_bone
        radius = self.radius_m / unit_m
        # Flesh within one radius of the joint is the joint's own surroundings.
        between = (along < -radius) & (along > -distance[..., None]) & self.foreign[:, None]
        clearance = torch.where(between, gap - radius, _FAR).amin(-1).clamp(-_FAR, _FAR)
        return clearance.mT
