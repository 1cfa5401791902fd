"""Many corners that fit no rig: told where the rest carries the camera, refused where it doesn't."""

from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.calibration.findings import Fault, Graded, Severity
from mvmono3d.calibration.solution import CalibrationSettings
from mvmono3d.calibration.trusted import judge
from tests.calibration.rig_sets import photographed, random_world

SETTINGS = CalibrationSettings(models=("pinhole2",))
OFF_PX = 14.0
"""More than noise, less than what contradicts the other cameras at first sight."""


def judged(*, wrong: float):
    """A good set in which single pictures of one camera, spread over the recording, lie off as a whole."""
    made = photographed(random_world(7, views=3, poses=40), noise_px=0.2, hidden=0.2)
    rows = np.flatnonzero(made.seen[:, 1].any(axis=-1))
    off = np.random.default_rng(0).permutation(rows)[: round(wrong * len(rows))]
    pixels = np.array(made.pixels)
    pixels[off, 1, :, 0] += OFF_PX * made.seen[off, 1]
    return judge(replace(made, pixels=pixels), settings=SETTINGS)


@pytest.mark.slow
def test_a_camera_of_which_a_quarter_of_the_pictures_is_wrong_is_named_and_used():
    found = judged(wrong=0.25)
    assert found.accepted
    told = [one for one in found.findings if one.fault is Fault.MISFIT_CAMERA]
    assert told[0].cameras == ("cam1",)
    assert told[0].severity is Severity.WARN
    assert "what was kept measures boards not used to" in told[0].message


@pytest.mark.slow
def test_a_camera_of_which_too_many_pictures_are_wrong_is_refused():
    found = judged(wrong=0.4)
    assert not found.accepted
    assert any(one.cameras == ("cam1",) for one in found.findings if one.severity is Severity.REFUSE)


def test_grades_run_either_way():
    small, large = Graded(warn=1.0, refuse=2.0), Graded(warn=0.5, refuse=0.25)
    assert [small.grade(value) for value in (1.0, 1.5, 2.5)] == [None, Severity.WARN, Severity.REFUSE]
    assert [large.grade(value) for value in (0.5, 0.3, 0.2)] == [None, Severity.WARN, Severity.REFUSE]
