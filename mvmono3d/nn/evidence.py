"""What geometry alone says of each frame set, in units that suit a network.

Lengths are divided by the actor's size and pixels by the detector's noise, so that one network serves
a hand at half a metre and a body at four, at any resolution.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mvmono3d.geometry.lens import undistort
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings, RobustTriangulated
from mvmono3d.geometry.robust_straight import triangulate_robust_straight

CONFIDENT_VIEWS = 3
"""Views that must agree before a consensus counts as confident (2 can agree by accident)."""

_UNDISTORT_STEPS = 4
"""Within 0.01 px in the far corners of the widest real lenses."""
_SETTINGS = RobustSettings(sigma_px=1.0)
"""Normalised frames have a noise of 1 by construction."""


class Frames(NamedTuple):
    """Frame sets as plain tensors: `*batch` is (clip, time) for a clip, (clip,) for one step."""

    pixels: Float[Tensor, "*batch view joint 2"]
    confidence: Float[Tensor, "*batch view joint"]
    detected: Bool[Tensor, "*batch view joint"]
    lens: Float[Tensor, "*batch view 10"]
    camera_from_world: Float[Tensor, "*batch view 3 4"]
    pose_sigma: Float[Tensor, "*batch view 2"]
    view_mask: Bool[Tensor, "*batch view"]
    time_step_s: Float[Tensor, "*batch"]


class Evidence(NamedTuple):
    """Frames with the robust consensus of each joint. Lengths and pixels are in the network's units."""

    frames: Frames
    points: Float[Tensor, "*batch joint 3"]
    covariance: Float[Tensor, "*batch joint 3 3"]
    solved: Bool[Tensor, "*batch joint"]
    confident: Bool[Tensor, "*batch joint"]
    agreeing: Int[Tensor, "*batch joint"]
    inlier: Bool[Tensor, "*batch view joint"]
    reason: Int[Tensor, "*batch joint"]


def normalise(frames: Frames, *, unit_m: Tensor, noise_px: Tensor) -> Frames:
    """Express frames in the network's units, with the lens distortion taken out.

    Args:
        frames: metres and distorted pixels.
        unit_m: the length that becomes 1, shape ().
        noise_px: the detector's noise that becomes 1, shape ().
    """
    detected = frames.detected & frames.view_mask[..., None]
    normalised = undistort(frames.pixels, frames.lens, steps=_UNDISTORT_STEPS)
    focal = frames.lens[..., :2] / noise_px
    pixels = normalised * focal[..., None, :]
    pixels = torch.where(detected[..., None], pixels, 0.0)
    # A pinhole whose centre is (0, 0): pixels are offsets from the optical axis.
    lens = torch.cat([focal, torch.zeros_like(frames.lens[..., 2:])], dim=-1)
    scale = torch.cat([torch.ones_like(unit_m).expand(3), 1 / unit_m.reshape(1)])
    return Frames(
        pixels=pixels,
        confidence=torch.where(detected, frames.confidence, 0.0),
        detected=detected,
        lens=lens,
        camera_from_world=frames.camera_from_world * scale,
        pose_sigma=frames.pose_sigma * torch.stack([torch.ones_like(unit_m), 1 / unit_m]),
        view_mask=frames.view_mask,
        time_step_s=frames.time_step_s,
    )


@torch.no_grad()
def gather_evidence(frames: Frames) -> Evidence:
    """Triangulate every joint robustly; `frames` are normalised. Nothing here is learned.

    This is the form that is exported; `gather_evidence_in_bulk` is many times faster in training.
    """
    return _evidence(
        frames,
        triangulate_robust_straight(
            frames.pixels,
            frames.confidence,
            frames.detected,
            focal=frames.lens[..., :2],
            camera_from_world=frames.camera_from_world,
            settings=_SETTINGS,
        ),
    )


def gather_evidence_in_bulk(frames: Frames) -> Evidence:
    """Do the same with the compiled kernel."""
    return _evidence(frames, triangulate_in_bulk(frames, _SETTINGS))


@torch.no_grad()
def triangulate_in_bulk(frames: Frames, settings: RobustSettings) -> RobustTriangulated:
    """Triangulate tensors with the compiled kernel, in float64 on the CPU, wherever they lie."""
    pixels, confidence, lens, pose = (
        value.detach().cpu().numpy().astype(np.float64)
        for value in (frames.pixels, frames.confidence, frames.lens, frames.camera_from_world)
    )
    robust = triangulate_robust_bulk(
        pixels,
        confidence,
        frames.detected.cpu().numpy(),
        lens=lens,
        camera_from_world=pose,
        settings=settings,
    )
    tensors = (torch.as_tensor(value, device=frames.pixels.device) for value in robust)
    like = frames.pixels.dtype
    return RobustTriangulated(*(value.to(like) if value.is_floating_point() else value for value in tensors))


def _evidence(frames: Frames, robust: RobustTriangulated) -> Evidence:
    solved = robust.reason == 0
    return Evidence(
        frames=frames,
        points=robust.points_world,
        covariance=robust.covariance_world,
        solved=solved,
        confident=solved & (robust.agreeing >= CONFIDENT_VIEWS),
        agreeing=robust.agreeing,
        inlier=robust.inlier,
        reason=robust.reason,
    )
