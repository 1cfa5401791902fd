"""Measure scenes one at a time; what was measured stays in a CSV, so that an interrupted run goes on."""

import time
from dataclasses import fields

import numpy as np

from mvmono3d.evaluation.baselines import baselines
from mvmono3d.evaluation.score import line_up
from mvmono3d.evaluation.stress.measures import Measures, measure
from mvmono3d.evaluation.stress.takes import noise_px, undisturbed
from mvmono3d.geometry.uncertainty import chi2_quantile, mahalanobis_squared
from mvmono3d.metrics.calibration import positive_definite

LEARNED = "learned"
FIELDS = tuple(field.name for field in fields(Measures))
OWN_FIELDS = ("unaware", "lost_in_silence", "sequence_worse")
_UNAWARE_LEVEL = 0.999
_SILENT_FRAMES = 10
"""So many frames off in a row, and sure of it, are a joint that was lost without saying so."""


def measure_section(section, learned, *, store, say):
    """Return scene → (row, method) → field → sums; scenes that the store holds are not measured again."""
    methods = {name: baselines()[name] for name in section.baselines} | {LEARNED: learned}
    found = {scene: each for scene, each in store.read(section).items() if scene < section.scenes}
    begin, done = time.monotonic(), 0
    for scene in range(section.scenes):
        if scene in found:
            continue
        found[scene] = measure_scene(section, scene, methods)
        store.append(section, scene, found[scene])
        done += 1
        left = (section.scenes - len(found)) * (time.monotonic() - begin) / done
        say(f"  {section.name}: {len(found)} of {section.scenes} scenes, {left / 60:.1f} minutes left")
    return found


def measure_scene(section, scene, methods):
    """Return (row, method) → field → sums of one scene."""
    take = section.take(scene)
    clip = undisturbed(take)
    sigma_px = noise_px(clip)
    found = {}
    for row in section.rows:
        disturbed = row.replay(take, clip, sigma_px=sigma_px, seed=scene)
        if disturbed is None:
            continue
        for name, sums in _measure(disturbed, methods, section.tolerance).items():
            found[row.name, name] = sums
    return found


def _measure(clip, methods, tolerance):
    robust, sums = None, {}
    for name, method in methods.items():
        begin = time.process_time()
        result = method(clip)
        seconds = time.process_time() - begin
        robust = result if robust is None else robust
        record = measure(result, clip, robust=robust, tolerance=tolerance, seconds=seconds)
        sums[name] = {field: getattr(record, field) for field in FIELDS}
        sums[name] |= unawareness(result, clip, level_m=tolerance.far_m)
        total, count = record.excess.sum(axis=0)
        sums[name]["sequence_worse"] = np.array([[float(total > 0), float(count > 0)]])
    return sums


def unawareness(reconstruction, clip, *, level_m):
    """Count answers farther off than a level, and outside the region that they state for 99.9 %.

    A joint for which that lasts `_SILENT_FRAMES` frames was lost in silence, as was one whose answer is not
    a number. What says MISSING, or states a covariance that admits the error, was not.
    """
    both = line_up(reconstruction, clip)
    stated = positive_definite(both.covariance)
    safe = np.where(np.asarray(stated)[..., None, None], both.covariance, np.eye(3))
    apart = np.asarray(mahalanobis_squared(both.points - both.truth, safe))
    sure = ~np.asarray(stated) | (apart > chi2_quantile(_UNAWARE_LEVEL))
    unaware = both.answered & (~np.isfinite(both.error) | ((both.error > level_m) & sure))
    lost = _lasting(unaware, _SILENT_FRAMES) | (both.answered & ~np.isfinite(both.error)).any(axis=0)
    return {
        "unaware": np.array([[float(unaware.sum()), float(both.wanted.sum())]]),
        "lost_in_silence": np.array([[float(lost.sum()), float(lost.size)]]),
    }


def _lasting(flags, frames):
    if len(flags) < frames:
        return np.zeros(flags.shape[1:], dtype=bool)
    windows = np.lib.stride_tricks.sliding_window_view(flags, frames, axis=0)
    return windows.all(axis=-1).any(axis=0)
