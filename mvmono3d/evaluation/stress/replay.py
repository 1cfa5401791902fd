"""Replay takes under disturbances, one take at a time."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.errors import ConfigurationError, InvalidRecordError
from mvmono3d.evaluation.baselines import baselines
from mvmono3d.evaluation.compare import Method
from mvmono3d.evaluation.stress.measures import Measures, Tolerance, measure
from mvmono3d.evaluation.stress.occluder import actor_size_m
from mvmono3d.evaluation.stress.rows import ROWS, Row
from mvmono3d.evaluation.stress.takes import Take, noise_px, undisturbed

_SMALL_ACTOR_M = 0.2
"""Hands and mice are smaller (root mean square distance of the joints from their mean), people larger."""
LARGE_ACTOR = Tolerance(near_m=0.010, far_m=0.030)
SMALL_ACTOR = Tolerance(near_m=0.0033, far_m=0.010)


@dataclass(frozen=True, slots=True, kw_only=True)
class StressRecord:
    """What one method did on one take under one row."""

    row: str
    method: str
    take: int
    """Its place among the takes."""
    measures: Measures


def stress(
    takes: Iterable[Take],
    methods: Mapping[str, Method],
    *,
    rows: Sequence[Row] = ROWS,
    tolerance: Tolerance | None = None,
    seed: int = 0,
) -> Iterator[StressRecord]:
    """Yield a record per take, row and method; the same arguments give the same records.

    Takes may be a generator: one is held at a time. Rows that don't suit a take are left out.
    `methods["robust"]`, or robust triangulation where that is missing, is what nothing may lose to. The
    `tolerance` is `tolerance_of` the first take unless given. Raises `ConfigurationError` without methods.
    """
    if not methods:
        raise ConfigurationError("no methods to stress: expected at least one")
    for place, take in enumerate(takes):
        clip = undisturbed(take)
        tolerance = tolerance or tolerance_of(clip)
        sigma_px = noise_px(clip)
        for row in rows:
            disturbed = row.replay(take, clip, sigma_px=sigma_px, seed=seed_of_take(seed, place))
            if disturbed is None:
                continue
            for name, measures in _measure(disturbed, methods, tolerance):
                yield StressRecord(row=row.name, method=name, take=place, measures=measures)


def seed_of_take(seed: int, place: int) -> int:
    """Return what a take's disturbances are drawn from; neighbouring seeds are far apart."""
    return 1_000_003 * seed + place


def tolerance_of(clip: Clip) -> Tolerance:
    """Return 10 and 30 mm for an actor of a person's size, a third for hands and mice.

    Raises `InvalidRecordError` without truth: nobody knows the actor's size then.
    """
    if clip.truth is None:
        raise InvalidRecordError("clip without truth: the actor's size is not known")
    return LARGE_ACTOR if actor_size_m(clip.truth) > _SMALL_ACTOR_M else SMALL_ACTOR


def _measure(
    clip: Clip, methods: Mapping[str, Method], tolerance: Tolerance
) -> Iterator[tuple[str, Measures]]:
    robust, spent = _timed(methods.get("robust", baselines()["robust"]), clip)
    for name, method in methods.items():
        result, seconds = (robust, spent) if name == "robust" else _timed(method, clip)
        yield name, measure(result, clip, robust=robust, tolerance=tolerance, seconds=seconds)


def _timed(method: Method, clip: Clip) -> tuple[Reconstruction, float]:
    start = time.process_time()
    return method(clip), time.process_time() - start
