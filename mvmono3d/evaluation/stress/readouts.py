"""The numbers that a table shows, read off summed measures."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from mvmono3d.evaluation.score import UNSEEN_BINS
from mvmono3d.evaluation.stress.measures import LATE_FRAMES, MOST_VIEWS, Measures
from mvmono3d.evaluation.table import length_text
from mvmono3d.metrics.calibration import LEVELS
from mvmono3d.metrics.occlusion import macro_f1

Value = Callable[[Measures], float | None]
_FEWEST_AGREEING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """One number: `unit` is "mm", "%", "frames", "m/s²", "ms" or "" (between 0 and 1)."""

    name: str
    title: str
    unit: str
    value: Value
    group: bool = False
    """One of a curve's points, not a number of its own."""

    def text(self, measures: Measures) -> str:
        """Return the number as a table shows it; "-" where nothing was counted."""
        value = self.value(measures)
        if value is None:
            return "-"
        if self.unit == "mm":
            return length_text(value)
        return f"{100 * value:.1f}" if self.unit == "%" else f"{value:.{2 if self.unit else 3}f}"


def mean(tally: np.ndarray) -> float | None:
    """Return total / count; None where nothing was counted."""
    return float(tally[0] / tally[1]) if tally[1] > 0 else None


def bin_name(first: int, last: int) -> str:
    """Return how a bin of unseen frames is called in names."""
    return f"{first}+" if last > 10**6 else f"{first}-{last}" if last > first else f"{first}"


def views_name(number: int) -> str:
    """Return how a group of joints that so many views see is called."""
    return f"{number}+" if number == MOST_VIEWS else f"{number}"


def recovery_quantile(histogram: np.ndarray, fraction: float) -> float | None:
    """Return the fewest frames within which that share of the occlusions was over."""
    total = histogram.sum()
    if not total:
        return None
    return float(np.searchsorted(np.cumsum(histogram), fraction * total - 1e-9))


def _of(field: str, place: int = 0) -> Value:
    return partial(_mean_of, field=field, place=place)


def _mean_of(measures: Measures, *, field: str, place: int) -> float | None:
    return mean(getattr(measures, field)[place])


def _root_of(measures: Measures, *, field: str, place: int) -> float | None:
    value = _mean_of(measures, field=field, place=place)
    return None if value is None else float(np.sqrt(max(value, 0.0)))


def _recovery_mean(measures: Measures) -> float | None:
    frames = np.arange(len(measures.recovery))
    return mean(np.array([(frames * measures.recovery).sum(), measures.recovery.sum()]))


def _recovery_quantile(measures: Measures, *, fraction: float) -> float | None:
    return recovery_quantile(measures.recovery, fraction)


def _macro_f1(measures: Measures) -> float | None:
    counts = measures.confusion.astype(np.int64)
    return float(macro_f1(counts)) if counts.any() else None


def _occluded_f1(measures: Measures) -> float | None:
    hit, false, missed = measures.occluded
    return float(2 * hit / (2 * hit + false + missed)) if hit + missed > 0 else None


def _excess(measures: Measures) -> float | None:
    return mean(measures.excess.sum(axis=0))


def _plain() -> list[Readout]:
    return [
        Readout(name="mpjpe_mm", title="MPJPE mm", unit="mm", value=_of("error")),
        Readout(name="held_mm", title="held mm", unit="mm", value=_of("held")),
        Readout(name="hidden_mm", title="hidden mm", unit="mm", value=_of("hidden")),
        Readout(name="lost", title="lost %", unit="%", value=_of("lost")),
        Readout(name="off_near", title="> near %", unit="%", value=_of("off_near")),
        Readout(name="off_far", title="> far %", unit="%", value=_of("off_far")),
        Readout(name="recovery_mean", title="recovery mean", unit="frames", value=_recovery_mean),
        *(
            Readout(
                name=f"recovery_p{percent}",
                title=f"p{percent}",
                unit="frames",
                value=partial(_recovery_quantile, fraction=percent / 100),
            )
            for percent in (50, 90, 95)
        ),
        Readout(name="macro_f1", title="macro F1", unit="", value=_macro_f1),
        Readout(name="occluded_f1", title="occluded F1", unit="", value=_occluded_f1),
        Readout(name="false_visible", title="false visible %", unit="%", value=_of("false_visible")),
        Readout(name="acceleration_error", title="acc m/s²", unit="m/s²", value=_of("acceleration")),
        Readout(name="bone_variation_mm", title="bone sd mm", unit="mm", value=_of("bone_variation")),
        Readout(name="excess_mm", title="minus robust mm", unit="mm", value=_excess),
        Readout(name="lost_ground", title="lost ground %", unit="%", value=_of("lost_ground")),
        Readout(name="ms_per_frame", title="ms", unit="ms", value=_of("time_ms")),
    ]


def _coverage() -> list[Readout]:
    subsets = (("", "covered"), ("hidden ", "covered_hidden"), ("late ", "covered_late"))
    return [
        Readout(
            name=f"{field}_{round(100 * level)}",
            title=f"{words}in {round(100 * level)} %",
            unit="%",
            value=_of(field, place),
        )
        for words, field in subsets
        for place, level in enumerate(LEVELS)
    ]


def _curves() -> list[Readout]:
    views = [
        Readout(
            name=f"views_{views_name(number)}_mm",
            title=f"{views_name(number)} views",
            unit="mm",
            value=_of("by_views", number),
            group=True,
        )
        for number in range(MOST_VIEWS + 1)
    ]
    agreeing = [
        Readout(
            name=f"excess_agreeing_{views_name(number)}_mm",
            title=f"{views_name(number)} agree",
            unit="mm",
            value=_of("excess", number),
            group=True,
        )
        for number in range(_FEWEST_AGREEING, MOST_VIEWS + 1)
    ]
    return [*views, *agreeing]


def _unseen() -> list[Readout]:
    kinds = (
        ("mm", "mean", "mm", "by_unseen", _mean_of),
        ("rms_mm", "rms", "mm", "unseen_square", _root_of),
        ("sigma_mm", "sigma", "mm", "unseen_variance", _root_of),
        ("lost", "lost %", "%", "unseen_lost", _mean_of),
    )
    return [
        Readout(
            name=f"unseen_{bin_name(*each)}_{ending}",
            title=f"{bin_name(*each)} {words}",
            unit=unit,
            value=partial(read, field=field, place=place),
            group=True,
        )
        for place, each in enumerate(UNSEEN_BINS)
        for ending, words, unit, field, read in kinds
    ]


READOUTS: tuple[Readout, ...] = (*_plain(), *_coverage(), *_curves(), *_unseen())
"""All of them, by what they look at."""
CAPTION = (
    "MPJPE: of answers; held: all joints, the last answer held where there is none; hidden: held error where "
    "fewer than two views truly see the joint; lost: no answer, and it says so; recovery: frames after such "
    "an occlusion (six frames or more) until the error is below the far tolerance; late: unseen for "
    f"{LATE_FRAMES} frames or more"
)


def readout(name: str) -> Readout:
    """Return the readout of that name."""
    return next(each for each in READOUTS if each.name == name)
