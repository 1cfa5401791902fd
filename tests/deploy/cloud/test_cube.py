"""A cloud is looked for round the first actor, or in a region that was ordered, and nowhere else."""

from dataclasses import replace

import numpy as np

from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.cloud.cube import cube_of
from mvmono3d.deploy.server.messages import Box
from mvmono3d.deploy.server.pose_frame import PoseFrame
from tests.deploy.server.streams import JOINTS, random_frame

_SIDE_M = 0.3
_SMALL = Box(center=(1.0, 2.0, 3.0), size=(0.2, 0.1, 0.3))


def _frame(shift_m: float = 0.0) -> PoseFrame:
    frame = random_frame(1, actors=2)
    first = replace(frame.actors[0], points_world=0.05 * frame.actors[0].points_world + shift_m)
    return replace(frame, actors=(first, *frame.actors[1:]))


def test_the_cube_goes_where_the_first_actor_goes():
    here, there = cube_of(_frame(), None, side_m=_SIDE_M), cube_of(_frame(0.5), None, side_m=_SIDE_M)
    assert here is not None
    assert there is not None
    np.testing.assert_allclose(there.centre_world - here.centre_world, 0.5)
    assert here.holds(here.corner_world[None] + _SIDE_M * np.random.default_rng(0).random((50, 3))).all()
    assert not here.holds(here.corner_world[None] - 1e-6).any()


def test_of_missing_joints_nothing_depends():
    frame = _frame()
    actor = frame.actors[0]
    missing = ~actor.present
    assert missing.any()
    moved = replace(actor, points_world=np.where(missing[:, None], 9.0, actor.points_world))
    one, other = (cube_of(replace(frame, actors=(each,)), None, side_m=_SIDE_M) for each in (actor, moved))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.centre_world, other.centre_world)


def test_without_anybody_there_is_no_cube():
    nobody = random_frame(1, actors=0)
    unseen = replace(_frame().actors[0], source=np.full(JOINTS, PointSource.MISSING))
    assert cube_of(nobody, None, side_m=_SIDE_M) is None
    assert cube_of(replace(nobody, actors=(unseen,)), None, side_m=_SIDE_M) is None


def test_a_region_that_fits_is_looked_into_whoever_is_there():
    for frame in (_frame(), random_frame(1, actors=0)):
        cube = cube_of(frame, _SMALL, side_m=_SIDE_M)
        assert cube is not None
        np.testing.assert_array_equal(cube.centre_world, _SMALL.center)
        edge = np.array(_SMALL.center) + 0.5 * np.array(_SMALL.size)
        assert cube.holds(edge[None] - 1e-9).all()
        assert not cube.holds(edge[None] + [[0.0, 1e-6, 0.0]]).any()


def test_a_region_that_is_larger_cuts_what_is_round_the_actor():
    wide = Box(center=(0.0, 0.0, 5.0), size=(20.0, 20.0, 10.0))
    cube, free = cube_of(_frame(), wide, side_m=_SIDE_M), cube_of(_frame(), None, side_m=_SIDE_M)
    assert cube is not None
    assert free is not None
    np.testing.assert_array_equal(cube.centre_world, free.centre_world)
    points = cube.corner_world + _SIDE_M * np.random.default_rng(0).random((200, 3))
    np.testing.assert_array_equal(cube.holds(points), points[:, 2] >= 0.0)
    assert cube_of(random_frame(1, actors=0), wide, side_m=_SIDE_M) is None
