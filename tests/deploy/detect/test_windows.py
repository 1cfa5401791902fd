"""Windows hold the joints they follow, wherever the cameras stand."""

import numpy as np

from mvmono3d.deploy.detect.windows import WindowSettings, follow, windows_around, windows_at
from mvmono3d.geometry.crop import carry_pixels, crop_from_image
from mvmono3d.geometry.projection import project
from mvmono3d.synthetic.rigs import make_rig
from mvmono3d.synthetic.settings import RigSettings
from mvmono3d.synthetic.workspace import Workspace

RIG = make_rig(RigSettings(layouts=("ring",)), workspace=Workspace((0.0, 0.0, 0.0), 0.2), seed=1)
SETTINGS = WindowSettings()
JOINTS = 21
RANDOM = np.random.default_rng(0)
HAND = RANDOM.normal(0.0, 0.04, (JOINTS, 3))
EVERYTHING = np.ones(JOINTS, dtype=bool)


def _pixels(points: np.ndarray) -> np.ndarray:
    return project(points, lens=RIG.camera.lens, camera_from_world=RIG.camera_from_world).pixels


def test_a_window_holds_its_joints_with_the_margin_on_the_longer_side():
    windows = windows_around(HAND, EVERYTHING, RIG, settings=SETTINGS)
    pixels = _pixels(HAND)
    assert windows.known.all()
    apart = np.abs(pixels - windows.centre_px[:, None]).max(axis=(1, 2))
    np.testing.assert_allclose(windows.side_px, 2.0 * SETTINGS.margin * apart, rtol=1e-9)


def test_a_steady_motion_is_met_where_it_will_be():
    velocity = np.asarray([0.4, -0.3, 0.2])
    track = None
    for frame in range(3):
        time_ns = frame * 16_000_000
        track = follow(track, HAND + velocity * time_ns * 1e-9, EVERYTHING, time_ns=time_ns)
    windows = windows_at(track, RIG, time_ns=48_000_000, settings=SETTINGS)
    expected = windows_around(HAND + velocity * 0.048, EVERYTHING, RIG, settings=SETTINGS)
    np.testing.assert_allclose(windows.centre_px, expected.centre_px, atol=1e-6)


def test_an_actor_not_seen_for_long_is_nowhere_and_so_is_half_a_pose():
    track = follow(None, HAND, EVERYTHING, time_ns=0)
    late = int(SETTINGS.forget_s * 1e9) + 1
    assert not windows_at(track, RIG, time_ns=late, settings=SETTINGS).known.any()
    assert not windows_at(None, RIG, time_ns=0, settings=SETTINGS).known.any()
    few = np.arange(JOINTS) < 3
    track = follow(None, HAND, few, time_ns=0)
    assert not windows_at(track, RIG, time_ns=0, settings=SETTINGS).known.any()


def test_a_pose_without_joints_changes_nothing():
    track = follow(None, HAND, EVERYTHING, time_ns=0)
    assert follow(track, HAND, ~EVERYTHING, time_ns=10) is track


def test_joints_that_come_back_have_no_speed():
    track = follow(None, HAND, np.arange(JOINTS) != 4, time_ns=0)
    track = follow(track, HAND + 0.01, EVERYTHING, time_ns=10_000_000)
    assert track is not None
    assert not track.velocity[4].any()
    np.testing.assert_allclose(track.velocity[5], 1.0)


def test_a_view_that_does_not_see_the_actor_does_not_know():
    behind = RIG.camera_from_world[0]
    centre = -behind[:, :3].T @ behind[:, 3]
    away = centre * 1.2 + HAND
    assert not windows_around(away, EVERYTHING, RIG, settings=SETTINGS).known[0]


def test_a_window_turns_until_the_first_joint_is_below_the_second():
    settings = WindowSettings(upright=(0, 9))
    windows = windows_around(HAND, EVERYTHING, RIG, settings=settings)
    assert windows.turn_known.all()
    into = crop_from_image(windows.centre_px, windows.side_px, size=100, turn_rad=windows.turn_rad)
    below, above = np.moveaxis(carry_pixels(into, _pixels(HAND)[:, [0, 9]]), 1, 0)
    np.testing.assert_allclose(below[:, 0], above[:, 0], atol=1e-9)
    assert (below[:, 1] > above[:, 1]).all()


def test_which_way_is_up_is_not_known_without_both_joints():
    present = np.arange(JOINTS) != 9
    windows = windows_around(HAND, present, RIG, settings=WindowSettings(upright=(0, 9)))
    assert windows.known.all()
    assert not windows.turn_known.any()
    assert not windows.turn_rad.any()
    assert windows_around(HAND, present, RIG, settings=SETTINGS).turn_known.all()
