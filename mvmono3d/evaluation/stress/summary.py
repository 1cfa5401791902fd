"""Pool what was measured over takes, and set every method beside kalman and robust."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mvmono3d.errors import ConfigurationError
from mvmono3d.evaluation.compare import Interval, bootstrap_ratio
from mvmono3d.evaluation.stress.measures import Measures, pool
from mvmono3d.evaluation.stress.replay import StressRecord
from mvmono3d.evaluation.stress.rows import ROWS

BASELINES = ("kalman", "robust")
RATIOS = ("held", "hidden")
"""Measures whose ratios are reported: silence gains nothing in either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A method's mean error over a baseline's, with its interval over takes."""

    of: str
    """One of `RATIOS`."""
    baseline: str
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One method under one row, over all takes."""

    row: str
    title: str
    method: str
    takes: int
    pooled: Measures
    ratios: tuple[Ratio, ...]
    worst_excess_mm: float | None
    """Largest mean error minus robust's of a take, on joints that both answer."""
    takes_worse: int
    """Takes on which that is above 0."""

    def ratio(self, of: str, baseline: str) -> Interval | None:
        """Return a ratio; None where it can't be told, and against itself."""
        found = (each for each in self.ratios if (each.of, each.baseline) == (of, baseline))
        return next((each.interval for each in found), None)


def summarise(records: Iterable[StressRecord], *, seed: int = 0) -> tuple[Line, ...]:
    """Return a line per row and method, in the table's order; raises `ConfigurationError` without records."""
    groups: dict[tuple[str, str], dict[int, Measures]] = {}
    for record in records:
        groups.setdefault((record.row, record.method), {})[record.take] = record.measures
    if not groups:
        raise ConfigurationError("no stress records: no row suits these takes")
    known = [row.name for row in ROWS]
    order = sorted(groups, key=lambda key: known.index(key[0]) if key[0] in known else len(known))
    return tuple(_line(row, method, groups, seed=seed) for row, method in order)


def _line(row: str, method: str, groups: dict[tuple[str, str], dict[int, Measures]], *, seed: int) -> Line:
    own = groups[row, method]
    ratios = [
        Ratio(of=of, baseline=baseline, interval=found)
        for baseline in BASELINES
        if baseline != method and (row, baseline) in groups
        for of in RATIOS
        if (found := _ratio(own, groups[row, baseline], of, seed=seed)) is not None
    ]
    sums = [each.excess.sum(axis=0) for each in own.values()]
    excess = [float(total / count) for total, count in sums if count > 0]
    return Line(
        row=row,
        title=next((each.title for each in ROWS if each.name == row), row),
        method=method,
        takes=len(own),
        pooled=pool(list(own.values())),
        ratios=tuple(ratios),
        worst_excess_mm=max(excess, default=None),
        takes_worse=sum(value > 0 for value in excess),
    )


def _ratio(own: dict[int, Measures], baseline: dict[int, Measures], of: str, *, seed: int) -> Interval | None:
    both = sorted(own.keys() & baseline.keys())
    return bootstrap_ratio(_tallies(own, both, of), _tallies(baseline, both, of), seed=seed)


def _tallies(measures: dict[int, Measures], takes: Sequence[int], of: str) -> np.ndarray:
    return np.array([getattr(measures[take], of)[0] for take in takes], dtype=np.float64).reshape(-1, 2)
