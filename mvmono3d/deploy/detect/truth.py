"""A detector for rehearsals: it looks up what is true of the virtual rig's frames, and adds noise.

Nothing is learned from pixels here: numbers that rest on it say how well everything after detection works.
"""

from dataclasses import replace

import msgspec
import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.cameras.virtual_truth import VirtualTruth
from mvmono3d.deploy.detect.protocol import CropJoints, Crops, WholeImages
from mvmono3d.deploy.detect.windows import Windows, WindowSettings, around_pixels
from mvmono3d.geometry.crop import carry_pixels, similarity_scale

_HIDDEN = (OcclusionState.SELF, OcclusionState.OBJECT)
_JITTER = 0.05
"""How far a window that the finder finds lies off, as a share of its side."""


class TruthSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How good the rehearsed detector is."""

    seed: int = 0
    noise_px: float = 1.0
    """Standard deviation per axis of visible joints, in the image."""
    hidden_noise_px: float = 6.0
    """The same of hidden ones, which it guesses."""
    confidence: float = 0.9
    hidden_confidence: float = 0.3
    size: int = 192
    """Of the crops that it asks for, and looks at only to see which are there."""


class TruthDetector:
    """Answers with the truth of each camera's frame, whatever the crop shows; see `Detector`."""

    def __init__(self, truth: VirtualTruth, skeleton: Skeleton, settings: TruthSettings) -> None:
        self._truth, self._settings, self.skeleton = truth, settings, skeleton

    @property
    def size(self) -> int:
        """See `Detector`."""
        return self._settings.size

    def detect(self, crops: Crops) -> CropJoints:
        """See `Detector`: joints outside the crop are not found."""
        settings = self._settings
        pixels, state = _of_frames(self._truth, crops.frame_id)
        hidden = np.isin(state, _HIDDEN)
        sigma_px = np.where(hidden, settings.hidden_noise_px, settings.noise_px)
        pixels = pixels + sigma_px[..., None] * _noise(crops.frame_id, pixels.shape[1:], settings.seed)
        in_crop = carry_pixels(crops.crop_from_image, pixels)
        inside = ((in_crop >= -0.5) & (in_crop <= settings.size - 0.5)).all(axis=-1)
        there = inside & (state != OcclusionState.UNKNOWN) & crops.known[:, None]
        confidence = np.where(hidden, settings.hidden_confidence, settings.confidence)
        return CropJoints(
            pixels=np.where(there[..., None], in_crop, 0.0),
            sigma_px=sigma_px * similarity_scale(crops.crop_from_image)[:, None],
            confidence=np.where(there, confidence, 0.0),
            visible=np.where(hidden, 1.0 - settings.confidence, settings.confidence),
        )


class TruthFinder:
    """Finds the actor where it truly is, give or take; see `Finder`."""

    def __init__(self, truth: VirtualTruth, settings: TruthSettings) -> None:
        self._truth, self._seed = truth, settings.seed

    def find(self, images: WholeImages) -> tuple[Windows, ...]:
        """See `Finder`."""
        pixels, state = _of_frames(self._truth, images.frame_id)
        there = (state != OcclusionState.UNKNOWN) & images.present[:, None]
        windows = around_pixels(pixels, there, settings=WindowSettings())
        off = _JITTER * windows.side_px[:, None] * _noise(images.frame_id, (2,), self._seed + 1)
        found = replace(windows, centre_px=windows.centre_px + off)
        return (found,) if found.known.any() else ()


def _of_frames(
    truth: VirtualTruth, frame_id: Int[Array, " view"]
) -> tuple[Float[Array, "view joint 2"], Int[Array, "view joint"]]:
    rows = np.array([truth.frame(int(each)) for each in frame_id])
    views = np.arange(len(rows))
    return truth.pixels[rows, views], truth.state[rows, views]


def _noise(frame_id: Int[Array, " view"], shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return the same noise for the same frame of the same camera, in whichever order they come."""
    draws = [np.random.default_rng((seed, view, int(each))) for view, each in enumerate(frame_id)]
    return np.stack([draw.standard_normal(shape) for draw in draws])
