"""What exposure, gain and strobe should be next: one answer for all cameras.

Within its limits a picture's level is proportional to exposure time x gain x strobe. Their product follows
the brightness; how it is divided is fixed: a longer exposure first, up to the blur limit, then gain, then
strobe. The answer depends on the product alone, so cameras can't drift apart and no order of changes matters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mvmono3d.deploy.exposure.brightness import Brightness
from mvmono3d.errors import ConfigurationError

_S_PER_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Lighting:
    """What all cameras are set to in one frame."""

    exposure_ns: int
    gain: float = 1.0
    """A factor, not decibels."""
    strobe: float = 1.0
    """Share of the strobe's full power."""

    @property
    def amount(self) -> float:
        """What the level is proportional to."""
        return self.exposure_ns * self.gain * self.strobe


@dataclass(frozen=True, slots=True, kw_only=True)
class LightingLimits:
    """What the cameras and the strobe can do, and what the picture should be.

    Raises:
        ConfigurationError: if a range is empty or the target is not between 0 and 1.
    """

    target: float = 0.35
    """Level in the region, of full scale."""
    tolerance: float = 0.08
    """Nothing is changed while the level is within this share of the target."""
    most_saturated: float = 0.01
    """More saturated pixels than this darken the picture, whatever its level."""
    fastest: float = 1.25
    """Greatest change of the light from one frame set to the next."""
    exposure_ns: tuple[int, int] = (20_000, 4_000_000)
    gain: tuple[float, float] = (1.0, 8.0)
    strobe: tuple[float, float] = (0.25, 1.0)
    blur_px: float = 1.0
    """The exposure is no longer than what moves the actor's image so far."""

    def __post_init__(self) -> None:
        ranges = (self.exposure_ns, self.gain, self.strobe)
        ordered = all(0 < least <= most for least, most in ranges)
        sound = 0 < self.target < 1 and self.fastest > 1 and self.blur_px > 0 and self.tolerance >= 0
        if not (ordered and sound):
            raise ConfigurationError(
                f"exposure control: exposure {self.exposure_ns} ns, gain {self.gain}, strobe {self.strobe}, "
                f"target {self.target}, fastest {self.fastest}, blur {self.blur_px} px; expected ranges of "
                "positive numbers from least to most, a target between 0 and 1, a fastest change above 1"
            )

    def longest_ns(self, speed_px_s: float) -> int:
        """Return the longest exposure at this speed of the actor in the image; never below the least."""
        least, most = self.exposure_ns
        if speed_px_s <= 0:
            return most
        return max(least, int(min(most, self.blur_px / speed_px_s / _S_PER_NS)))


def divide(amount: float, limits: LightingLimits, *, speed_px_s: float = 0.0) -> Lighting:
    """Divide an amount of light: exposure up to the blur limit first, then gain, then strobe."""
    least_gain, least_strobe = limits.gain[0], limits.strobe[0]
    wanted_ns = round(amount / (least_gain * least_strobe))
    exposure_ns = min(max(wanted_ns, limits.exposure_ns[0]), limits.longest_ns(speed_px_s))
    gain = _within(amount / (exposure_ns * least_strobe), limits.gain)
    strobe = _within(amount / (exposure_ns * gain), limits.strobe)
    return Lighting(exposure_ns=exposure_ns, gain=gain, strobe=strobe)


def _within(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])


def next_lighting(
    now: Lighting, seen: Sequence[Brightness], limits: LightingLimits, *, speed_px_s: float = 0.0
) -> Lighting:
    """Return what all cameras should be set to next.

    `seen` holds the cameras whose pictures can be trusted (no alarm); without any, only the blur limit is
    kept. The middle camera decides the level, and any camera that saturates darkens all.
    """
    return divide(now.amount * _change(seen, limits), limits, speed_px_s=speed_px_s)


def _change(seen: Sequence[Brightness], limits: LightingLimits) -> float:
    if not seen:
        return 1.0
    if max(each.saturated for each in seen) > limits.most_saturated:
        return 1 / limits.fastest
    levels = sorted(each.level for each in seen)
    middle = levels[(len(levels) - 1) // 2]
    if abs(middle - limits.target) <= limits.tolerance * limits.target:
        return 1.0
    return _within(limits.target / max(middle, 1e-6), (1 / limits.fastest, limits.fastest))
