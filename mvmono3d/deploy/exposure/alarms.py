"""Pictures that can't be right: too bright, too dark, or always the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mvmono3d.deploy.exposure.brightness import Brightness

_NS_PER_MS = 1_000_000


class Alarm(Enum):
    """What is wrong with a camera's pictures."""

    SATURATED = "saturated"
    """Too much of the region is at full scale."""
    DARK = "dark"
    """Others see light: its lens is covered, or its light is dead."""
    NO_LIGHT = "no_light"
    """No camera sees light: the infrared strobe is dead or switched off."""
    STUCK = "stuck"
    """Frames advance, but the picture is the same to the last bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLimits:
    """When an alarm is raised."""

    saturated: float = 0.05
    dark: float = 0.02
    """A level below this is darkness."""
    after_ns: int = 300 * _NS_PER_MS
    """What is wrong for so long, without a break, raises the alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What was wrong with one camera's last picture, and since when."""

    wrong: Alarm | None = None
    since_ns: int = 0
    content: int | None = None

    def raised(self, time_ns: int, limits: AlarmLimits) -> Alarm | None:
        """Return the alarm, once it has lasted."""
        return self.wrong if self.wrong and time_ns - self.since_ns >= limits.after_ns else None


def watch(
    before: Sequence[Watch], seen: Sequence[Brightness | None], *, time_ns: int, limits: AlarmLimits
) -> tuple[Watch, ...]:
    """Judge one frame set, a picture or None per camera; a camera without a picture stays as it was."""
    dark = [each is not None and each.level < limits.dark for each in seen]
    all_dark = all(dark[camera] for camera, each in enumerate(seen) if each is not None)
    return tuple(
        old if new is None else _watched(old, new, all_dark=all_dark, time_ns=time_ns, limits=limits)
        for old, new in zip(before, seen, strict=True)
    )


def _watched(old: Watch, new: Brightness, *, all_dark: bool, time_ns: int, limits: AlarmLimits) -> Watch:
    if new.saturated > limits.saturated:
        wrong = Alarm.SATURATED
    elif new.level < limits.dark:
        # A covered sensor may well show the same zeros for ever.
        wrong = Alarm.NO_LIGHT if all_dark else Alarm.DARK
    elif new.content == old.content:
        wrong = Alarm.STUCK
    else:
        wrong = None
    since_ns = old.since_ns if wrong is old.wrong else time_ns
    return Watch(wrong=wrong, since_ns=since_ns, content=new.content)
