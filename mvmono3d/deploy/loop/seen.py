"""What each view saw of one actor in one frame set, and how good the detector says it is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.record import Record
from mvmono3d.deploy.detect.look import Sighting

_NOISE_PX = (0.3, 20.0)
_SURE = 0.5
_LEAST_SURE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Record):
    """2D joints of one actor; pixels are 0 where not detected."""

    pixels: Float[Array, "view joint 2"]
    confidence: Float[Array, "view joint"]
    detected: Bool[Array, "view joint"]
    sigma_px: Float[Array, "view joint"]
    """The detector's own standard deviation per axis."""
    visible: Float[Array, "view joint"]
    """Probability that nothing stands between joint and camera."""

    def observations(self, time_ns: int) -> Observations:
        """Return it as a recording of one frame."""
        return Observations(
            pixels=self.pixels[None],
            confidence=self.confidence[None],
            detected=self.detected[None],
            time_ns=np.array([time_ns], dtype=np.int64),
            sigma_px=self.sigma_px[None],
        )

    def table(self) -> list[list[list[float]]]:
        """Return u v confidence of every view's joints, as lists; confidence 0: not detected."""
        return np.concatenate([self.pixels, self.confidence[..., None]], axis=-1).tolist()


def seen_of(sighting: Sighting, candidate: Array, *, least_confidence: float) -> Seen:
    """Return what one candidate per view (a number, or -1 for none) makes of an actor."""
    views = np.arange(len(candidate))
    if not len(sighting.pixels):
        shape = sighting.confidence.shape[1:]
        return nothing_seen(*shape)
    chosen = np.maximum(candidate, 0)
    confidence = sighting.confidence[chosen, views]
    detected = (confidence >= least_confidence) & (candidate >= 0)[:, None]
    return Seen(
        pixels=np.where(detected[..., None], sighting.pixels[chosen, views], 0.0),
        confidence=np.where(detected, confidence, 0.0),
        detected=detected,
        sigma_px=sighting.sigma_px[chosen, views],
        visible=sighting.visible[chosen, views],
    )


def nothing_seen(views: int, joints: int) -> Seen:
    """Return what is seen while nobody looks."""
    plain = np.zeros((views, joints))
    return Seen(
        pixels=np.zeros((views, joints, 2)),
        confidence=plain,
        detected=plain > 0.0,
        sigma_px=plain + 1.0,
        visible=plain,
    )


def likeliest(sighting: Sighting) -> Array:
    """Return each view's candidate of most confidence, -1 where it has none."""
    if not len(sighting.confidence):
        return np.full(sighting.confidence.shape[1], -1)
    total = sighting.confidence.sum(axis=-1)
    return np.where(total.max(axis=0) > 0.0, total.argmax(axis=0), -1)


def noise_px(seen: Seen | Sighting) -> float | None:
    """Return the detector's standard deviation of joints that it sees well; `None` where there are few."""
    sure = (seen.confidence >= _SURE) & (seen.visible >= _SURE)
    if sure.sum() < _LEAST_SURE:
        return None
    return float(np.clip(np.median(seen.sigma_px[sure]), *_NOISE_PX))
