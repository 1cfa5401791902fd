from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares

from mvmono3d.calibration.keypoint_bundle import adjust_points
from mvmono3d.calibration.keypoint_refine import KnownLength, refine_from_keypoints
from mvmono3d.calibration.reprojection import Corners, Estimate, moved, no_step, residuals
from mvmono3d.calibration.scale import scaled_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import compose, invert, vector_from_rotation
from tests.calibration.people import Detector, biases, bumped, motion, ring, watched

SKELETON = load_skeleton("body25b")
KNEE, HIP = SKELETON.index("left_knee"), SKELETON.index("left_hip")


def all_bumped(rig, *, degrees, shift_m, seed=0):
    generator = np.random.default_rng(seed)
    for view in range(len(rig.names)):
        turn = np.radians(degrees) * generator.normal(size=3) / np.sqrt(3.0)
        rig = bumped(rig, view, turn_rad=turn, shift_m=shift_m * generator.normal(size=3))
    return rig


def seen(rig, *, bias_px=1.0, noise_px=2.0, seed=1):
    detector = Detector(noise_px=noise_px, bias_px=bias_px)
    bias = biases(seed, rig, bias_px=bias_px)
    return watched(motion(0), rig, bias=bias, generator=np.random.default_rng(seed), detector=detector)


def apart(found, true):
    """Turn (deg) and shift (m) of each camera from the truth, the first cameras laid on each other."""
    first, second = (
        compose(rig.camera_from_world, invert(rig.camera_from_world[0])) for rig in (found, true)
    )
    left = compose(first, invert(second))
    turn = np.degrees(np.linalg.norm(vector_from_rotation(left[..., :3]), axis=-1))
    return turn.max(), np.linalg.norm(left[..., 3], axis=-1).max()


def test_a_rig_that_is_a_degree_off_is_placed_by_joints_and_sized_by_a_bone():
    true = ring(0)
    start = scaled_rig(all_bumped(true, degrees=1.0, shift_m=0.02), 1.1)
    thigh = np.linalg.norm(motion(0)[:, KNEE] - motion(0)[:, HIP], axis=-1).mean()
    known = KnownLength(first=KNEE, second=HIP, length_m=float(thigh))
    found = refine_from_keypoints(seen(true), start, known=known)
    turn, shift = apart(found.rig, true)
    assert apart(start, true)[0] > 0.7
    assert turn < 0.25
    assert shift < 0.07
    assert found.better
    assert found.after_px < 2.5
    assert found.length is not None
    assert found.length.factor == pytest.approx(1 / 1.1, abs=0.03)


def test_without_a_known_length_the_world_stays_where_it_was():
    true = ring(0)
    found = refine_from_keypoints(seen(true, bias_px=0.0, noise_px=0.5), scaled_rig(true, 1.3))
    assert found.length is None
    at = [project(motion(0)[::50] * 1.3, lens=rig.camera.lens, camera_from_world=rig.camera_from_world).pixels
          for rig in (found.rig, scaled_rig(true, 1.3))]  # fmt: skip
    assert np.abs(at[0] - at[1]).mean() < 0.5


def test_focal_lengths_are_found_too():
    true = ring(0)
    scale = np.array([1.01, 1.0, 0.99, 1.0])[:, None]
    wrong = replace(true, camera=replace(true.camera, focal_px=true.camera.focal_px * scale))
    found = refine_from_keypoints(seen(true, bias_px=0.0, noise_px=0.5), wrong, focal=True)
    ratio = (found.rig.camera.focal_px / true.camera.focal_px).mean(axis=1)
    # One scale of all lenses goes with the distance of the cameras.
    assert (ratio / ratio.mean()).std() < 0.25 * np.std(scale)


def test_a_rig_that_is_far_off_is_refused():
    true = ring(0)
    with pytest.raises(InvalidRecordError, match="too few to place cameras by"):
        refine_from_keypoints(seen(true), all_bumped(true, degrees=25.0, shift_m=0.5))


@pytest.mark.slow
def test_the_bundle_s_minimum_is_scipy_s():
    rig, generator = ring(0), np.random.default_rng(0)
    points = motion(0)[::120].reshape(-1, 3)[::8]
    at = project(points, lens=rig.camera.lens, camera_from_world=rig.camera_from_world).pixels
    view, point = (axis.ravel() for axis in np.indices((4, len(points))))
    corners = Corners(
        view=view,
        pose=point,
        corner=np.zeros_like(view),
        point_board=np.zeros((len(view), 3)),
        pixels=at[view, point] + generator.normal(scale=0.3, size=(len(view), 2)),
    )
    start = Estimate(
        lens=np.asarray(rig.camera.lens),
        camera_from_world=rig.camera_from_world,
        world_from_board=np.concatenate(
            [np.tile(np.eye(3), (len(points), 1, 1)), points[..., None]], axis=-1
        ),
    )
    ours = adjust_points(start, corners, focal=False)
    sigma = ours.noise_px

    def rows(values):
        step = replace(
            no_step(start),
            camera=values[:24].reshape(4, 6),
            board=np.concatenate([np.zeros((len(points), 3)), values[24:].reshape(-1, 3)], axis=-1),
        )
        found = residuals(moved(start, step), corners) / sigma
        length = np.linalg.norm(found, axis=-1, keepdims=True)
        huber = np.where(length <= 2.0, length**2, 4.0 * length - 4.0)
        return (found / np.maximum(length, 1e-12) * np.sqrt(huber)).ravel()

    theirs = least_squares(rows, np.zeros(24 + 3 * len(points)), method="trf", x_scale="jac")
    assert ours.inlier.all()
    found = np.linalg.norm(residuals(ours.estimate, corners) / sigma, axis=-1)
    cost = 0.5 * np.sum(np.where(found <= 2.0, found**2, 4.0 * found - 4.0))
    assert cost == pytest.approx(theirs.cost, rel=2e-3)
