"""The consensus of each joint held over the frames in which it has none, carried along by the actor."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.nn.body import BodyMemory, BodyPose, Carry, follow_body, no_body
from mvmono3d.nn.evidence import Evidence


class HeldMemory(NamedTuple):
    """The latest consensus of each joint before the first frame of a clip."""

    points: Float[Tensor, "clip joint 3"]
    points_body: Float[Tensor, "clip joint 3"]
    """The same in the actor's own frame of that time."""
    age_s: Float[Tensor, "clip joint"]
    seen: Bool[Tensor, "clip joint"]
    body: BodyMemory


class Held(NamedTuple):
    """The latest consensus of each joint, frame by frame."""

    points: Float[Tensor, "clip time joint 3"]
    before: Float[Tensor, "clip time joint 3"]
    """The same one frame earlier, carried along: where a joint that moves with the actor is expected."""
    age_s: Float[Tensor, "clip time joint"]
    """Time since the joint was last solved."""
    seen: Bool[Tensor, "clip time joint"]
    """Whether it was ever solved."""
    body: BodyPose
    carry: Carry


def nothing_held(*, batch: int, joints: int, device: torch.device) -> HeldMemory:
    """Return the memory before the first frame of a recording."""
    zero = torch.zeros(batch, joints, device=device)
    place = zero[..., None].expand(-1, -1, 3)
    return HeldMemory(place, place, zero, zero > 0, no_body(batch=batch, device=device))


def hold(evidence: Evidence, memory: HeldMemory, *, skeleton: Skeleton) -> tuple[Held, HeldMemory]:
    """Carry the last solution forward; a joint never solved yet stands at the centre of the others.

    The actor's frame follows the joints held in the world; in it all joints are then held.
    """
    solved = evidence.solved
    in_world, _ = _latest(evidence.points, solved, first=memory.points, seen=memory.seen)
    body, carry, body_after = follow_body(in_world, skeleton, memory.body)
    own = body.into(evidence.points)
    in_body, before = _latest(own, solved, first=memory.points_body, seen=memory.seen)
    age_s, seen = _ages(solved, evidence.frames.time_step_s, memory)
    held = Held(body.out_of(in_body), body.out_of(before), age_s, seen, body, carry)
    after = HeldMemory(in_world[:, -1], in_body[:, -1], age_s[:, -1], seen[:, -1], body_after)
    return held, after


def shifted(values: Tensor, first: Tensor) -> Tensor:
    """Return the values one frame earlier along time, `first` standing before the first."""
    return torch.cat([first[:, None], values[:, :-1]], dim=1)


def _latest(
    points: Float[Tensor, "clip time joint 3"],
    solved: Bool[Tensor, "clip time joint"],
    *,
    first: Float[Tensor, "clip joint 3"],
    seen: Bool[Tensor, "clip joint"],
) -> tuple[Tensor, Tensor]:
    """Return each joint's latest solution at every time, and that of the time before."""
    last, steps = first, []
    number = solved[..., None].to(points.dtype)
    count = number.sum(2, keepdim=True)
    centre = (points * number).sum(2, keepdim=True) / count.clamp(min=1.0)
    for time in range(points.shape[1]):
        here = solved[:, time]
        before = torch.where(seen[..., None] | (count[:, time] == 0), last, centre[:, time])
        last = torch.where(here[..., None], points[:, time], before)
        # A joint seen for the first time was nowhere before: nothing moved.
        before = torch.where((seen | ~here)[..., None], before, last)
        seen = seen | here
        steps.append((last, before))
    now, before = (torch.stack(column, dim=1) for column in zip(*steps, strict=True))
    return now, before


def _ages(
    solved: Bool[Tensor, "clip time joint"], time_step_s: Float[Tensor, "clip time"], memory: HeldMemory
) -> tuple[Tensor, Tensor]:
    age_s, seen, steps = memory.age_s, memory.seen, []
    for time in range(solved.shape[1]):
        age_s = torch.where(solved[:, time], 0.0, age_s + time_step_s[:, time, None])
        seen = seen | solved[:, time]
        steps.append((age_s, seen))
    ages, ever = (torch.stack(column, dim=1) for column in zip(*steps, strict=True))
    return ages, ever
