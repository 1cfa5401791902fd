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
) -> tuple[BodyPose, BodyMemory]:
    """Return the smoothed frame of every time, and the memory after the clip."""
    frame = body_frame(points, skeleton)
    axes = frame.world_from_body[..., :2].mT.flatten(-2)
    origin = _smooth(frame.origin_world, memory.origin, memory.started, KEEP_ORIGIN)
    smoothed = _smooth(axes, memory.axes, memory.started, KEEP_AXES)
    after = BodyMemory(origin[:, -1], smoothed[:, -1], torch.ones_like(memory.started))
    return BodyPose(origin, rotation_from_6d(smoothed)), after


def _smooth(values: Tensor, last: Tensor, started: Tensor, keep: float) -> Tensor:
    """Average exponentially over time; a clip that begins a recording starts at its first value."""
    last = torch.where(started[:, None], last, values[:, 0])
    smoothed = []
    for time in range(values.shape[1]):
        last = keep * last + (1.0 - keep) * values[:, time]
        smoothed.append(last)
    return torch.stack(smoothed, dim=1)
