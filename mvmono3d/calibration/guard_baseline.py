"""What detections look like while the rig is true: biases, noise, and how far chance takes the test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from jaxtyping import Float

from mvmono3d.calibration.guard_evidence import Evidence, gather_evidence
from mvmono3d.calibration.guard_settings import GuardSettings
from mvmono3d.calibration.guard_statistics import (
    Biases,
    equations,
    learned_biases,
    log_evidence,
    noise_around_biases,
    significances,
    unknown_biases,
    whitened,
)
from mvmono3d.core.array import Array
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.noise_scale import recording_sigma_px

_SIZES_PX = np.geomspace(0.0625, 32.0, 7)
"""Sizes of biases and of their wander that are tried; then finer ones around the best."""
_FINER = (1.0 / 2.0, 1.0 / np.sqrt(2.0), 1.0, np.sqrt(2.0), 2.0)
_HIDDEN = 1.5
_MEDIAN_CHI2_6 = 5.348
_LEAST_BLOCKS = 3
_LEAST_LENGTH = 0.95
"""Of the horizon: the last frame stands for a time of its own."""
_LEAST_FRAMES = 6
"""Of a step: with fewer, noise can't be told from bias."""
_LEAST_JOINTS = 200
"""Solved joints below which nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the guard compares with."""

    biases: Biases
    noise_px: float
    """Per axis, from frame to frame."""
    bias_px: float
    """Standard deviation of the biases over joints and views."""
    wander_px: float
    """By how much a joint's bias over one step differs from its mean: it depends on the pose."""
    inflation: float
    """χ² comes out so many times as large as it should: errors last longer than a step."""
    support: Float[Array, " view"]
    """Share of each camera's detections that agree with the others."""
    learned: bool
    """Whether the biases were learned while the rig was true; otherwise only their size is known."""

    @property
    def sigma_px(self) -> float:
        """How far a good detection is off, all causes together, per axis."""
        return float(np.sqrt(self.noise_px**2 + self.bias_px**2 + self.wander_px**2))


