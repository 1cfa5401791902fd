"""At first everything is in the picture, seen from where no camera stands before it."""

from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig_file import read_rig
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.viewer.outlook import FIELD_RAD, outlook, watched_point

RIG = read_rig(resource_folder("deploy", "sites", "virtual") / "rig.toml")


def test_cameras_that_all_look_at_a_point_watch_it():
    poses = np.array(RIG.camera_from_world)
    centres, wanted = camera_centres(poses), np.array([0.02, -0.03, 0.04])
    for view, centre in enumerate(centres):
        forward = (wanted - centre) / np.linalg.norm(wanted - centre)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        turn = np.stack([right, np.cross(forward, right), forward])
        poses[view] = np.concatenate([turn, -(turn @ centre)[:, None]], axis=1)
    np.testing.assert_allclose(watched_point(replace(RIG, camera_from_world=poses)), wanted, atol=1e-9)


def test_parallel_cameras_watch_a_point_that_is_finite():
    poses = np.array(RIG.camera_from_world)
    poses[:, :, :3] = poses[0, :, :3]
    assert np.isfinite(watched_point(replace(RIG, camera_from_world=poses))).all()


@pytest.mark.parametrize("rig", [RIG, None], ids=["rig", "no rig"])
def test_the_actor_is_in_the_picture(rig):
    actor = np.array([0.1, 0.2, 0.3])
    start = outlook(actor, extent_m=0.2, rig=rig)
    away = actor - start.position
    forward = (start.aim - start.position) / np.linalg.norm(start.aim - start.position)
    angle = np.arccos(away @ forward / np.linalg.norm(away)) + 0.1 / np.linalg.norm(away)
    assert angle < FIELD_RAD / 2
    assert start.position[2] > actor[2]


def test_no_camera_stands_between_the_viewer_and_the_actor():
    start = outlook(np.zeros(3), extent_m=0.2, rig=RIG)
    azimuth = np.arctan2(start.position[1], start.position[0])
    centres = camera_centres(np.asarray(RIG.camera_from_world))
    apart = np.angle(np.exp(1j * (np.arctan2(centres[:, 1], centres[:, 0]) - azimuth)))
    assert np.abs(apart).min() > np.radians(40)
