"""Replay takes under disturbances, one take at a time."""

import math
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

_FAR_SHARE, _NEAR_SHARE = 0.06, 0.02
"""Of the actor's size: 30 mm and 10 mm for a person, whose joints lie 0.5 m from their mean (rms)."""
_STEPS = (1.0, 3.0, 10.0)


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
            disturbed = row.replay(take, clip, sigma_px=sigma_px, seed=_seed(seed, place))
            if disturbed is None:
                continue
            for name, measures in _measure(disturbed, methods, tolerance):
                yield StressRecord(row=row.name, method=name, take=place, measures=measures)


def tolerance_of(clip: Clip) -> Tolerance:
    """Return about 2 % and 6 % of the actor's size: 10 and 30 mm for a person, 1 and 3 mm for hand or mouse.

    Rounded to 1 or 3 times a power of ten. Raises `InvalidRecordError` without truth.
    """
    if clip.truth is None:
        raise InvalidRecordError("clip without truth: the actor's size is not known")
    size = actor_size_m(clip.truth)
    return Tolerance(near_m=_round(_NEAR_SHARE * size), far_m=_round(_FAR_SHARE * size))


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


def _seed(seed: int, place: int) -> int:
    # Far apart, so that the takes of neighbouring seeds don't share their draws.
    return 1_000_003 * seed + place


def _round(length_m: float) -> float:
    """Return the nearest length of 1 or 3 times a power of ten millimetres."""
    length_mm = max(1e3 * length_m, 1e-3)
    power = 10.0 ** math.floor(math.log10(length_mm))
    return 1e-3 * power * min(_STEPS, key=lambda step: abs(math.log(step * power / length_mm)))
