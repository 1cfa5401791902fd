"""Scenes as a sample: pool them, and draw them again to tell how sure a number is."""

from dataclasses import dataclass, fields

import numpy as np

from mvmono3d.evaluation.compare import Interval
from mvmono3d.evaluation.stress.measures import Measures

RESAMPLES = 1000
_FIELDS = tuple(field.name for field in fields(Measures))


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """Sums over scenes, each taken so many times; summed when they are asked for."""

    sample: "Sample"
    times: np.ndarray

    def of(self, row, method):
        """Return what was summed for a method under a row, by the names of `Measures`."""
        return _Sums(self.sample.arrays[row, method], self.times)


class _Sums:
    def __init__(self, arrays, times):
        self._arrays, self._times = arrays, times

    def __getattr__(self, field):
        if field.startswith("_"):
            raise AttributeError(field)
        return np.tensordot(self._times, self._arrays[field], axes=1)

    def as_measures(self):
        """Return the same as the record that the stress table reads."""
        return Measures(**{field: getattr(self, field) for field in _FIELDS})


class Sample:
    """(row, method) → field → sums per scene; a scene that a row doesn't suit counts nothing."""

    def __init__(self, scenes):
        self.scenes = len(scenes)
        keys = dict.fromkeys(key for each in scenes.values() for key in each)
        self.arrays = {key: _stacked([each.get(key) for each in scenes.values()]) for key in keys}
        self.rows = tuple(dict.fromkeys(row for row, _ in keys))
        self.methods = tuple(dict.fromkeys(method for _, method in keys))

    def pooled(self):
        """Return every scene once."""
        return Pooled(sample=self, times=np.ones(self.scenes))

    def interval(self, statistic, *, seed=0):
        """Return a statistic of the pooled scenes with its 95 % bootstrap interval; None if untold.

        Percentiles of resamples of whole scenes (Efron & Tibshirani 1993, section 13.3): methods are drawn
        together, so that what makes a scene hard cancels in ratios.
        """
        value = statistic(self.pooled())
        if value is None:
            return None
        random = np.random.default_rng(seed)
        times = random.multinomial(self.scenes, np.full(self.scenes, 1 / self.scenes), size=RESAMPLES)
        drawn = [statistic(Pooled(sample=self, times=each.astype(float))) for each in times]
        return interval_of(value, [each for each in drawn if each is not None], count=self.scenes)


def interval_of(value, drawn, *, count):
    """Return a value with the interval of its resamples."""
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (value, value)
    return Interval(mean=float(value), low=float(low), high=float(high), clips=count)


def _stacked(scenes):
    known = next(each for each in scenes if each is not None)
    return {
        field: np.stack([np.zeros_like(array) if each is None else each[field] for each in scenes])
        for field, array in known.items()
    }
