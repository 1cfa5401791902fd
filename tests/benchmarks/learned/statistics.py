"""Numbers of pooled scenes: functions of `Pooled` that return None where nothing was counted."""

from functools import partial

from mvmono3d.evaluation.stress.measures import MOST_VIEWS
from mvmono3d.evaluation.stress.readouts import mean, readout
from mvmono3d.metrics.calibration import LEVELS
from tests.benchmarks.learned.measuring import LEARNED

PLAIN = "undisturbed"
AT_95 = LEVELS.index(0.95)
FEWEST_AGREEING = 2


def change(field, *, baseline="kalman", row=PLAIN, method=LEARNED):
    """How much less a mean error is than the baseline's, in percent: -25 is a quarter less."""
    return partial(_change, field=field, baseline=baseline, row=row, method=method)


def share(field, *, row=PLAIN, place=0, scale=1.0, method=LEARNED):
    """The mean of one group of a measure."""
    return partial(_share, field=field, row=row, place=place, scale=scale, method=method)


def read(name, *, row=PLAIN, method=LEARNED):
    """One of the stress table's numbers."""
    return partial(_read, name=name, row=row, method=method)


def count(field, *, row=PLAIN, method=LEARNED):
    """How often something happened."""
    return partial(_count, field=field, row=row, method=method)


def off_or_silent(pooled):
    """The share of joints off by more than the large tolerance; silence counts as off. In percent."""
    sums = pooled.of(PLAIN, LEARNED)
    off, lost = sums.off_far[0], sums.lost[0]
    return 100.0 * float(off[0] + lost[0]) / float(off[1]) if off[1] > 0 else None


def excesses(pooled):
    """Return (row, agreeing views) → mean error minus robust's in mm, where both answer."""
    found = {}
    for row in pooled.sample.rows:
        groups = pooled.of(row, LEARNED).excess
        for number in range(FEWEST_AGREEING, MOST_VIEWS + 1):
            value = mean(groups[number])
            if value is not None:
                found[row, number] = value
    return found


def groups_worse(pooled):
    """How many rows and numbers of agreeing views have a mean error above robust's."""
    found = excesses(pooled)
    return float(sum(value > 0 for value in found.values())) if found else None


def worst_group_mm(pooled):
    """The largest of those differences."""
    return max(excesses(pooled).values(), default=None)


def sequences_worse(pooled):
    """How many sequences, over all rows, have a mean error above robust's."""
    tallies = [pooled.of(row, LEARNED).sequence_worse[0] for row in pooled.sample.rows]
    return float(sum(tally[0] for tally in tallies)) if any(tally[1] for tally in tallies) else None


def most_lost_ground(pooled):
    """The share of joints, of the worst row, that are far off where robust is near. In percent."""
    shares = [mean(pooled.of(row, LEARNED).lost_ground[0]) for row in pooled.sample.rows]
    return max((100.0 * each for each in shares if each is not None), default=None)


def _change(pooled, *, field, baseline, row, method):
    own, other = (mean(getattr(pooled.of(row, name), field)[0]) for name in (method, baseline))
    return None if own is None or not other else 100.0 * (own / other - 1.0)


def _share(pooled, *, field, row, place, scale, method):
    value = mean(getattr(pooled.of(row, method), field)[place])
    return None if value is None else scale * value


def _read(pooled, *, name, row, method):
    return readout(name).value(pooled.of(row, method).as_measures())


def _count(pooled, *, field, row, method):
    total, number = getattr(pooled.of(row, method), field)[0]
    return float(total) if number > 0 else None
