"""The guard learns, says that the rig stands, names the camera that moved, and places it anew."""

from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.rig import Rig
from mvmono3d.deploy.detect.exchange import JointsPart
from mvmono3d.deploy.live.guarding import Guarding
from mvmono3d.deploy.live.orders import Opinion
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import compose, rotation_from_vector, transform_from
from tests.deploy.loop.stage import PERIOD_NS, RIG, truth_of

_LEARN, _WATCH = 450, 360
TRUTH = truth_of(_LEARN + _WATCH)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def _turned(view: int, *, degrees: float) -> Rig:
    poses = np.array(RIG.camera_from_world)
    turn = transform_from(rotation_from_vector(np.radians([0.0, degrees, 0.0])), np.zeros(3))
    poses[view] = compose(turn, poses[view])
    return replace(RIG, camera_from_world=poses)


def _fed(guarding: Guarding, rig: Rig, frames: range) -> list[Opinion]:
    draw, said = np.random.default_rng(frames.start), []
    for frame in frames:
        pixels = project(
            TRUTH.points_world[frame], lens=rig.camera.lens, camera_from_world=rig.camera_from_world
        ).pixels
        joints = np.concatenate(
            [pixels + draw.normal(size=pixels.shape), np.ones((*pixels.shape[:2], 1))], axis=-1
        )
        opinion = guarding.add(JointsPart(time_ns=frame * PERIOD_NS, joints=joints.tolist()))
        said += [] if opinion is None else [opinion]
    return said


def test_a_camera_that_turned_is_named_and_put_back_where_it_stands():
    guarding = Guarding(RIG, learn_s=12.0)
    with pytest.raises(InvalidRecordError, match="still learns"):
        guarding.placed_anew()
    calm = _fed(guarding, RIG, range(_LEARN))
    assert calm[0].words.startswith("watching")
    assert not any(each.moved for each in calm)
    moved = _turned(1, degrees=0.5)
    said = _fed(guarding, moved, range(_LEARN, _LEARN + _WATCH))
    assert RIG.names[1] in said[-1].moved
    placed = guarding.placed_anew()
    before = np.abs(np.asarray(RIG.camera_from_world) - moved.camera_from_world)[1].max()
    after = np.abs(np.asarray(placed.camera_from_world) - moved.camera_from_world)[1].max()
    assert after < 0.2 * before
