"""Joints lie in a picture where the camera sees them, at the moment of the picture."""

from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.geometry.projection import project
from mvmono3d.viewer.overlay import between, pixels_in, with_joints
from mvmono3d.viewer.shapes import STATE_RGB
from tests.deploy.server.streams import SKELETON, random_frame, random_rig

RIG, PARENTS = random_rig(), list(SKELETON.parents)


def _in_front(view: int):
    """Return a frame whose joints all lie before a camera, within its picture."""
    frame = random_frame(1)
    pose = RIG.camera_from_world[view]
    spread = np.random.default_rng(0).uniform(-0.2, 0.2, (len(PARENTS), 3)) + np.array([0.0, 0.0, 2.0])
    points = (spread - pose[:, 3]) @ pose[:, :3]
    actor = replace(frame.actors[0], points_world=points, source=np.ones(len(PARENTS), dtype=int))
    return replace(frame, actors=(actor,))


@pytest.mark.parametrize("view", range(4))
def test_every_joint_is_marked_where_it_is_seen(view):
    frame = _in_front(view)
    picture = with_joints(np.zeros((480, 480), dtype=np.uint8), frame, RIG, view=view, parents=PARENTS)
    seen = project(
        frame.actors[0].points_world, lens=RIG.camera.lens, camera_from_world=RIG.camera_from_world
    ).pixels[view]
    at = np.round((seen + 0.5) * 0.48 - 0.5).astype(int)
    marked = picture[at[:, 1], at[:, 0]].tolist()
    assert all(tuple(colour) in STATE_RGB for colour in marked)


def test_what_is_missing_or_behind_the_camera_is_not_drawn():
    actor = _in_front(0).actors[0]
    gone = replace(actor, source=np.zeros_like(actor.source))
    pose = RIG.camera_from_world[0]
    centre = -pose[:, 3] @ pose[:, :3]
    behind = replace(actor, points_world=2 * centre - actor.points_world)
    for each in (gone, behind):
        assert not pixels_in(each, RIG, view=0, width=480)[1].any()
        frame = replace(_in_front(0), actors=(each,))
        grey = np.full((480, 480), 9, dtype=np.uint8)
        assert (with_joints(grey, frame, RIG, view=0, parents=PARENTS) == 9).all()


def test_between_two_poses_joints_go_straight_on():
    before, after = replace(_in_front(0), time_ns=0), replace(_in_front(0), time_ns=100)
    shifted = replace(after.actors[0], points_world=after.actors[0].points_world + 1.0)
    after = replace(after, actors=(shifted,))
    for time_ns in (0, 25, 100):
        found = between(before, after, time_ns)
        np.testing.assert_allclose(
            found.actors[0].points_world - before.actors[0].points_world, time_ns / 100, atol=1e-12
        )


def test_who_is_in_one_of_two_poses_only_is_nowhere_between_them():
    frame = _in_front(0)
    assert not between(replace(frame, actors=()), frame, frame.time_ns).actors
    assert not between(frame, replace(frame, actors=()), frame.time_ns).actors
