"""How soon the guard of a calibration notices a bumped camera, and how often it cries wolf.

    python -m tests.benchmarks.guard_table --trials 100 --hours 8

Rings of four cameras, f 1200 to 1600 px, a body of 25 joints; keypoints with 2 px noise, 1 px bias per joint
and view, 5 % outliers, 20 % missing. With a baseline: a minute of motion while the rig was true.
"""

import argparse
import sys
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from scipy.stats import chi2

from mvmono3d.calibration.guard import GuardState, watch
from mvmono3d.calibration.guard_baseline import (
    Baseline,
    gather_steps,
    learn_baseline,
    spans,
    unlearned_baseline,
    white_evidence,
)
from mvmono3d.calibration.guard_settings import GuardSettings
from mvmono3d.calibration.guard_verdict import Verdict, judge
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.noise_scale import recording_sigma_px
from tests.calibration.people import RATE_HZ, Detector, biases, motion, ring, turned, watched

FRAMES = 600
SCENES = 24
SETTINGS = GuardSettings()


@dataclass(frozen=True)
class Found:
    flagged: bool
    seconds: float
    named: bool
    """As soon as the guard says which camera; within the same ten seconds."""


def scene(number: int) -> np.ndarray:
    return motion(number % SCENES, frames=FRAMES)


def baseline_of(rig: Rig, bias: np.ndarray, generator: np.random.Generator, detector: Detector) -> Baseline:
    first = int(generator.integers(SCENES))
    points = np.concatenate([scene(first + part) for part in range(6)])
    seen = watched(points, rig, bias=bias, generator=generator, detector=detector)
    return learn_baseline(seen, rig, SETTINGS)


def trial(seed: int, *, degrees: float, detector: Detector) -> Found:
    """Ten true seconds, then a turn about a random axis: flagged within ten seconds, and named?"""
    generator = np.random.default_rng(seed)
    rig = ring(seed % 20)
    bias = biases(seed + 1000, rig, bias_px=detector.bias_px)
    baseline = baseline_of(rig, bias, generator, detector)
    camera = int(generator.integers(len(rig.names)))
    bumped = turned(rig, camera, degrees=degrees, generator=generator)
    number = int(generator.integers(SCENES))
    state = GuardState()
    true = watched(scene(number), rig, bias=bias, generator=generator, detector=detector)
    state = watch(state, true, rig, baseline=baseline, settings=SETTINGS)
    start_ns = int(true.time_ns[-1] + 1e9 / RATE_HZ)
    after = watched(
        scene(number + 1), bumped, bias=bias, generator=generator, detector=detector, start_ns=start_ns
    )
    step, flagged_s = round(RATE_HZ * SETTINGS.step_s), 0.0
    for first in range(0, FRAMES, step):
        part = after.map(lambda array, first=first: array[first : first + step])
        state = watch(state, part, rig, baseline=baseline, settings=SETTINGS)
        verdict = state.verdict
        if verdict is not None and not verdict.trusted:
            flagged_s = flagged_s or (first + step) / RATE_HZ
            if verdict.named:
                return Found(True, flagged_s, names(verdict) == [rig.names[camera]])
    return Found(flagged_s > 0.0, flagged_s, False)


def names(verdict: Verdict) -> list[str]:
    return [one.camera for one in verdict.moved]


def without_baseline(seed: int, *, degrees: float, detector: Detector) -> Found:
    """One recording of ten seconds, nothing known of the biases."""
    generator = np.random.default_rng(seed)
    rig = ring(seed % 20)
    camera = int(generator.integers(len(rig.names)))
    true = turned(rig, camera, degrees=degrees, generator=generator)
    bias = biases(seed + 1000, rig, bias_px=detector.bias_px)
    seen = watched(scene(seed), true, bias=bias, generator=generator, detector=detector)
    steps = gather_steps(seen, rig, SETTINGS, sigma_px=recording_sigma_px(seen, rig))
    baseline = unlearned_baseline(steps, SETTINGS)
    verdict = judge(
        reduce(add, [white_evidence(step, baseline) for step in steps]),
        rig,
        baseline=baseline,
        settings=SETTINGS,
        threshold=float(chi2.isf(SETTINGS.false_alarm_rate, 6)),
    )
    return Found(bool(verdict.moved), FRAMES / RATE_HZ, names(verdict) == [rig.names[camera]])


def false_alarms(hours: float, *, detector: Detector) -> tuple[int, float]:
    """Return how many times a true rig is first distrusted, and the largest χ² over its threshold."""
    clips = round(hours * 3600.0 * RATE_HZ / FRAMES)
    per_session = max(1, min(clips, 360))
    found = [
        session(first // per_session, clips=min(per_session, clips - first), detector=detector)
        for first in range(0, clips, per_session)
    ]
    return sum(alarms for alarms, _ in found), max(worst for _, worst in found)


def session(number: int, *, clips: int, detector: Detector) -> tuple[int, float]:
    generator = np.random.default_rng(number + 7)
    rig = ring(number)
    bias = biases(number, rig, bias_px=detector.bias_px)
    baseline = baseline_of(rig, bias, generator, detector)
    alarms, worst, before, state, start_ns = 0, 0.0, True, GuardState(), 0
    for _ in range(clips):
        points = scene(int(generator.integers(SCENES)))
        seen = watched(points, rig, bias=bias, generator=generator, detector=detector, start_ns=start_ns)
        start_ns = int(seen.time_ns[-1] + 1e9 / RATE_HZ)
        for part in spans(seen, SETTINGS.step_s):
            state = watch(state, part, rig, baseline=baseline, settings=SETTINGS)
            if (verdict := state.verdict) is not None:
                worst = max(worst, float(verdict.significance.max()) / verdict.threshold)
                alarms += before and not verdict.trusted
                before = verdict.trusted
    return alarms, worst


def told(title: str, found: list[Found]) -> str:
    flagged = [one for one in found if one.flagged]
    seconds = sorted(one.seconds for one in flagged) or [0.0]
    named = sum(one.named for one in flagged)
    return (
        f"{title}: flagged {len(flagged)}/{len(found)}, named {named}/{len(found)}, "
        f"after {seconds[len(seconds) // 2]:.0f} s (median), {seconds[-1]:.0f} s (longest)\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--hours", type=float, default=8.0)
    arguments = parser.parse_args()
    say, seeds = sys.stdout.write, range(arguments.trials)
    usual, noisy = Detector(), Detector(noise_px=4.0)
    for detector, turns in ((usual, (0.1, 0.05, 0.03, 0.02)), (noisy, (0.1, 0.05, 0.03, 0.02))):
        for degrees in turns:
            found = [trial(seed, degrees=degrees, detector=detector) for seed in seeds]
            say(told(f"baseline, {detector.noise_px:g} px noise, {degrees:g} deg", found))
            sys.stdout.flush()
    for degrees in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3):
        found = [without_baseline(seed, degrees=degrees, detector=usual) for seed in seeds]
        say(told(f"no baseline, 2 px noise, {degrees:g} deg", found))
        sys.stdout.flush()
    alarms, worst = false_alarms(arguments.hours, detector=usual)
    say(
        f"true rigs, {arguments.hours:g} h: {alarms} false alarms, largest statistic {worst:.2f} thresholds\n"
    )


if __name__ == "__main__":
    main()
