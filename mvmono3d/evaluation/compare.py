"""Run several methods over the same clips and aggregate what they score."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.errors import ConfigurationError, unknown_name
from mvmono3d.evaluation.score import SCALARS, Score, score

Method = Callable[[Clip], Reconstruction]
_RESAMPLES = 2000
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The mean over clips, with the interval that 95 % of bootstrap resamples of the clips fall into."""

    mean: float
    low: float
    high: float
    clips: int
    """How many clips could say; the others had nothing to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodScores:
    """One method's scores, clip by clip."""

    name: str
    scores: tuple[Score, ...]
    ms_per_frame: tuple[float, ...]
    """CPU time of this process per frame set."""

    def summary(self, metric: str, *, seed: int = 0) -> Interval | None:
        """Return the mean and its interval; None where no clip could say."""
        if metric not in SCALARS:
            raise unknown_name("metric", metric, SCALARS)
        values = [getattr(each, metric) for each in self.scores]
        known = np.array([value for value in values if value is not None], dtype=np.float64)
        return bootstrap(known, seed=seed) if len(known) else None

    def mean_of(self, groups: str) -> tuple[float | None, ...]:
        """Return the mean over clips of each group of `by_views_mm` or `by_unseen_mm`."""
        rows = [getattr(each, groups) for each in self.scores]
        rows = [row for row in rows if row is not None]
        width = max((len(row) for row in rows), default=0)
        columns = [[row[i] for row in rows if i < len(row) and row[i] is not None] for i in range(width)]
        return tuple(float(np.mean(column)) if column else None for column in columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Methods over the same clips."""

    methods: tuple[MethodScores, ...]
    clips: int


def compare(clips: Sequence[Clip], methods: Mapping[str, Method]) -> Comparison:
    """Score every method on every clip (with truth); raises `ConfigurationError` without clips."""
    if not clips:
        raise ConfigurationError("no clips to compare on: expected at least one")
    return Comparison(
        methods=tuple(_run(name, method, clips) for name, method in methods.items()), clips=len(clips)
    )


def _run(name: str, method: Method, clips: Sequence[Clip]) -> MethodScores:
    scores, times = [], []
    for clip in clips:
        start = time.process_time()
        reconstruction = method(clip)
        spent = time.process_time() - start
        scores.append(score(reconstruction, clip))
        times.append(1e3 * spent / max(len(clip.observations.time_ns), 1))
    return MethodScores(name=name, scores=tuple(scores), ms_per_frame=tuple(times))


def bootstrap(values: Float[np.ndarray, " clip"], *, seed: int) -> Interval:
    """Return the mean with its percentile bootstrap interval (Efron & Tibshirani 1993, section 13.3)."""
    generator = np.random.default_rng(seed)
    drawn = values[generator.integers(0, len(values), size=(_RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(mean=float(values.mean()), low=float(low), high=float(high), clips=len(values))


def bootstrap_ratio(
    upper: Float[np.ndarray, "clip 2"], lower: Float[np.ndarray, "clip 2"], *, seed: int
) -> Interval | None:
    """Return the ratio of two means, each given as (total, count) per clip, with its bootstrap interval.

    Clips are drawn as pairs, so that what makes a clip hard cancels. None where nothing was counted.
    """
    if not len(upper) or not (upper[:, 1].sum() > 0 and lower[:, 0].sum() > 0):
        return None
    clips = len(upper)
    drawn = np.random.default_rng(seed).integers(0, clips, size=(_RESAMPLES, clips))
    ratios = _ratio(upper[drawn].sum(axis=1), lower[drawn].sum(axis=1))
    low, high = np.quantile(ratios, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    whole = float(_ratio(upper.sum(axis=0)[None], lower.sum(axis=0)[None])[0])
    return Interval(mean=whole, low=float(low), high=float(high), clips=clips)


def _ratio(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    known = (upper[:, 1] > 0) & (lower[:, 0] > 0) & (lower[:, 1] > 0)
    above, below = upper[known, 0] / upper[known, 1], lower[known, 0] / lower[known, 1]
    return above / below
