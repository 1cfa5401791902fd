"""Clips as the plain tensors that networks take."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.nn.evidence import Frames


def frames_of(observations: Observations, rig: Rig) -> Frames:
    """Open the records of a batch: observations (clip, time, …) and their rigs (clip, …).

    A view that never detects anything in a clip counts as masked out.
    """
    detected = observations.detected
    clips, times, views, _ = detected.shape
    lens = rig.camera.lens[:, None].expand(clips, times, views, -1)
    return Frames(
        pixels=observations.pixels,
        confidence=observations.confidence,
        detected=detected,
        lens=lens,
        camera_from_world=rig.camera_from_world[:, None].expand(clips, times, views, 3, 4),
        pose_sigma=rig.pose_sigma[:, None].expand(clips, times, views, 2),
        view_mask=detected.any(-1).any(1, keepdim=True).expand(clips, times, views),
        time_step_s=time_steps(observations.time_ns),
    )


def frames_of_clip(batch: Clip) -> Frames:
    """Open a batch of clips."""
    return frames_of(batch.observations, batch.rig)


def time_steps(time_ns: Int[Tensor, "clip time"]) -> Float[Tensor, "clip time"]:
    """Return the time since the frame set before, in seconds; the first has none."""
    steps = time_ns.diff(dim=1).to(torch.float32) * 1e-9
    first = steps.new_zeros((time_ns.shape[0], 1))
    return torch.cat([first, steps], dim=1)
