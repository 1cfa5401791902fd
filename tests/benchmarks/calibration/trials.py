"""Sets of boards and trials of the guard, one case at a time: the code is that of the two tables."""

from mvmono3d.calibration.solution import CalibrationSettings
from tests.benchmarks import calibration_sets, guard_table
from tests.calibration.people import Detector
from tests.calibration.rig_faults import bad_set
from tests.calibration.rig_sets import good_set

SETTINGS = CalibrationSettings(models=("pinhole2",))
"""The lens that these sets are seen through: what is looked for are mistakes, not lenses."""
TURNS_DEG = (0.1, 0.05, 0.03, 0.02)
BLIND_TURNS_DEG = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
NOISES_PX = (2.0, 4.0)
CLIPS_PER_HOUR = 360


def good(seed):
    """Say whether a good set is accepted."""
    return {"ours": _row(calibration_sets.row(seed, "good", good_set(seed), list(SETTINGS.models)))}


def bad(seed):
    """Say whether a set with a mistake is refused, or the mistake named."""
    made = bad_set(seed)
    return {
        "ours": _row(calibration_sets.row(seed, made.kind, made.sightings, list(SETTINGS.models), bad=made))
    }


def _row(found):
    return {name: found[name] for name in ("kind", "accepted", "named", "seconds")}


def turned(noise_px, degrees, seed):
    """Turn a camera before a guard that knows the detector's usual errors."""
    return _found(guard_table.trial(seed, degrees=degrees, detector=Detector(noise_px=noise_px)))


def blind(degrees, seed):
    """Turn a camera before a guard that knows nothing."""
    return _found(guard_table.without_baseline(seed, degrees=degrees, detector=Detector()))


def _found(found):
    return {"ours": {"flagged": found.flagged, "seconds": found.seconds, "named": found.named}}


def hour(number, *, clips=CLIPS_PER_HOUR):
    """Watch a true rig for an hour."""
    alarms, worst = guard_table.session(number, clips=clips, detector=Detector())
    return {"ours": {"alarms": alarms, "worst": worst, "clips": clips}}
