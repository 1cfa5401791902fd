"""Every file of ours gives back what was written, and refuses what is not one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mvmono3d.core.detections_file import Detections, read_detections, write_detections
from mvmono3d.core.npz import read_npz
from mvmono3d.core.reconstruction_file import (
    read_reconstruction,
    read_trajectory,
    write_reconstruction,
    write_trajectory,
)
from mvmono3d.core.rig_file import read_rig, write_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import Reconstruction, Trajectory
from mvmono3d.errors import InvalidFileError
from tests.recordings import recording, ring


@pytest.fixture
def made():
    return recording(frames=3)


def detections_of(made, **changes):
    return Detections(
        observations=replace(made.observations, **changes),
        views=made.rig.names,
        joints=made.skeleton.joints,
        skeleton=made.skeleton.name,
    )


def random_reconstruction(frames=3, views=4, joints=17):
    generator = np.random.default_rng(0)
    trajectory = Trajectory(
        points_world=generator.normal(size=(frames, joints, 3)),
        covariance_world=np.tile(np.eye(3), (frames, joints, 1, 1)),
        source=generator.integers(0, 3, (frames, joints)),
        time_ns=np.arange(frames) * 2**55,
    )
    return Reconstruction(
        trajectory=trajectory,
        decided_by=generator.integers(0, 3, (frames, joints)),
        reason=generator.integers(0, 5, (frames, joints)),
        weights=generator.random((frames, views, joints)),
        occlusion=generator.random((frames, views, joints, 4)),
        reprojection_px=generator.random((frames, views, joints)),
    )


def same_arrays(one, other):
    names = type(one).__dataclass_fields__
    for name in names:
        left, right = getattr(one, name), getattr(other, name)
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right, err_msg=name)
            assert left.dtype == right.dtype


@pytest.mark.parametrize("with_sigma", [False, True])
def test_detections_come_back(tmp_path, made, with_sigma):
    sigma_px = np.full(made.observations.confidence.shape, 1.5) if with_sigma else None
    written = detections_of(made, sigma_px=sigma_px)
    write_detections(tmp_path / "d.npz", written)
    back = read_detections(tmp_path / "d.npz")
    same_arrays(written.observations, back.observations)
    assert (back.views, back.joints, back.skeleton) == (written.views, written.joints, written.skeleton)
    assert (back.observations.sigma_px is None) is not with_sigma


def spoil(array, value):
    array = array.copy()
    array.flat[7] = value
    return array


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        (
            "pixels",
            lambda array: spoil(array, np.inf),
            "1 pixels are not finite, first at frame 0, view 'cam_01'",
        ),
        (
            "confidence",
            lambda array: spoil(array, 1.2),
            r"confidence from .* to 1.2, expected within \[0, 1\]",
        ),
        ("confidence", lambda array: spoil(array, np.nan), "confidence"),
        ("time_ns", lambda array: array[::-1], "time_ns does not increase"),
    ],
)
def test_detections_that_break_a_law_are_refused(tmp_path, made, field, change, message):
    array = change(getattr(made.observations, field))
    write_detections(tmp_path / "d.npz", detections_of(made, **{field: array}))
    with pytest.raises(InvalidFileError, match=message):
        read_detections(tmp_path / "d.npz")


def test_an_empty_recording_is_refused(tmp_path, made):
    empty = detections_of(made).observations.map(lambda array: array[:0])
    write_detections(tmp_path / "d.npz", replace(detections_of(made), observations=empty))
    with pytest.raises(InvalidFileError, match="recording is empty"):
        read_detections(tmp_path / "d.npz")


def test_a_reconstruction_comes_back(tmp_path):
    written, skeleton = random_reconstruction(), load_skeleton("body17")
    write_reconstruction(tmp_path / "r.npz", written, skeleton)
    back = read_reconstruction(tmp_path / "r.npz", skeleton)
    same_arrays(written, back)
    same_arrays(written.trajectory, back.trajectory)
    same_arrays(written.trajectory, read_trajectory(tmp_path / "r.npz", skeleton))


def test_a_trajectory_comes_back_and_is_no_reconstruction(tmp_path):
    written, skeleton = random_reconstruction().trajectory, load_skeleton("body17")
    write_trajectory(tmp_path / "t.npz", written, skeleton)
    same_arrays(written, read_trajectory(tmp_path / "t.npz", skeleton))
    with pytest.raises(InvalidFileError, match="no array decided_by"):
        read_reconstruction(tmp_path / "t.npz", skeleton)


def test_joints_of_another_skeleton_are_refused(tmp_path):
    write_trajectory(tmp_path / "t.npz", random_reconstruction().trajectory, load_skeleton("body17"))
    with pytest.raises(InvalidFileError, match="17 joints of skeleton 'body17', expected the 21 joints"):
        read_trajectory(tmp_path / "t.npz", load_skeleton("hand21"))


def test_files_that_are_no_archive_are_refused(tmp_path):
    (tmp_path / "text.npz").write_text("text")
    (tmp_path / "none.npz").touch()
    for name in ("text", "none", "absent"):
        with pytest.raises(InvalidFileError):
            read_npz(tmp_path / f"{name}.npz", required=("a",))


def test_files_of_another_version_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(1), schema=2)
    with pytest.raises(InvalidFileError, match="schema version 2, expected 1"):
        read_npz(tmp_path / "a.npz", required=("a",))


def test_a_rig_comes_back_with_its_hash(tmp_path):
    tilt = cv2.Rodrigues(np.array([0.3, -0.2, 0.5]))[0]
    pose = ring().camera_from_world
    tilted = np.concatenate([pose[..., :3] @ tilt, pose[..., 3:]], axis=-1)
    sigma = np.full((4, 2), 1e-3)
    rig = replace(ring(), camera_from_world=tilted, metadata=(("place", "hall"),), pose_sigma=sigma)
    write_rig(tmp_path / "rig.toml", rig)
    back = read_rig(tmp_path / "rig.toml")
    assert (back.names, back.metadata, back.hash) == (rig.names, rig.metadata, rig.hash)
    np.testing.assert_allclose(back.camera_from_world, rig.camera_from_world, atol=1e-12)
    np.testing.assert_allclose(back.camera.lens, rig.camera.lens, atol=1e-12)
    np.testing.assert_array_equal(back.camera.size_px, rig.camera.size_px)
    np.testing.assert_allclose(back.pose_sigma, rig.pose_sigma)


def test_a_fisheye_rig_comes_back(tmp_path):
    rig = ring()
    distortion = np.tile([0.02, -0.01, 0.002, -0.001, 0.0], (4, 1))
    camera = replace(rig.camera, fisheye=np.ones(4, dtype=bool), distortion=distortion)
    write_rig(tmp_path / "rig.toml", replace(rig, camera=camera))
    np.testing.assert_allclose(read_rig(tmp_path / "rig.toml").camera.lens, camera.lens)


def test_millimetres_are_a_thousandth(tmp_path):
    write_rig(tmp_path / "rig.toml", ring())
    metres, millimetres = (read_rig(tmp_path / "rig.toml", units=unit) for unit in ("m", "mm"))
    np.testing.assert_allclose(millimetres.camera_from_world[..., 3], metres.camera_from_world[..., 3] * 1e-3)
    np.testing.assert_array_equal(millimetres.camera_from_world[..., :3], metres.camera_from_world[..., :3])


TABLE = """[cam_{number}]
name = "cam_{number}"
size = [1280, 1024]
matrix = [[900.0, 0.0, 639.0], [0.0, 900.0, 511.0], [0.0, 0.0, 1.0]]
distortions = [0.0, 0.0, 0.0, 0.0, 0.0]
rotation = [0.0, 0.0, {number}.0]
translation = [0.0, {number}.0, 3.0]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "rotation = [0.0, 0.0, 1.0]",
            "rotation = [[1, 0, 0], [0, 2, 0], [0, 0, 1]]",
            "rotation is not orthonormal",
        ),
        ("rotation = [0.0, 0.0, 1.0]", "rotation = [[1, 0, 0], [0, -1, 0], [0, 0, 1]]", "determinant -1"),
        ("[[900.0, 0.0,", "[[-900.0, 0.0,", "focal lengths"),
        ("[[900.0, 0.0,", "[[900.0, 5.0,", "skew 5.0"),
        ("translation = [0.0, 1.0, 3.0]", "translation = [0.0, nan, 3.0]", "translation: not finite"),
        (
            "translation = [0.0, 1.0, 3.0]",
            "translation = [0.0, 1.0]",
            r"translation: shape \(2,\), expected \(3,\)",
        ),
        ("translation = [0.0, 1.0, 3.0]", "", "no 'translation'"),
        ("size = [1280, 1024]", "size = [0, 1024]", "expected .width, height. in px"),
        ("distortions = [0.0,", "distortions = [0.0, 0.0,", "6 distortions, expected at most 5"),
        ("[cam_1]", "[cam_1", "is not TOML"),
        ('name = "cam_1"', 'name = "cam_0"', "camera names that repeat"),
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path, old, new, message):
    text = TABLE.format(number=0) + TABLE.format(number=1)
    place = text.rindex(old)
    (tmp_path / "rig.toml").write_text(text[:place] + new + text[place + len(old) :])
    with pytest.raises(Exception, match=message) as caught:
        read_rig(tmp_path / "rig.toml")
    assert type(caught.value).__module__ == "mvmono3d.errors"


def test_one_camera_is_no_rig(tmp_path):
    (tmp_path / "rig.toml").write_text(TABLE.format(number=0))
    with pytest.raises(InvalidFileError, match="1 cameras, expected at least 2"):
        read_rig(tmp_path / "rig.toml")
