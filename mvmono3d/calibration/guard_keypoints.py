"""Is this calibration still true? Asked of a whole recording of keypoints, with or without a baseline."""

from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from scipy.special import chdtri

from mvmono3d.calibration.guard import GuardState, watch
from mvmono3d.calibration.guard_baseline import (
    Baseline,
    gather_steps,
    spans,
    unlearned_baseline,
    white_evidence,
)
from mvmono3d.calibration.guard_evidence import POSE
from mvmono3d.calibration.guard_repair import Repair, repair
from mvmono3d.calibration.guard_settings import GuardSettings
from mvmono3d.calibration.guard_verdict import Verdict, judge
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.noise_scale import recording_sigma_px


@dataclass(frozen=True, slots=True, kw_only=True)
class KeypointCheck:
    """The judgement that counts, and what it rests on."""

    verdict: Verdict
    """With a baseline the first one that distrusts the rig and says which camera, else the last."""
    baseline: Baseline
    after_s: float
    """Time into the recording at which it was made."""
    repair: Repair | None
    """The cameras that moved for certain, placed anew; `None` where there are none, or no way."""


def check_recording(
    observations: Observations, rig: Rig, *, baseline: Baseline | None, settings: GuardSettings
) -> KeypointCheck:
    """Judge a recording as the live guard would with a baseline, or as a whole without one.

    Raises `InvalidRecordError` where there are too few joints to say anything.
    """
    if baseline is None:
        return _whole(observations, rig, settings)
    state, chosen, after_s = GuardState(), None, 0.0
    start_ns = int(observations.time_ns[0])
    for part in spans(observations, settings.step_s):
        state = watch(state, part, rig, baseline=baseline, settings=settings)
        after_s = float(int(part.time_ns[-1]) - start_ns) / 1e9
        verdict = state.verdict
        if verdict is not None and not verdict.trusted:
            chosen = state
            if verdict.named:
                break
    state = chosen or state
    if state.verdict is None:
        return _judged(observations, rig, baseline, settings)
    recent = Observations.concatenate(state.recent)
    repaired = _repaired(recent, rig, state.verdict, baseline)
    return KeypointCheck(verdict=state.verdict, baseline=baseline, after_s=after_s, repair=repaired)


def _whole(observations: Observations, rig: Rig, settings: GuardSettings) -> KeypointCheck:
    steps = gather_steps(observations, rig, settings, sigma_px=recording_sigma_px(observations, rig))
    return _judged(observations, rig, unlearned_baseline(steps, settings), settings)


def _judged(
    observations: Observations, rig: Rig, baseline: Baseline, settings: GuardSettings
) -> KeypointCheck:
    steps = gather_steps(observations, rig, settings, sigma_px=baseline.sigma_px)
    verdict = judge(
        reduce(add, [white_evidence(step, baseline) for step in steps]),
        rig,
        baseline=baseline,
        settings=settings,
        threshold=float(chdtri(POSE, settings.false_alarm_rate)),
    )
    length_s = float(np.ptp(np.asarray(observations.time_ns))) / 1e9
    repaired = _repaired(observations, rig, verdict, baseline)
    return KeypointCheck(verdict=verdict, baseline=baseline, after_s=length_s, repair=repaired)


def _repaired(observations: Observations, rig: Rig, verdict: Verdict, baseline: Baseline) -> Repair | None:
    certain = replace(verdict, moved=tuple(one for one in verdict.moved if one.certain))
    if not certain.moved:
        return None
    try:
        return repair(observations, rig, certain, baseline=baseline)
    except InvalidRecordError:
        # Too little is left to place a camera by. The verdict stands without it.
        return None
