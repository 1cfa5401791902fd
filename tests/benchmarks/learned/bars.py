"""The bars, and whether they are reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from mvmono3d.evaluation.compare import Interval
from tests.benchmarks.learned.sections import SHIFT
from tests.benchmarks.learned.statistics import (
    AT_95,
    change,
    count,
    groups_worse,
    most_lost_ground,
    off_or_silent,
    read,
    sequences_worse,
    share,
)


class Bound(NamedTuple):
    """Lowest and highest value that is good enough; None is open."""

    low: float | None = None
    high: float | None = None

    def holds(self, value):
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def text(self):
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        if self.high == 0:
            return "0"
        return f"≥ {self.low:g}" if self.high is None else f"≤ {self.high:g}"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What has to be reached on a section of one kind of actor."""

    number: int
    title: str
    unit: str = ""
    must: Bound
    aim: Bound | None = None


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A bar beside what was measured; `interval` is None where nothing was."""

    bar: Bar
    about: str
    """Skeleton or recording."""
    interval: Interval | None
    source: str
    """The section that it was measured on, or why it was not."""

    @property
    def verdict(self):
        """Say it plainly; an interval that reaches across the bar is said too."""
        if self.interval is None:
            return "not measured"
        must, value = self.bar.must, self.interval
        if must == Bound():
            return "no bar is set"
        if not must.holds(value.mean):
            return "**NOT MET**"
        word = "aim met" if self.bar.aim is not None and self.bar.aim.holds(value.mean) else "met"
        sure = must.holds(value.low) and must.holds(value.high)
        return word if sure else f"{word}, but the interval reaches past the bar"


@dataclass(frozen=True, kw_only=True)
class SampleBar(Bar):
    """A bar that scenes decide."""

    kind: str
    section: str
    statistic: Callable


def _less(number, title, *, kind, section, field, must, aim, row="undisturbed"):
    return SampleBar(
        number=number, title=title, unit="%", kind=kind, section=section,
        statistic=change(field, row=row), must=Bound(high=must), aim=Bound(high=aim),
    )  # fmt: skip


def _at_least(number, title, *, kind, section, statistic, must, aim=None, high=None):
    return SampleBar(
        number=number, title=title, kind=kind, section=section, statistic=statistic,
        must=Bound(low=must, high=high), aim=None if aim is None else Bound(low=aim),
    )  # fmt: skip


def _at_most(number, title, *, kind, section, statistic, must, aim=None, unit=""):
    return SampleBar(
        number=number, title=title, unit=unit, kind=kind, section=section, statistic=statistic,
        must=Bound(high=must), aim=None if aim is None else Bound(high=aim),
    )  # fmt: skip


def _against_kalman():
    body, hand = {"kind": "body", "section": "ring"}, {"kind": "hand", "section": "ring"}
    three = [
        _less(
            3, f"mean error against Kalman, layout {layout}, 3 of 4 cameras, 30 Hz", kind="body",
            section=f"{layout}3", field="held", must=-22, aim=-35, row="dead_1",
        )
        for layout in ("arc", "corners")
    ]  # fmt: skip
    return [
        _less(1, "mean error against Kalman", **body, field="held", must=-25, aim=-33),
        _less(2, "hidden joints against Kalman", **body, field="hidden", must=-48, aim=-60),
        *three,
        _less(4, "mean error against Kalman", **hand, field="held", must=-20, aim=-30),
        _less(4, "hidden joints against Kalman", **hand, field="hidden", must=-35, aim=-50),
    ]


def _live():
    here = {"kind": "hand", "section": "E"}
    return [
        _at_most(
            5, "regime E, lag 0: joints off by more than 10 mm or silent", **here,
            statistic=off_or_silent, must=10, aim=7, unit="%",
        ),
        _at_most(
            5, "regime E, lag 0: joints lost without saying so", **here,
            statistic=count("lost_in_silence"), must=0,
        ),
    ]  # fmt: skip


def _states_and_regions(kind):
    ring, stress = {"kind": kind, "section": "ring"}, {"kind": kind, "section": "stress"}
    shifted = share("covered", place=AT_95, row=SHIFT)
    frames = read("recovery_mean"), read("recovery_p90")
    level = "30 mm" if kind == "body" else "10 mm"
    return [
        _at_least(
            6, "occluded F1", **ring, statistic=read("occluded_f1"), must=0.88, aim=0.92
        ),
        _at_least(6, "macro F1 over four states", **ring, statistic=read("macro_f1"), must=0.83, aim=0.90),
        _at_least(
            7, "truths in the stated 95 %: all joints", **ring,
            statistic=share("covered", place=AT_95), must=0.93, high=0.97,
        ),
        _at_least(
            7, "truths in the stated 95 %: hidden joints", **ring,
            statistic=share("covered_hidden", place=AT_95), must=0.90,
        ),
        _at_least(
            7, "truths in the stated 95 %: after 10 unseen frames", **ring,
            statistic=share("covered_late", place=AT_95), must=0.88,
        ),
        _at_least(
            7, "truths in the stated 95 %: cameras off by 0.3° and 5 mm, not told", **stress,
            statistic=shifted, must=0.88,
        ),
        _at_most(
            8, f"frames until below {level} after an occlusion, mean", **ring,
            statistic=frames[0], must=2, aim=1,
        ),
        _at_most(
            8, f"frames until below {level} after an occlusion, 90 %", **ring,
            statistic=frames[1], must=5, aim=2,
        ),
    ]  # fmt: skip


def _never_worse(kind):
    here = {"kind": kind, "section": "stress"}
    far = "30 mm off where robust is within 10" if kind == "body" else "10 mm off where robust is within 3.3"
    return [
        _at_most(
            9, "stress rows and agreeing views with a mean error above robust's", **here,
            statistic=groups_worse, must=0,
        ),
        _at_most(
            9, "stress sequences with a mean error above robust's", **here,
            statistic=sequences_worse, must=0,
        ),
        _at_most(
            9, f"joints {far}, worst row", **here, statistic=most_lost_ground, must=0.1, aim=0.02, unit="%"
        ),
    ]  # fmt: skip


SAMPLE_BARS = (
    *_against_kalman(),
    *_live(),
    *(bar for kind in ("body", "hand") for bar in (*_states_and_regions(kind), *_never_worse(kind))),
)
STEP = Bar(
    number=10, title="one step of the graph, 4 views, one core, p50", unit="ms", must=Bound(high=1.0),
    aim=Bound(high=0.3),
)  # fmt: skip
REAL_BARS = {
    "median": Bar(
        number=11, title="left-out detections, median over robust's", must=Bound(high=1.0)
    ),
    "p90": Bar(number=11, title="left-out detections, 90 % over robust's", must=Bound(high=0.85)),
    "bones": Bar(number=11, title="bone-length variation over robust's", must=Bound(high=0.5)),
}  # fmt: skip


def reached_on(sample, bar, skeleton):
    """Measure a bar on its section's scenes."""
    return Reached(
        bar=bar,
        about=skeleton,
        interval=sample.interval(bar.statistic),
        source=f"{skeleton}-{bar.section}",
    )
