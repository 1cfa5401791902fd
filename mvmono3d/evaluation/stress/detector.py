"""What goes wrong with a detector. Sizes are multiples of the recording's own noise, `sigma_px`."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from mvmono3d.core.array import Array
from mvmono3d.core.clip import Clip
from mvmono3d.core.limbs import limb_of_joint
from mvmono3d.core.observations import Observations
from mvmono3d.core.occlusion import OcclusionLabels, OcclusionState
from mvmono3d.evaluation.stress.cameras import frame_rate
from mvmono3d.evaluation.stress.silence import forget, relabel
from mvmono3d.synthetic.processes import bursts, correlation, drift

_SLOW_S = -1.0 / (60.0 * np.log(0.97))
"""Correlation time of slow noise: 0.97 from frame to frame at 60 Hz."""
_SWAP_S = 0.1
_OUTLIER_SIGMAS = (10.0, 60.0)
_GUESS_SIGMAS, _GUESS_S = 8.0, 0.4
"""How far a guess of a hidden joint lies off, per axis, and how long it stays there."""
_SILENT_SHARE, _SILENT_S = 0.5, 0.12
"""Share of hidden joints without detection, and mean length of such a gap."""
_TRUSTED_SHARE, _TRUSTED_S = 0.3, 0.3
"""Share of guesses that score as if they were seen."""
_DOUBT = 0.4
"""What is left of the confidence of the others."""


def add_white_noise(clip: Clip, random: np.random.Generator, *, noise_px: float) -> Clip:
    """Add independent Gaussian noise, a standard deviation per axis."""
    pixels = clip.observations.pixels
    return _moved(clip, noise_px * random.standard_normal(pixels.shape))


def add_slow_noise(clip: Clip, random: np.random.Generator, *, noise_px: float) -> Clip:
    """Add noise that drifts, alike in neighbouring frames: no filter averages it away."""
    rho = correlation(_SLOW_S, rate_hz=frame_rate(clip))
    return _moved(clip, noise_px * drift(random, clip.observations.pixels.shape, correlation=rho))


def add_outliers(clip: Clip, random: np.random.Generator, *, share: float, sigma_px: float) -> Clip:
    """Let detections land anywhere, frame by frame, at unchanged confidence."""
    shape = clip.observations.detected.shape
    hit, angle = random.random(shape) < share, 2 * np.pi * random.random(shape)
    length = hit * sigma_px * random.uniform(*_OUTLIER_SIGMAS, shape)
    return _moved(clip, np.stack([np.cos(angle) * length, np.sin(angle) * length], axis=-1))


def swap_sides(clip: Clip, random: np.random.Generator, *, share: float) -> Clip:
    """Take limbs for their mirror partners, in bursts per view."""
    observations, limb = clip.observations, limb_of_joint(clip.skeleton)
    shape = (*observations.detected.shape[:2], int(limb.max(initial=-1)) + 1)
    if share == 0 or shape[-1] == 0:
        return clip
    drawn = bursts(random, shape, share=share, mean_frames=_SWAP_S * frame_rate(clip))
    swapped, mirror = drawn[:, :, limb] & (limb >= 0), list(clip.skeleton.mirror)
    sigma = observations.sigma_px
    seen = replace(
        observations,
        pixels=np.where(swapped[..., None], observations.pixels[:, :, mirror], observations.pixels),
        confidence=np.where(swapped, observations.confidence[:, :, mirror], observations.confidence),
        detected=np.where(swapped, observations.detected[:, :, mirror], observations.detected),
        sigma_px=None if sigma is None else np.where(swapped, sigma[:, :, mirror], sigma),
    )
    return replace(clip, observations=seen)


def level_scores(clip: Clip, *, score: float) -> Clip:
    """Give all detections one score: it says nothing any more."""
    observations = clip.observations
    level = np.full_like(observations.confidence, score) * observations.detected
    return replace(clip, observations=replace(observations, confidence=level.astype(level.dtype)))


def hide(
    clip: Clip, random: np.random.Generator, *, hidden: Bool[Array, "time view joint"], sigma_px: float
) -> Clip:
    """Let the detector guess or keep silent on joints that something hides now; they become OBJECT.

    What was not detected stays so, and what was UNKNOWN (outside the image, say) too. The truth stays.
    """
    observations, rate = clip.observations, frame_rate(clip)
    shape = observations.detected.shape
    silent = bursts(random, shape, share=_SILENT_SHARE, mean_frames=_SILENT_S * rate)
    trusted = bursts(random, shape, share=_TRUSTED_SHARE, mean_frames=_TRUSTED_S * rate)
    guess = drift(random, (*shape, 2), correlation=correlation(_GUESS_S, rate_hz=rate))
    moved = _moved(clip, hidden[..., None] * _GUESS_SIGMAS * sigma_px * guess).observations
    doubted = np.where(hidden & ~trusted, _DOUBT, 1.0)
    confidence = (observations.confidence * doubted).astype(observations.confidence.dtype)
    guessed = forget(replace(moved, confidence=confidence), hidden & silent)
    return replace(clip, observations=guessed, occlusion=_hidden_labels(clip.occlusion, hidden))


def _hidden_labels(labels: OcclusionLabels | None, hidden: np.ndarray) -> OcclusionLabels | None:
    if labels is None:
        return None
    unknown = np.asarray(labels.labelled) & (np.asarray(labels.state) == OcclusionState.UNKNOWN)
    return relabel(labels, hidden & ~unknown, OcclusionState.OBJECT)


def _moved(clip: Clip, offset_px: np.ndarray) -> Clip:
    observations: Observations = clip.observations
    pixels = observations.pixels + offset_px * np.asarray(observations.detected)[..., None]
    return replace(clip, observations=replace(observations, pixels=pixels.astype(observations.pixels.dtype)))
