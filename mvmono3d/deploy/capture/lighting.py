"""Watches the pictures of running cameras: alarms, and the next exposure, gain and strobe of all."""

import numpy as np

from mvmono3d.deploy.exposure.alarms import Alarm, AlarmLimits, Watch, watch
from mvmono3d.deploy.exposure.brightness import Brightness, Region, measure_brightness
from mvmono3d.deploy.exposure.control import Lighting, LightingLimits, next_lighting

_LOOK_NS = 100_000_000
"""All cameras are looked at once in this time, one at a time, so that no frame set waits for four."""
_SAME = 0.05
_PATIENCE_NS = 500_000_000
"""A camera that shows no change for so long can't follow: the others go on without it."""
_BLIND = (Alarm.DARK, Alarm.STUCK)
"""With these a camera's picture says nothing about the light."""


class LightingWatch:
    """The pictures seen so far, and what follows from them."""

    def __init__(
        self,
        lighting: Lighting,
        *,
        views: int,
        bits: int,
        region: Region | None,
        limits: LightingLimits | None,
    ) -> None:
        self.lighting = lighting
        """What all cameras are asked for."""
        self._bits, self._region, self._limits = bits, region, limits
        self._seen: list[Brightness | None] = [None] * views
        self._old: list[bool] = [False] * views
        self._watches = tuple(Watch() for _ in range(views))
        self._alarms: tuple[Alarm | None, ...] = (None,) * views
        self._turn = self._looked_ns = self._changed_ns = 0

    @property
    def alarms(self) -> tuple[Alarm | None, ...]:
        """What is wrong with each camera's pictures."""
        return self._alarms

    def turn(self, time_ns: int) -> int | None:
        """Return the camera whose picture should be looked at now, if any should."""
        return self._turn if time_ns - self._looked_ns >= _LOOK_NS // len(self._seen) else None

    def look(self, image: np.ndarray | None, *, taken: Lighting, time_ns: int) -> Lighting | None:
        """Look at the picture of the camera whose turn it is; returns what all should be set to, if changed.

        Args:
            image: `height width`; None where this camera delivered nothing.
            taken: How it was exposed.
            time_ns: Of its frame set.
        """
        view, self._looked_ns = self._turn, time_ns
        self._turn = (view + 1) % len(self._seen)
        self._seen[view] = (
            None if image is None else measure_brightness(image, region=self._region, bits=self._bits)
        )
        self._old[view] = abs(taken.amount - self.lighting.amount) > _SAME * self.lighting.amount
        return self._decide(time_ns) if self._turn == 0 else None

    def _decide(self, time_ns: int) -> Lighting | None:
        limits = AlarmLimits()
        self._watches = watch(self._watches, self._seen, time_ns=time_ns, limits=limits)
        self._alarms = tuple(each.raised(time_ns, limits) for each in self._watches)
        settling = any(self._old) and time_ns - self._changed_ns < _PATIENCE_NS
        if self._limits is None or settling:
            # Until frames show the last change nothing can be said about the next.
            return None
        trusted = [
            seen
            for seen, each in zip(self._seen, self._watches, strict=True)
            if seen is not None and each.wrong not in _BLIND
        ]
        wanted = next_lighting(self.lighting, trusted, self._limits)
        if wanted == self.lighting:
            return None
        self.lighting, self._changed_ns = wanted, time_ns
        return wanted
