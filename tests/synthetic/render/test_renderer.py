"""Rendered frames: what is in the picture is what the truth says."""

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.synthetic.occlusion import occluded_by
from mvmono3d.synthetic.props import PropSettings
from mvmono3d.synthetic.render.renderer import exposure_times
from tests.synthetic.render.scenes import hand_renderer, ring_rig

CLUTTER = PropSettings(held=1.0, moving=2, standing=1)


def test_joints_lie_where_geometry_projects_them():
    made, rig = hand_renderer(), ring_rig()
    truth = made.truth(1)[0]
    where = project(truth.points_world, lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    np.testing.assert_allclose(truth.pixels, where.pixels, atol=1e-9)
    np.testing.assert_allclose(truth.depth, where.depth, atol=1e-12)


def test_truth_is_that_of_the_middle_of_the_exposure():
    coarse, fine = (hand_renderer(samples=samples).truth(1)[0] for samples in (3, 5))
    np.testing.assert_allclose(coarse.points_world, fine.points_world, atol=1e-12)
    np.testing.assert_allclose(coarse.smear_px, fine.smear_px, atol=0.01)


def test_a_visible_joint_lies_just_behind_the_surface_that_its_pixel_shows():
    made = hand_renderer(seed=2)
    thinnest = float(made.stage.staged[0].scene.capsules.radius_m.min())
    for frame in range(made.frames):
        truth, depth = made.truth(frame)[0], made.frame(frame).depth
        seen = np.argwhere(truth.state == OcclusionState.VISIBLE)
        assert len(seen) > 10
        u, v = np.rint(truth.pixels[tuple(seen.T)]).astype(int).T
        behind = truth.depth[tuple(seen.T)] - depth[seen[:, 0], v, u]
        # A flat hand is a few fingers thick; at its edge the nearest pixel may just miss it.
        assert np.quantile(behind, 0.05) > 0.0
        assert np.median(behind) < 3.0 * thinnest


@pytest.mark.parametrize("seed", [1, 4])
def test_labels_agree_with_the_worlds_own(seed):
    made = hand_renderer(seed=seed, frames=12, samples=1, props=CLUTTER, rate_hz=1.5)
    scene = made.stage.staged[0].scene
    centres = camera_centres(made.optics.camera_from_world)
    own = occluded_by(scene, centres, contact_tolerance_m=made.settings.contact_tolerance_m)
    state = np.stack([made.truth(frame)[0].state for frame in range(made.frames)])
    inside = state != OcclusionState.UNKNOWN
    # Skin flows from capsule to capsule and fills corners, so that some grazing rays differ.
    assert (state == own)[inside].mean() > 0.93
    hidden_by_things = inside & (own == OcclusionState.OBJECT)
    assert (state == own)[hidden_by_things].mean() > 0.9


def test_joints_beyond_the_image_are_unknown():
    truth = hand_renderer(seed=3, frames=6, samples=1, rate_hz=1.0).truth(0)[0]
    width, height = 160, 100
    outside = ~((truth.pixels >= -0.5) & (truth.pixels < [width - 0.5, height - 0.5])).all(axis=-1)
    np.testing.assert_array_equal(truth.state == OcclusionState.UNKNOWN, outside)


def test_a_longer_exposure_blurs_more():
    short, long = (
        hand_renderer(exposure_s=exposure, samples=9, seed=5, frames=8, rate_hz=2.0)
        for exposure in (1e-4, 0.25)
    )
    frame = int(np.argmax([long.truth(frame)[0].smear_px.mean() for frame in range(long.frames)]))
    moved = long.truth(frame)[0].smear_px
    assert moved.max() > 5.0
    assert moved.max() > 100.0 * short.truth(frame)[0].smear_px.max() > 0.0

    def sharpness(light: np.ndarray) -> float:
        return float((np.diff(light, axis=2) ** 2).sum() + (np.diff(light, axis=1) ** 2).sum())

    assert sharpness(long.frame(frame).light) < 0.75 * sharpness(short.frame(frame).light)


def test_equal_arguments_give_equal_pictures_with_any_number_of_threads():
    one, other = (hand_renderer(threads=threads) for threads in (1, 2))
    for frame in range(one.frames):
        np.testing.assert_array_equal(one.frame(frame).light, other.frame(frame).light)
        np.testing.assert_array_equal(one.frame(frame).depth, other.frame(frame).depth)


def test_frames_do_not_depend_on_what_was_rendered_before():
    made = hand_renderer()
    second = made.frame(1).light
    made.frame(0)
    np.testing.assert_array_equal(made.frame(1).light, second)


def test_another_seed_shows_another_picture():
    one, other = (hand_renderer(seed=seed).frame(0).light for seed in (1, 2))
    assert np.abs(one - other).max() > 0.1 * one.max()


def test_an_exposure_beyond_the_next_trigger_is_refused():
    with pytest.raises(ConfigurationError, match="next trigger"):
        exposure_times(3, rate_hz=100.0, exposure_s=0.02, samples=3)
