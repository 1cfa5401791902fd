"""Features of whole clips about the held consensus of each joint."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.uncertainty import pose_variance_px2
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.features import FrameFeatures, Past
from mvmono3d.nn.hold import Held, HeldMemory, hold, nothing_held, shifted
from mvmono3d.nn.linearise import Linearised, NormalEquations, linearise, normal_equations
from mvmono3d.nn.offsets import OffsetMemory, no_offsets, take_out_offsets


class SeenMemory(NamedTuple):
    """The last frame before a clip."""

    held: HeldMemory
    offsets: OffsetMemory
    pixels: Float[Tensor, "clip view joint 2"]
    detected: Bool[Tensor, "clip view joint"]


class Seen(NamedTuple):
    """A clip's measurements, linearised about the held consensus, with their features."""

    held: Held
    linearised: Linearised
    equations: NormalEquations
    rig_variance: Float[Tensor, "clip time view joint"]
    """Pixel variance that the rig's own error adds [px²]."""
    features: Float[Tensor, "clip time view joint feature"]
    offsets: Float[Tensor, "clip time view joint 2"]
    """What was taken out of the detections; see `nn.offsets`."""


def nothing_seen(*, batch: int, views: int, joints: int, device: torch.device) -> SeenMemory:
    """Return the memory before the first frame of a recording."""
    zero = torch.zeros(batch, views, joints, device=device)
    held = nothing_held(batch=batch, joints=joints, device=device)
    offsets = no_offsets(batch=batch, views=views, joints=joints, device=device)
    return SeenMemory(held, offsets, zero[..., None].expand(-1, -1, -1, 2), zero > 0)


class HeldFeatures(nn.Module):
    """Compute the features of all frames of a clip at once."""

    def __init__(self, *, skeleton: Skeleton) -> None:
        super().__init__()
        self.skeleton = skeleton
        self.features = FrameFeatures(skeleton=skeleton)

    def forward(
        self, evidence: Evidence, memory: SeenMemory, *, unit_m: Float[Tensor, ""]
    ) -> tuple[Seen, SeenMemory]:
        """Look at a clip; the memory after it makes the next clip go on where this one ended."""
        frames, offsets = take_out_offsets(evidence, memory.offsets)
        held, after = hold(evidence, memory.held, skeleton=self.skeleton)
        linearised = linearise(frames, held.points)
        equations = normal_equations(linearised)
        past = Past(
            pixels=shifted(frames.pixels, memory.pixels),
            detected=shifted(frames.detected, memory.detected),
            expected=held.before,
            age_s=held.age_s,
        )
        rig_variance = pose_variance_px2(linearised.depth, lens=frames.lens, pose_sigma=frames.pose_sigma)
        features = self.features(
            evidence._replace(frames=frames),
            linearised,
            equations,
            rig_variance=rig_variance,
            reference=held.points,
            body=held.body,
            past=past,
            unit_m=unit_m,
        )
        taken_out = evidence.frames.pixels - frames.pixels
        seen = Seen(held, linearised, equations, rig_variance, features, taken_out)
        return seen, SeenMemory(after, offsets, frames.pixels[:, -1], frames.detected[:, -1])

    def of_recording(self, evidence: Evidence, *, unit_m: Float[Tensor, ""]) -> Seen:
        """Look at clips that have no past."""
        clips, _, views, joints = evidence.frames.detected.shape
        memory = nothing_seen(batch=clips, views=views, joints=joints, device=evidence.points.device)
        return self(evidence, memory, unit_m=unit_m)[0]
