"""The guard of a calibration for a live loop: detections in, judgements out, the state in the caller's hands.

baseline = learn_baseline(first_minute, rig)            # right after calibrating
state = GuardState()
for observations in stream:                             # one frame or many at a time
    state = watch(state, observations, rig, baseline=baseline)
    if state.verdict is not None and not state.verdict.trusted: ...
"""

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from mvmono3d.calibration.guard_baseline import Baseline, thinned, white_evidence
from mvmono3d.calibration.guard_evidence import Evidence, gather_evidence
from mvmono3d.calibration.guard_settings import GuardSettings
from mvmono3d.calibration.guard_verdict import Verdict, judge, live_threshold
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig

_LEAST_STEPS = 2
"""Steps before the first judgement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardState:
    """What the guard remembers: the last seconds. It begins empty."""

    pending: Observations | None = None
    """Frames of the step that isn't over."""
    recent: tuple[Observations, ...] = ()
    """The steps of the horizon, thinned: what a repair starts from."""
    evidence: tuple[Evidence, ...] = ()
    """Of the same steps, of unit noise."""
    verdict: Verdict | None = None
    """The newest judgement, `None` before the first."""


def watch(
    state: GuardState,
    observations: Observations,
    rig: Rig,
    *,
    baseline: Baseline,
    settings: GuardSettings | None = None,
) -> GuardState:
    """Take in frames, and judge where a step is over; time must go on from call to call.

    Costs some milliseconds per step for four cameras and 25 joints; a step is `settings.step_s`.
    """
    settings = settings or GuardSettings()
    pending = _joined(state.pending, observations)
    recent, evidence, verdict = state.recent, state.evidence, state.verdict
    keep = max(1, round(settings.horizon_s / settings.step_s))
    while (cut := _first_step(pending, settings.step_s)) > 0:
        step = thinned(pending.map(lambda array, cut=cut: array[:cut]), settings.rate_hz)
        pending = pending.map(lambda array, cut=cut: array[cut:])
        found = white_evidence(gather_evidence(step, rig, sigma_px=baseline.sigma_px), baseline)
        recent, evidence = (*recent, step)[-keep:], (*evidence, found)[-keep:]
        if len(evidence) >= min(_LEAST_STEPS, keep):
            verdict = judge(
                reduce(add, evidence),
                rig,
                baseline=baseline,
                settings=settings,
                threshold=live_threshold(settings, views=len(rig.names)),
            )
    return GuardState(pending=pending, recent=recent, evidence=evidence, verdict=verdict)


def _joined(before: Observations | None, new: Observations) -> Observations:
    return new if before is None or not len(before.time_ns) else Observations.concatenate([before, new])


def _first_step(pending: Observations, step_s: float) -> int:
    """Return how many frames the first step takes; 0 while it isn't over."""
    time_ns = np.asarray(pending.time_ns)
    if len(time_ns) < 2:
        return 0
    # A step is over when its next frame would be due: its frames stand for the time up to the next.
    due = time_ns + int(np.median(np.diff(time_ns)))
    whole = np.flatnonzero(due - time_ns[0] >= round(step_s * 1e9) - 1000)
    return int(whole[0]) + 1 if len(whole) else 0