def learn_baseline(observations: Observations, rig: Rig, settings: GuardSettings | None = None) -> Baseline:
    """Learn from detections made while the rig is known to be true: right after calibrating.

    A minute of varied motion is good, `horizon_s` the least. Raises `InvalidRecordError` for too little.
    """
    settings = settings or GuardSettings()
    steps = gather_steps(observations, rig, settings, sigma_px=recording_sigma_px(observations, rig))
    plain = unlearned_baseline(steps, settings)
    white = [white_evidence(step, plain) for step in steps]
    _check_length(observations, settings)
    per_block = max(1, min(round(settings.horizon_s / settings.step_s), len(white) // _LEAST_BLOCKS))
    blocks = [reduce(add, white[first : first + per_block]) for first in range(0, len(white), per_block)]
    biases = learned_biases(reduce(add, white), plain.biases, change_px=_change_px(plain, settings))
    return Baseline(
        biases=biases,
        noise_px=plain.noise_px,
        bias_px=plain.bias_px,
        wander_px=plain.wander_px,
        inflation=_inflation(blocks, plain, settings),
        support=plain.support,
        learned=True,
    )


def unlearned_baseline(steps: Sequence[Evidence], settings: GuardSettings) -> Baseline:
    """Return what detections from a rig of unknown truth tell: noise, size and wander of the biases.

    They are as large as makes the data most probable, whatever the cameras did; see `GuardSettings` for the
    least. Raises `InvalidRecordError` for too little.
    """
    together = reduce(add, steps)
    if together.joints[1] < _LEAST_JOINTS:
        raise InvalidRecordError(
            f"{int(together.joints[1])} joints that cameras agree on, expected at least {_LEAST_JOINTS}: "
            "record more motion that all cameras see, or calibrate anew"
        )
    noise = noise_around_biases(steps)
    bias, wander = _sizes(steps, noise)
    bias = max(bias, settings.least_bias_px)
    return Baseline(
        biases=unknown_biases(len(together.right), together.views, bias_px=bias),
        noise_px=noise,
        bias_px=bias,
        wander_px=wander,
        inflation=1.0,
        support=support(together),
        learned=False,
    )


def white_evidence(step: Evidence, baseline: Baseline) -> Evidence:
    """Return a step's evidence with unit noise, its wander taken out."""
    return whitened(step, noise_px=baseline.noise_px, wander_px=baseline.wander_px)[0]


def support(evidence: Evidence) -> Float[Array, " view"]:
    """Return the share of each camera's detections that agree with the others; 1 where nobody could tell."""
    asked = np.asarray(evidence.asked)
    return np.where(asked > 0, evidence.agreed / np.maximum(asked, 1), 1.0)


def gather_steps(
    observations: Observations, rig: Rig, settings: GuardSettings, *, sigma_px: float
) -> list[Evidence]:
    """Return the evidence of a recording step by step; a short recording has eight steps."""
    used = thinned(observations, settings.rate_hz)
    length_s = float(used.time_ns[-1] - used.time_ns[0]) / 1e9
    frames_s = _LEAST_FRAMES * length_s / max(len(used.time_ns) - 1, 1)
    step_s = max(min(settings.step_s, length_s / 8.0), frames_s, 1e-9)
    return [gather_evidence(part, rig, sigma_px=sigma_px) for part in spans(used, step_s)]


def thinned(observations: Observations, rate_hz: float) -> Observations:
    """Leave frames out so that no more than `rate_hz` remain: neighbours in time repeat each other."""
    time_ns = np.asarray(observations.time_ns)
    slot = ((time_ns - time_ns[0]) * rate_hz / 1e9 + 1e-6).astype(np.int64)
    first = np.flatnonzero(np.diff(slot, prepend=-1))
    return observations if len(first) == len(slot) else observations.map(lambda array: array[first])


def spans(observations: Observations, seconds: float) -> Iterator[Observations]:
    """Cut a recording into parts of about that length."""
    time_ns = np.asarray(observations.time_ns)
    length = float(time_ns[-1] - time_ns[0]) / 1e9
    number = max(1, round(length / seconds))
    part = np.minimum((time_ns - time_ns[0]) / 1e9 / max(length, 1e-9) * number, number - 1).astype(np.int64)
    for place in range(number):
        mine = part == place
        if mine.any():
            yield observations.map(lambda array, mine=mine: array[mine])


def _check_length(observations: Observations, settings: GuardSettings) -> None:
    length_s = float(np.ptp(np.asarray(observations.time_ns))) / 1e9
    if length_s < _LEAST_LENGTH * settings.horizon_s:
        raise InvalidRecordError(
            f"a baseline of {length_s:.1f} s, expected {settings.horizon_s:g} s or more: detectors err in "
            "another way in every pose, so record a minute of varied motion"
        )


def _change_px(plain: Baseline, settings: GuardSettings) -> float:
    """Return how much a bias may differ from the baseline: an actor may keep one pose for a whole horizon."""
    return float(np.hypot(settings.bias_change_px, plain.wander_px))


def _sizes(steps: Sequence[Evidence], noise_px: float) -> tuple[float, float]:
    """Return size and wander of the biases under which the steps are most probable, from a grid."""
    # Biases make residuals of about their own size; the best points take some of it away.
    rms = np.sqrt(
        sum(step.squared.sum() for step in steps) / max(sum(step.rows.sum() for step in steps), 1.0)
    )
    sizes = _SIZES_PX[max(_HIDDEN * rms, _SIZES_PX[0]) >= _SIZES_PX]
    bias, wander = _best(steps, noise_px, biases=sizes, wanders=sizes)
    return _best(
        steps,
        noise_px,
        biases=np.minimum(np.multiply(_FINER, bias), max(_HIDDEN * rms, sizes[0])),
        wanders=np.multiply(_FINER, wander),
    )


def _best(
    steps: Sequence[Evidence], noise_px: float, *, biases: Array, wanders: Array
) -> tuple[float, float]:
    best = (-np.inf, 0.0, 0.0)
    for wander in wanders:
        white = [whitened(step, noise_px=noise_px, wander_px=float(wander)) for step in steps]
        together, probable = reduce(add, [one for one, _ in white]), sum(value for _, value in white)
        for bias in biases:
            found = probable + log_evidence(together, bias_px=float(bias))
            best = max(best, (found, float(bias), float(wander)))
    return best[1], best[2]


def _inflation(blocks: list[Evidence], plain: Baseline, settings: GuardSettings) -> float:
    """Ask each block whether a camera moved, against the others, and compare with what chance would say."""
    if len(blocks) < _LEAST_BLOCKS:
        return 1.0
    together = reduce(add, blocks)
    exact = np.zeros((together.views, 2))
    found = []
    for block in blocks:
        others = learned_biases(together - block, plain.biases, change_px=_change_px(plain, settings))
        found.extend(significances(equations(block, others), pose_sigma=exact))
    return max(1.0, float(np.median(found)) / _MEDIAN_CHI2_6)
