"""Constant offsets of each view's detections, learned while enough other views see the joint.

Calibration errors and a detector's habits push a joint the same way in a view for seconds. Where many views
see it, they outvote each other; what each was off by is remembered and taken out, so that the few views
that are left later speak as truly as all of them did.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.nn.evidence import Evidence, Frames
from mvmono3d.nn.linearise import project_pinhole

_MEMORY_S = 3.0
"""Time constant of forgetting."""
_DOUBT_S = 0.4
"""An offset watched for this long is believed by half."""


class OffsetMemory(NamedTuple):
    """Weighted sums behind the running mean offset of every detection."""

    total: Float[Tensor, "clip view joint 2"]
    """In noise units times seconds."""
    watched_s: Float[Tensor, "clip view joint"]


def no_offsets(*, batch: int, views: int, joints: int, device: torch.device) -> OffsetMemory:
    """Return the memory before the first frame of a recording."""
    zero = torch.zeros(batch, views, joints, device=device)
    return OffsetMemory(zero[..., None].expand(-1, -1, -1, 2), zero)


def take_out_offsets(evidence: Evidence, memory: OffsetMemory) -> tuple[Frames, OffsetMemory]:
    """Return frames without the offsets that earlier frames have shown; causal."""
    frames = evidence.frames
    expected, in_front = project_pinhole(evidence.points, frames)
    known = evidence.inlier & evidence.confident[..., None, :] & in_front
    residual = torch.where(known[..., None], frames.pixels - expected, 0.0)
    offsets, after = _running_mean(residual, known, frames.time_step_s, memory)
    pixels = torch.where(frames.detected[..., None], frames.pixels - offsets, 0.0)
    return frames._replace(pixels=pixels), after


def _running_mean(
    residual: Float[Tensor, "clip time view joint 2"],
    known: Bool[Tensor, "clip time view joint"],
    time_step_s: Float[Tensor, "clip time"],
    memory: OffsetMemory,
) -> tuple[Float[Tensor, "clip time view joint 2"], OffsetMemory]:
    total, watched_s = memory
    kept = torch.exp(-time_step_s / _MEMORY_S)[..., None, None]
    gained = known * time_step_s[..., None, None]
    added = residual * gained[..., None]
    offsets = []
    for time in range(residual.shape[1]):
        offsets.append(total / (watched_s + _DOUBT_S)[..., None])
        total = total * kept[:, time, ..., None] + added[:, time]
        watched_s = watched_s * kept[:, time] + gained[:, time]
    return torch.stack(offsets, dim=1), OffsetMemory(total, watched_s)
