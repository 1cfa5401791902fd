"""The consensus of each joint held over the frames in which it has none."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.nn.evidence import Evidence


class Held(NamedTuple):
    """The latest consensus of each joint, frame by frame."""

    points: Float[Tensor, "clip time joint 3"]
    age_s: Float[Tensor, "clip time joint"]
    seen: Bool[Tensor, "clip time joint"]


def hold(evidence: Evidence) -> Held:
    """Carry the last solution forward; a joint never solved yet stands at the centre of the others."""
    solved, points = evidence.solved, evidence.points
    times = torch.arange(solved.shape[1], device=solved.device)[:, None]
    latest = torch.where(solved, times, -1).cummax(1).values
    seen = latest >= 0
    index = latest.clamp(min=0)
    held = points.gather(1, index[..., None].expand_as(points))
    count = solved.sum(2)[..., None, None]
    centre = (points * solved[..., None]).sum(2, keepdim=True) / count.clamp(min=1)
    clock = evidence.frames.time_step_s.cumsum(1)[..., None].expand_as(latest)
    age_s = torch.where(seen, clock - clock.gather(1, index), clock)
    return Held(torch.where(seen[..., None], held, centre), age_s, seen)


def previous(values: Tensor) -> Tensor:
    """Shift by one frame along time; the first frame repeats itself."""
    return torch.cat([values[:, :1], values[:, :-1]], dim=1)
