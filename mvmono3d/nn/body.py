"""The actor's own frame over a clip, smoothed causally."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.kinematics import body_frame
from mvmono3d.geometry.rigid import rotation_from_6d

KEEP_ORIGIN, KEEP_AXES = 0.5, 0.8
"""Share of the last frame's value that each frame keeps."""


class BodyPose(NamedTuple):
    """The actor's own frame."""

    origin: Float[Tensor, "*batch 3"]
    world_from_body: Float[Tensor, "*batch 3 3"]

    def into(self, points: Float[Tensor, "*batch joint 3"]) -> Float[Tensor, "*batch joint 3"]:
        """Express world points in the actor's frame."""
        return (points - self.origin[..., None, :]) @ self.world_from_body

    def out_of(self, points: Float[Tensor, "*batch joint 3"]) -> Float[Tensor, "*batch joint 3"]:
        """Express points of the actor's frame in the world."""
        return points @ self.world_from_body.mT + self.origin[..., None, :]


class Carry(NamedTuple):
    """How the actor as a whole moved since the last frame: what a limb nobody sees most likely did, too."""

    rotation: Float[Tensor, "*batch 3 3"]
    shift: Float[Tensor, "*batch 3"]
    drift: Float[Tensor, "*batch 3"]
    """How far the actor's origin went."""

    def along(self, points: Float[Tensor, "*batch joint 3"]) -> Float[Tensor, "*batch joint 3"]:
        """Move points of the last frame to where the actor's motion takes them."""
        return points @ self.rotation.mT + self.shift[..., None, :]


class BodyMemory(NamedTuple):
    """The smoothed frame before a clip."""

    numbers: Float[Tensor, "clip 9"]
    """The origin, then the first two axes, one after the other."""
    started: Bool[Tensor, " clip"]


def no_body(*, batch: int, device: torch.device) -> BodyMemory:
    """Return the memory before the first frame of a recording."""
    zero = torch.zeros(batch, 9, device=device)
    return BodyMemory(zero, zero[:, 0] > 0)


def follow_body(
    points: Float[Tensor, "clip time joint 3"], skeleton: Skeleton, memory: BodyMemory
) -> tuple[BodyPose, Carry, BodyMemory]:
    """Return the smoothed frame of every time, its motion since the time before, and the memory after."""
    frame = body_frame(points, skeleton)
    numbers = torch.cat([frame.origin_world, frame.world_from_body[..., :2].mT.flatten(-2)], dim=-1)
    smoothed = _smooth(numbers, memory)
    # The rotations of all times and of the one before in one go: an engine pays for every operation.
    origin, world_from_body = smoothed[..., :3], rotation_from_6d(smoothed[..., 3:])
    body = BodyPose(origin[:, 1:], world_from_body[:, 1:])
    carry = _carry(body, BodyPose(origin[:, :-1], world_from_body[:, :-1]))
    return body, carry, BodyMemory(smoothed[:, -1], torch.ones_like(memory.started))


def _carry(now: BodyPose, before: BodyPose) -> Carry:
    """Compare each frame with the one before; the first of a recording has none and counts as unmoved."""
    rotation = now.world_from_body @ before.world_from_body.mT
    shift = now.origin - (rotation @ before.origin[..., None])[..., 0]
    return Carry(rotation, shift, now.origin - before.origin)


def _smooth(
    numbers: Float[Tensor, "clip time 9"], memory: BodyMemory
) -> Float[Tensor, "clip time_and_one 9"]:
    """Average exponentially, from the time before the clip on; nothing before counts as the first value."""
    keep = numbers.new_tensor([KEEP_ORIGIN] * 3 + [KEEP_AXES] * 6)
    smoothed = [torch.where(memory.started[:, None], memory.numbers, numbers[:, 0])]
    for entering in ((1.0 - keep) * numbers).unbind(1):
        smoothed.append(keep * smoothed[-1] + entering)
    return torch.stack(smoothed, dim=1)
