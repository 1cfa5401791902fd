"""A camera that was knocked sees what a camera of the knocked rig sees."""

from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig_file import read_rig
from mvmono3d.deploy.cameras.sources import Knock
from mvmono3d.deploy.cameras.virtual_knock import Knocked, knocked_pixels, knocked_rig, knocked_state
from mvmono3d.deploy.cameras.virtual_truth import VirtualTruth
from mvmono3d.geometry.projection import project

RIG = read_rig(resource_folder("deploy", "sites", "virtual") / "rig.toml")
KNOCK = Knock(camera=1, turn_deg=2.0, frame=30)
POINTS = np.random.default_rng(0).uniform(-0.1, 0.1, (50, 3))


def _pixels(rig):
    found = project(POINTS, lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    return np.asarray(found.pixels)[KNOCK.camera][None]


def test_points_appear_where_the_knocked_rig_has_them():
    after = knocked_pixels(_pixels(RIG), RIG, KNOCK)
    np.testing.assert_allclose(after, _pixels(knocked_rig(RIG, KNOCK)), atol=1e-6)
    assert np.abs(after - _pixels(RIG)).max() > 5.0


def test_back_is_the_inverse():
    there = knocked_pixels(_pixels(RIG), RIG, KNOCK)
    np.testing.assert_allclose(knocked_pixels(there, RIG, KNOCK, back=True), _pixels(RIG), atol=1e-6)


@pytest.mark.parametrize("frame_id", [0, 29, 30, 99])
def test_pictures_are_warped_from_the_knock_on_and_as_points_are(frame_id):
    width, height = np.asarray(RIG.camera.size_px)[0].tolist()
    spot = np.array([[[350.0, 180.0]]])
    rows, columns = np.mgrid[:height, :width]
    blob = np.exp(-0.5 * ((columns - spot[0, 0, 0]) ** 2 + (rows - spot[0, 0, 1]) ** 2) / 25.0)
    light = [np.zeros((height, width)), blob, np.zeros((height, width)), np.zeros((height, width))]
    seen = Knocked(RIG, KNOCK).of(light, frame_id=frame_id)
    shown = seen[1]
    found = [(shown * columns).sum() / shown.sum(), (shown * rows).sum() / shown.sum()]
    wanted = knocked_pixels(spot, RIG, KNOCK)[0, 0] if frame_id >= KNOCK.frame else spot[0, 0]
    np.testing.assert_allclose(found, wanted, atol=0.05)
    assert all(not seen[view].any() for view in (0, 2, 3))


def test_what_left_the_image_is_unknown():
    size = np.asarray(RIG.camera.size_px)[1]
    pixels = np.array([[[10.0, 10.0], [size[0] + 5.0, 10.0], [10.0, -3.0]]])
    state = np.zeros((1, 3), dtype=int)
    assert knocked_state(state, pixels, RIG, KNOCK).tolist() == [
        [OcclusionState.VISIBLE, OcclusionState.UNKNOWN, OcclusionState.UNKNOWN]
    ]


def test_the_truth_changes_with_the_frame_of_the_knock():
    zeros = np.zeros((10, 4, 21))
    states = np.zeros((10, 4, 21), dtype=int)
    calm = VirtualTruth(
        points_world=np.zeros((10, 21, 3)), pixels=np.zeros((10, 4, 21, 2)), state=states, smear_px=zeros
    )
    twice = replace(VirtualTruth.concatenate([calm, calm]), knocked_from=30)
    for frame_id in range(60):
        first = calm.frame(frame_id)
        assert twice.frame(frame_id) == first + (10 if frame_id >= 30 else 0)
