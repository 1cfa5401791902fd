"""Cameras placed by people alone: noise, bias, outliers and gaps as in the detections of a real recording."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mvmono3d.calibration.findings import Fault, Severity
from mvmono3d.calibration.keypoint_checks import JointJudgement, judge_joints
from mvmono3d.calibration.keypoint_refine import KnownLength
from mvmono3d.calibration.keypoint_start import start_by_joints
from mvmono3d.calibration.keypoint_time import joint_offsets
from mvmono3d.core.detections_file import Detections
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import InvalidRecordError
from mvmono3d.formats.recording import RecordingRead
from mvmono3d.geometry.rigid import camera_centres
from tests.calibration.people import Detector, biases, motion, ring, watched
from tests.calibration.test_keypoint_refine import HIP, KNEE, apart

SKELETON = load_skeleton("body25b")
UP = (SKELETON.index("left_ankle"), SKELETON.index("head_top"))
FRAMES = 120


def walked(frames=FRAMES):
    return motion(0)[:: 600 // FRAMES][:frames]


def seen(rig, points=None, *, detector=None, seed=0):
    points = walked() if points is None else points
    generator = np.random.default_rng(seed)
    return watched(
        points, rig, bias=biases(seed, rig), generator=generator, detector=detector, rate_hz=FRAMES / 10.0
    )


def judged(observations, rig, *, focal=False) -> JointJudgement:
    thigh = np.linalg.norm(walked()[:, KNEE] - walked()[:, HIP], axis=-1)
    detections = Detections(
        observations=observations, views=rig.names, joints=SKELETON.joints, skeleton=SKELETON.name
    )
    known = KnownLength(first=KNEE, second=HIP, length_m=float(np.median(thigh)))
    return judge_joints(RecordingRead(detections, rig, SKELETON), known=known, upward=UP, focal=focal)


def without_poses(rig):
    return replace(rig, camera_from_world=np.tile(np.eye(3, 4), (len(rig.names), 1, 1)))


def with_view(observations, view, other, *, frames=slice(None)):
    """What one camera saw, replaced by what another recording has of it."""
    pixels, detected = observations.pixels.copy(), observations.detected.copy()
    pixels[frames, view], detected[frames, view] = other.pixels[frames, view], other.detected[frames, view]
    return replace(observations, pixels=pixels, detected=detected, confidence=detected * 1.0)


@cache
def from_people() -> JointJudgement:
    rig = ring(0)
    return judged(seen(rig), without_poses(rig))


@pytest.mark.slow
def test_people_place_cameras_of_which_nothing_but_lenses_was_known():
    found = from_people()
    assert found.accepted
    assert found.findings == ()
    assert found.calibration is not None
    turn_deg, place_m = apart(found.calibration.rig, ring(0))
    assert turn_deg < 0.3
    assert place_m < 0.08
    assert found.calibration.refined.after_px < 2.5


def test_the_stated_uncertainty_covers_what_the_detector_always_gets_wrong():
    found = from_people().calibration
    assert found is not None
    sigma = np.degrees(np.linalg.norm(found.rig.pose_sigma[:, 0])) * np.sqrt(3.0)
    assert apart(found.rig, ring(0))[0] < 3.0 * sigma
    assert sigma < 1.0


def test_plus_z_is_up_and_the_feet_are_at_zero():
    found = from_people().calibration
    assert found is not None
    heights = camera_centres(found.rig.camera_from_world)[:, 2]
    true = camera_centres(ring(0).camera_from_world)[:, 2]
    # People lean: some degrees over the four metres of this rig.
    np.testing.assert_allclose(heights - heights.mean(), true - true.mean(), atol=0.4)
    assert np.quantile(found.points_world[:, 2], 0.02) == pytest.approx(0.0, abs=1e-3)


def test_exact_joints_give_the_exact_rig():
    rig = ring(0)
    clean = watched(
        walked(),
        rig,
        bias=np.zeros((4, 25, 2)),
        generator=np.random.default_rng(0),
        detector=Detector(noise_px=0.0, bias_px=0.0, outliers=0.0, missing=0.0),
    )
    found = start_by_joints(clean, without_poses(rig))
    factor = np.ptp(camera_centres(rig.camera_from_world), axis=0).max() / np.ptp(
        camera_centres(found.camera_from_world) @ found.camera_from_world[0, :, :3].T
        @ rig.camera_from_world[0, :, :3], axis=0
    ).max()  # fmt: skip
    sized = replace(found, camera_from_world=found.camera_from_world * np.array([1.0, 1.0, 1.0, factor]))
    turn_deg, place_m = apart(sized, rig)
    assert turn_deg < 1e-3
    assert place_m < 1e-3


@pytest.mark.slow
def test_lenses_that_were_guessed_a_sixth_too_short_are_found():
    rig = ring(0)
    guessed = replace(rig, camera=replace(rig.camera, focal_px=0.85 * rig.camera.focal_px))
    found = judged(seen(rig), without_poses(guessed), focal=True)
    assert found.accepted
    assert found.calibration is not None
    np.testing.assert_allclose(0.85 * found.calibration.focal_factor, 1.0, atol=0.05)
    assert apart(found.calibration.rig, rig)[1] < 0.3


@pytest.mark.slow
def test_a_mirrored_camera_is_refused_and_named():
    rig = ring(0)
    right = seen(rig)
    pixels = right.pixels.copy()
    pixels[:, 1, :, 0] = rig.camera.size_px[1, 0] - 1.0 - pixels[:, 1, :, 0]
    found = judged(replace(right, pixels=pixels * right.detected[..., None]), without_poses(rig))
    assert not found.accepted
    assert any("cam1" in one.message for one in found.findings if one.severity is Severity.REFUSE)


@pytest.mark.slow
def test_a_camera_that_saw_somebody_else_is_refused():
    rig = ring(0)
    other = seen(rig, motion(3)[:: 600 // FRAMES])
    assert not judged(with_view(seen(rig), 2, other), without_poses(rig)).accepted


@pytest.mark.slow
def test_a_wrong_lens_is_named():
    rig = ring(0)
    focal = np.array(rig.camera.focal_px)
    focal[1] *= 1.3
    found = judged(seen(rig), without_poses(replace(rig, camera=replace(rig.camera, focal_px=focal))))
    assert not found.accepted
    assert {name for one in found.findings for name in one.cameras} == {"cam1"}


def test_a_camera_that_is_late_is_told_with_its_offset():
    rig, late = ring(0), 0.03
    times = np.arange(600) / 60.0
    flat = motion(0).reshape(600, -1)
    ahead = np.stack([np.interp(times + late, times, column) for column in flat.T], axis=-1).reshape(
        600, -1, 3
    )
    generator = np.random.default_rng(0)
    both = [watched(points, rig, bias=biases(0, rig), generator=generator) for points in (motion(0), ahead)]
    found = joint_offsets(with_view(both[0], 2, both[1]), rig)
    assert found is not None
    assert found.offset[2] == pytest.approx(late, rel=0.25)
    assert np.abs(np.delete(found.offset, 2)).max() < 0.002
    none = joint_offsets(both[0], rig)
    assert none is not None
    assert np.abs(none.offset / none.sigma).max() < 4.0


def test_joints_that_do_not_connect_the_cameras_are_refused():
    rig = ring(0)
    apart_in_time = seen(rig)
    detected = apart_in_time.detected.copy()
    detected[::2, :2], detected[1::2, 2:] = False, False
    with pytest.raises(InvalidRecordError, match="see fewer than 60 joints at the same instants"):
        start_by_joints(replace(apart_in_time, detected=detected), without_poses(rig))


def test_a_handful_of_frames_is_refused_in_words():
    rig = ring(0)
    found = judged(seen(rig, walked(6)), without_poses(rig))
    assert not found.accepted
    assert found.findings[0].fault is Fault.UNSOLVED
    assert "record somebody who moves about" in found.findings[0].remedy
