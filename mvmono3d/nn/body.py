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

    origin: Float[Tensor, "clip 3"]
    axes: Float[Tensor, "clip 6"]
    """The first two axes, one after the other."""
    started: Bool[Tensor, " clip"]


def no_body(*, batch: int, device: torch.device) -> BodyMemory:
    """Return the memory before the first frame of a recording."""
    zero = torch.zeros(batch, 6, device=device)
    return BodyMemory(zero[:, :3], zero, zero[:, 0] > 0)


def follow_body(
    points: Float[Tensor, "clip time joint 3"], skeleton: Skeleton, memory: BodyMemory
) -> tuple[BodyPose, Carry, BodyMemory]:
    """Return the smoothed frame of every time, its motion since the time before, and the memory after."""
    frame = body_frame(points, skeleton)
    axes = frame.world_from_body[..., :2].mT.flatten(-2)
    origin = _smooth(frame.origin_world, memory.origin, memory.started, KEEP_ORIGIN)
    smoothed = _smooth(axes, memory.axes, memory.started, KEEP_AXES)
    after = BodyMemory(origin[:, -1], smoothed[:, -1], torch.ones_like(memory.started))
    body = BodyPose(origin, rotation_from_6d(smoothed))
    return body, _carry(body, origin, smoothed, memory), after


def _carry(body: BodyPose, origin: Tensor, axes: Tensor, memory: BodyMemory) -> Carry:
    """Compare each frame with the one before; the first of a recording has none and counts as unmoved."""
    started = memory.started[:, None]
    first_origin = torch.where(started, memory.origin, origin[:, 0])[:, None]
    first_axes = torch.where(started, memory.axes, axes[:, 0])[:, None]
    origin_before = torch.cat([first_origin, origin[:, :-1]], dim=1)
    before = torch.cat([rotation_from_6d(first_axes), body.world_from_body[:, :-1]], dim=1)
    rotation = body.world_from_body @ before.mT
    shift = origin - (rotation @ origin_before[..., None])[..., 0]
    return Carry(rotation, shift, origin - origin_before)


def _smooth(values: Tensor, last: Tensor, started: Tensor, keep: float) -> Tensor:
    """Average exponentially over time; a clip that begins a recording starts at its first value."""
    last = torch.where(started[:, None], last, values[:, 0])
    smoothed = []
    for time in range(values.shape[1]):
        last = keep * last + (1.0 - keep) * values[:, time]
        smoothed.append(last)
    return torch.stack(smoothed, dim=1)
