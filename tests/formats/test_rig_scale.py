from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.rig_file import read_rig
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.rig_scale import check_actor_scale, check_rig_scale
from tests.recordings import ring


def scaled(factor):
    rig = ring()
    return replace(rig, camera_from_world=rig.camera_from_world * np.array([1, 1, 1, factor]))


@pytest.mark.parametrize("factor", [0.02, 1.0, 12.0])
def test_rigs_from_a_cage_to_a_hall_are_fine(factor):
    check_rig_scale(scaled(factor), where="rig")


@pytest.mark.parametrize(("factor", "hint"), [(1e3, "say --units mm"), (1e-3, "say --units m$")])
def test_the_other_unit_is_named(factor, hint):
    with pytest.raises(InvalidFileError, match=hint):
        check_rig_scale(scaled(factor), where="rig")


@pytest.mark.parametrize(("size", "hint"), [(1700.0, "say --units mm"), (2e-5, "say --units m$")])
def test_an_actor_of_implausible_size_names_the_other_unit(size, hint):
    points = np.random.default_rng(0).uniform(0, size, (5, 9, 3))
    with pytest.raises(InvalidFileError, match=hint):
        check_actor_scale(points, np.ones((5, 9), dtype=bool), where="rig")


def test_what_is_missing_has_no_size():
    check_actor_scale(np.full((5, 9, 3), 1e6), np.zeros((5, 9), dtype=bool), where="rig")


def test_a_camera_that_is_a_copy_of_another_is_refused():
    pose = ring().camera_from_world.copy()
    pose[3] = pose[1]
    with pytest.raises(InvalidFileError, match="'cam_02' and 'cam_04' have the same pose"):
        check_rig_scale(replace(ring(), camera_from_world=pose), where="rig")


def test_a_published_rig_with_a_copied_camera_is_refused(mouse):
    rig = read_rig(mouse / "calibration_HEAD_side_is_wrong.toml", units="mm")
    with pytest.raises(InvalidFileError, match="'side' and 'top' have the same pose"):
        check_rig_scale(rig, where="rig")
