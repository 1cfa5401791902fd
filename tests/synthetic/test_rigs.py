from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mvmono3d.errors import ConfigurationError, UnknownNameError
from mvmono3d.geometry.projection import inside_image, project
from mvmono3d.geometry.rigid import camera_centres, compose, invert
from mvmono3d.synthetic.rigs import calibrate_with_errors, look_at, make_rig
from mvmono3d.synthetic.settings import LAYOUTS, CalibrationSettings, RigSettings
from mvmono3d.synthetic.workspace import Workspace

HAND = Workspace((0.1, -0.2, 0.05), 0.18)
BODY = Workspace((0.0, 0.0, 0.9), 1.2)


def rigs(layout, *, workspace=HAND, views=(2, 8), count=25, **settings):
    chosen = RigSettings(layouts=(layout,), views=views, **settings)
    return [make_rig(chosen, workspace=workspace, seed=seed) for seed in range(count)]


def pixels_of(rig, points):
    seen = project(np.atleast_2d(points), lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    return seen, seen.in_front & inside_image(seen.pixels, rig.camera.size_px)


@pytest.mark.parametrize("workspace", [HAND, BODY])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_camera_sees_the_centre_of_the_workspace(layout, workspace):
    for rig in rigs(layout, workspace=workspace, headset_fisheye_share=0.5, fisheye_share=0.3):
        seen, inside = pixels_of(rig, workspace.centre_world)
        assert inside.all()
        margin = np.minimum(seen.pixels[:, 0], rig.camera.size_px - seen.pixels[:, 0])
        assert (margin > 0.15 * rig.camera.size_px.min()).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_most_of_the_workspace_lies_in_every_image(layout):
    draw = np.random.default_rng(0)
    ball = draw.normal(size=(400, 3))
    ball *= HAND.radius_m * draw.random((400, 1)) ** (1 / 3) / np.linalg.norm(ball, axis=1, keepdims=True)
    shares = [pixels_of(rig, ball + HAND.centre_world)[1].mean() for rig in rigs(layout)]
    assert np.mean(shares) > 0.95


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cameras_stand_at_the_stated_distance_and_never_coincide(layout):
    for rig in rigs(layout, distance_radii=(3.0, 3.0), views=(8, 8)):
        centres = camera_centres(rig.camera_from_world)
        distance = np.linalg.norm(centres - HAND.centre_world, axis=1) / HAND.radius_m
        assert ((distance > 2.7) & (distance < 3.4)).all()
        apart = np.linalg.norm(centres[:, None] - centres[None], axis=-1)[~np.eye(8, dtype=bool)]
        assert apart.min() > 0.05 * HAND.radius_m


def test_layouts_are_what_their_names_say():
    def directions(layout):
        for rig in rigs(layout, views=(4, 4)):
            offset = camera_centres(rig.camera_from_world) - HAND.centre_world
            yield offset / np.linalg.norm(offset, axis=1, keepdims=True)

    for ring in directions("ring"):
        assert np.linalg.norm(ring[:, :2].mean(axis=0)) < 0.45
    for arc in directions("arc"):
        middle = arc[:, :2].mean(axis=0)
        assert (arc[:, :2] @ middle > 0).all()
    for corners in directions("corners"):
        assert (corners[:, 2] > 0.35).all()
    for headset in directions("headset"):
        assert (headset @ headset.T > 0.85).all()
        assert (headset[:, 2] > 0.05).all()


def test_views_and_sensors_are_drawn_from_the_settings():
    made = rigs("random", views=(2, 16), count=80)
    assert {len(rig.names) for rig in made} == set(range(2, 17))
    assert {tuple(rig.camera.size_px[0]) for rig in made} == set(RigSettings().sensors_px)


def test_poses_are_rigid_and_point_upright():
    for rig in rigs("ring", roll_rad=0.0, portrait_share=0.0):
        rotation = rig.camera_from_world[..., :3]
        np.testing.assert_allclose(
            rotation @ np.swapaxes(rotation, 1, 2), np.tile(np.eye(3), (len(rotation), 1, 1)), atol=1e-12
        )
        np.testing.assert_allclose(np.linalg.det(rotation), 1.0)
        np.testing.assert_allclose(rotation[:, 0, 2], 0.0, atol=1e-12)
        assert (rotation[:, 1, 2] < 0).all()


def test_looking_straight_down_is_defined():
    pose = look_at(np.array([[0.0, 0, 2]]), np.zeros((1, 3)), roll=np.zeros(1))
    np.testing.assert_allclose(pose[0, :, 3], [0, 0, 2], atol=1e-12)


@pytest.mark.parametrize("fisheye", [0.0, 1.0])
def test_lenses_are_those_of_opencv(fisheye):
    draw = np.random.default_rng(0)
    points = np.array(HAND.centre_world) + draw.normal(size=(20, 3)) * 0.06
    for rig in rigs("ring", fisheye_share=fisheye, count=4):
        got = pixels_of(rig, points)[0].pixels
        for view, pose in enumerate(rig.camera_from_world):
            (fx, fy), (cx, cy) = rig.camera.focal_px[view], rig.camera.centre_px[view]
            matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
            turn = cv2.Rodrigues(pose[:, :3])[0]
            distortion = rig.camera.distortion[view]
            if fisheye:
                expected, _ = cv2.fisheye.projectPoints(
                    points[:, None], turn, pose[:, 3], matrix, distortion[:4]
                )
            else:
                expected, _ = cv2.projectPoints(points, turn, pose[:, 3], matrix, distortion)
            np.testing.assert_allclose(got[view], expected.reshape(-1, 2), atol=1e-6)


@pytest.mark.parametrize("layout", ["ring", "headset"])
def test_no_lens_folds_what_is_outside_back_into_the_image(layout):
    angles = np.linspace(0, 1.5, 400)
    for rig in rigs(layout, fisheye_share=0.5):
        axis = rig.camera_from_world[:, 2, :3]
        side = rig.camera_from_world[:, 0, :3]
        rays = np.cos(angles)[:, None, None] * axis + np.sin(angles)[:, None, None] * side
        centres = camera_centres(rig.camera_from_world)
        for view in range(len(rig.names)):
            pixels = pixels_of(rig, centres[view] + rays[:, view])[0].pixels[view]
            assert (np.diff(np.linalg.norm(pixels - rig.camera.centre_px[view], axis=1)) > 0).all()


def test_without_calibration_error_the_user_has_the_true_rig():
    none = CalibrationSettings(rotation_rad=(0, 0), translation_share=(0, 0), focal_share=(0, 0))
    rig = rigs("ring", count=1)[0]
    given = calibrate_with_errors(rig, none, workspace=HAND, seed=3)
    assert given.hash == rig.hash
    assert (given.pose_sigma == 0).all()


def test_calibration_errors_are_as_large_as_pose_sigma_says():
    settings = CalibrationSettings(
        rotation_rad=(1e-4, 2e-3), translation_share=(1e-4, 2e-3), focal_share=(1e-3, 1e-3)
    )
    turns, shifts, focals = [], [], []
    for seed, rig in enumerate(rigs("random", count=150, views=(4, 4))):
        given = calibrate_with_errors(rig, settings, workspace=HAND, seed=seed)
        error = compose(given.camera_from_world, invert(rig.camera_from_world))
        sigma = given.pose_sigma
        assert (sigma > 0).all()
        turns.append(Rotation.from_matrix(error[..., :3]).as_rotvec() / sigma[:, :1])
        shifts.append(error[..., 3] / sigma[:, 1:])
        focals.append((given.camera.focal_px / rig.camera.focal_px - 1) / 1e-3)
        np.testing.assert_array_equal(given.camera.distortion, rig.camera.distortion)
    for errors in (turns, shifts, focals):
        normalised = np.concatenate(errors)
        assert np.sqrt((normalised**2).mean()) == pytest.approx(1.0, abs=0.06)
        assert abs(normalised.mean()) < 0.1


def test_equal_seeds_give_equal_rigs_and_others_do_not():
    first, again = (make_rig(RigSettings(), workspace=BODY, seed=5) for _ in range(2))
    assert first.hash == again.hash
    assert make_rig(RigSettings(), workspace=BODY, seed=6).hash != first.hash


def test_a_rig_does_not_depend_on_the_size_of_its_calibration_error():
    rig = make_rig(RigSettings(), workspace=BODY, seed=5)
    small, large = (
        calibrate_with_errors(rig, CalibrationSettings(rotation_rad=(size, size)), workspace=BODY, seed=1)
        for size in (1e-4, 2e-4)
    )
    np.testing.assert_allclose(2 * small.pose_sigma[:, 0], large.pose_sigma[:, 0])


def test_settings_refuse_what_no_rig_can_be():
    with pytest.raises(UnknownNameError, match="did you mean 'ring'"):
        RigSettings(layouts=("rimg",))
    with pytest.raises(ConfigurationError, match="views"):
        RigSettings(views=(1, 4))
    with pytest.raises(ConfigurationError, match="fisheye_share"):
        replace(RigSettings(), fisheye_share=1.5)
