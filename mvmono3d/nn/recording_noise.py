"""The detector's noise in each recording, and recordings brought to the noise that a network knows.

Dividing an image's pixels and its lens by the same number changes no geometry: a recording whose
detections are twice as noisy is one of half the resolution.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor

from mvmono3d.geometry.noise_scale import fit_sigma_px
from mvmono3d.nn.evidence import Frames

_FRAMES = 16
"""Frames of a training clip that its noise is measured on: neighbours say the same."""


def bring_to_noise(frames: Frames, wanted_px: Float[Tensor, ""]) -> Frames:
    """Rescale each clip so that its detections have the wanted noise [px]."""
    return rescale(frames, wanted_px / measure_noise_px(frames))


def measure_noise_px(frames: Frames) -> Float[Tensor, " clip"]:
    """Return the standard deviation per axis of each clip's good detections, in pixels."""
    stride = max(1, frames.pixels.shape[1] // _FRAMES)
    thinned = Frames(*(value[:, ::stride] for value in frames))
    noise = [_noise_px(Frames(*(value[clip] for value in thinned))) for clip in range(len(frames.pixels))]
    return torch.tensor(noise, dtype=frames.pixels.dtype, device=frames.pixels.device)


def rescale(frames: Frames, factor: Float[Tensor, " clip"]) -> Frames:
    """Magnify the images of each clip: pixels, focal lengths and centres, nothing else."""
    ones = frames.lens.new_ones(len(factor), 6)
    scale = torch.cat([factor[:, None].expand(-1, 4), ones], dim=1)
    return frames._replace(
        pixels=frames.pixels * factor[:, None, None, None, None], lens=frames.lens * scale[:, None, None]
    )


def misjudge(frames: Frames, *, sigma: float, generator: Generator) -> Frames:
    """Rescale each clip as if its noise had been measured with this standard error of its logarithm."""
    error = torch.randn(len(frames.pixels), generator=generator).to(frames.pixels)
    return rescale(frames, torch.exp(sigma * error))


def _noise_px(clip: Frames) -> float:
    pixels, confidence, lens, pose = (
        value.cpu().numpy().astype(np.float64)
        for value in (clip.pixels, clip.confidence, clip.lens, clip.camera_from_world)
    )
    detected = (clip.detected & clip.view_mask[..., None]).cpu().numpy()
    return fit_sigma_px(pixels, confidence, detected, lens=lens, camera_from_world=pose)
