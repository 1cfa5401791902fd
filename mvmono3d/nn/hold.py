"""The consensus of each joint held over the frames in which it has none."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.nn.evidence import Evidence


class HeldMemory(NamedTuple):
    """The latest consensus of each joint before the first frame of a clip."""

    points: Float[Tensor, "clip joint 3"]
    age_s: Float[Tensor, "clip joint"]
    seen: Bool[Tensor, "clip joint"]


class Held(NamedTuple):
    """The latest consensus of each joint, frame by frame."""

    points: Float[Tensor, "clip time joint 3"]
    before: Float[Tensor, "clip time joint 3"]
    """The same one frame earlier: where a joint that stands still would be expected."""
    age_s: Float[Tensor, "clip time joint"]
    """Time since the joint was last solved."""
    seen: Bool[Tensor, "clip time joint"]
    """Whether it was ever solved."""


def nothing_held(*, batch: int, joints: int, device: torch.device) -> HeldMemory:
    """Return the memory before the first frame of a recording."""
    zero = torch.zeros(batch, joints, device=device)
    return HeldMemory(zero[..., None].expand(-1, -1, 3), zero, zero > 0)


def hold(evidence: Evidence, memory: HeldMemory) -> tuple[Held, HeldMemory]:
    """Carry the last solution forward; a joint never solved yet stands at the centre of the others."""
    points, age_s, seen = memory
    steps = []
    for time in range(evidence.solved.shape[1]):
        solved = evidence.solved[:, time]
        number = solved[..., None].to(points.dtype)
        count = number.sum(1, keepdim=True)
        centre = (evidence.points[:, time] * number).sum(1, keepdim=True) / count.clamp(min=1.0)
        before = torch.where(seen[..., None] | (count == 0), points, centre)
        now = torch.where(solved[..., None], evidence.points[:, time], before)
        age_s = torch.where(solved, 0.0, age_s + evidence.frames.time_step_s[:, time, None])
        # A joint seen for the first time was nowhere before: nothing moved.
        before = torch.where((seen | ~solved)[..., None], before, now)
        points, seen = now, seen | solved
        steps.append((points, before, age_s, seen))
    columns = [torch.stack(column, dim=1) for column in zip(*steps, strict=True)]
    return Held(*columns), HeldMemory(points, age_s, seen)


def shifted(values: Tensor, first: Tensor) -> Tensor:
    """Return the values one frame earlier along time, `first` standing before the first."""
    return torch.cat([first[:, None], values[:, :-1]], dim=1)
