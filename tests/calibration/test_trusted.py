"""Good sets become a rig; every kind of mistake is refused or named."""

import pytest

from mvmono3d.calibration.solution import CalibrationSettings
from mvmono3d.calibration.trusted import Judgement, judge
from tests.calibration.rig_faults import MAKERS, BadSet, bad_set
from tests.calibration.rig_sets import good_set

ONE_LENS = ("pinhole2",)
SLOW = {"moved_camera", "refocused_camera", "wrong_pairs", "unsynchronised", "under_floor", "one_depth"} | {
    *("middle_only", "mirrored_chessboard", "swapped", "slid", "wrong_proportions")
}
KINDS = [pytest.param(kind, marks=pytest.mark.slow if kind in SLOW else ()) for kind in MAKERS]


def judged(made: BadSet) -> Judgement:
    return judge(
        made.sightings, settings=CalibrationSettings(models=ONE_LENS, world_pose=made.world_pose, folds=3)
    )


def named(made: BadSet, found: Judgement) -> bool:
    return any(
        finding.fault in made.faults and (not made.cameras or set(finding.cameras) == made.cameras)
        for finding in found.findings
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_mistake_is_named(kind):
    made = bad_set(list(MAKERS).index(kind))
    found = judged(made)
    assert named(made, found), [finding.message for finding in found.findings]


def test_a_good_set_is_accepted():
    found = judge(good_set(7), settings=CalibrationSettings(models=ONE_LENS, folds=3))
    assert found.accepted
    assert found.calibration is not None


def test_what_refuses_says_what_to_do_and_comes_first():
    found = judged(bad_set(1))
    assert not found.accepted
    assert found.calibration is None
    severities = [str(finding.severity) for finding in found.findings]
    assert severities == sorted(severities)
    assert all(finding.message and finding.remedy for finding in found.findings)
