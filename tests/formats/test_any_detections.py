from dataclasses import replace

import h5py
import numpy as np
import pytest

from mvmono3d.core.detections_file import Detections, write_detections
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import InvalidFileError, UnknownNameError
from mvmono3d.formats.any_detections import read_any_detections
from tests.recordings import recording, write_openpose


@pytest.fixture
def made():
    return recording(frames=3)


def save(path, made, **changes):
    names = {"views": made.rig.names, "joints": made.skeleton.joints, "skeleton": made.skeleton.name}
    write_detections(path, Detections(observations=made.observations, **(names | changes)))


def test_joints_and_views_are_matched_by_name_never_by_position(tmp_path, made):
    flip = lambda array: array[:, ::-1, ::-1]  # noqa: E731
    seen = replace(
        made.observations,
        pixels=flip(made.observations.pixels),
        confidence=flip(made.observations.confidence),
        detected=flip(made.observations.detected),
    )
    joints, views = made.skeleton.joints[::-1], made.rig.names[::-1]
    save(tmp_path / "d.npz", replace(made, observations=seen), joints=joints, views=views)
    detections = read_any_detections(tmp_path / "d.npz", skeleton=made.skeleton, views=made.rig.names)
    np.testing.assert_array_equal(detections.observations.pixels, made.observations.pixels)
    np.testing.assert_array_equal(detections.observations.confidence, made.observations.confidence)
    assert detections.views == made.rig.names
    assert detections.joints == made.skeleton.joints


def test_every_format_of_one_recording_gives_the_same(tmp_path, made):
    save(tmp_path / "d.npz", made)
    write_openpose(tmp_path / "openpose", made)
    (tmp_path / "sleap").mkdir()
    for view, name in enumerate(made.rig.names):
        with h5py.File(tmp_path / "sleap" / f"take_{name}.analysis.h5", "w") as file:
            file["tracks"] = made.observations.pixels[:, view].transpose(2, 1, 0)[None]
            file["point_scores"] = made.observations.confidence[:, view].T[None]
            file["node_names"] = np.array([joint.encode() for joint in made.skeleton.joints])
    (tmp_path / "dlc").mkdir()
    for view, name in enumerate(made.rig.names):
        save_csv(tmp_path / "dlc" / f"{name}.csv", made, view)
    for entry in ("d.npz", "openpose", "sleap", "dlc"):
        got = read_any_detections(tmp_path / entry, skeleton=None, views=made.rig.names, rate_hz=100.0)
        np.testing.assert_allclose(
            got.observations.pixels, made.observations.pixels, atol=1e-9, err_msg=entry
        )
        np.testing.assert_allclose(got.observations.confidence, made.observations.confidence, atol=1e-9)
        np.testing.assert_array_equal(got.observations.time_ns, made.observations.time_ns)
        assert (got.skeleton, got.views) == ("body17", made.rig.names)


def save_csv(path, made, view):
    joints = made.skeleton.joints
    lines = [
        ",".join(["scorer", *["net"] * 3 * len(joints)]),
        ",".join(["bodyparts", *[joint for joint in joints for _ in range(3)]]),
        ",".join(["coords", *["x", "y", "likelihood"] * len(joints)]),
    ]
    seen = made.observations
    for frame in range(len(seen.time_ns)):
        values = np.concatenate([seen.pixels[frame, view], seen.confidence[frame, view, :, None]], axis=-1)
        lines.append(",".join([str(frame), *[repr(float(value)) for value in values.ravel()]]))
    path.write_text("\n".join(lines) + "\n")


def test_cameras_that_the_recording_lacks_are_absent(tmp_path, made):
    write_openpose(tmp_path, made)
    views = (*made.rig.names, "cam_05")
    assert read_any_detections(tmp_path, skeleton=made.skeleton, views=views).views == made.rig.names


def test_a_camera_that_the_rig_lacks_is_refused(tmp_path, made):
    save(tmp_path / "d.npz", made)
    with pytest.raises(
        UnknownNameError, match=r"'cam_04' fits no camera.*the rig has cam_01, cam_02, cam_03"
    ):
        read_any_detections(tmp_path / "d.npz", skeleton=made.skeleton, views=made.rig.names[:3])


def test_joints_that_the_skeleton_lacks_are_left_out_but_none_may_be_missing(tmp_path, made):
    joints = tuple(f"own_{joint}" if joint == "nose" else joint for joint in made.skeleton.joints)
    save(tmp_path / "d.npz", made, joints=joints)
    with pytest.raises(UnknownNameError, match=r"no joint nose of skeleton 'body17'; .*own_nose"):
        read_any_detections(tmp_path / "d.npz", skeleton=made.skeleton, views=made.rig.names)


def test_an_unknown_skeleton_must_be_said(tmp_path, made):
    joints = tuple(f"own_{joint}" for joint in made.skeleton.joints)
    save(tmp_path / "d.npz", made, joints=joints, skeleton="fish")
    with pytest.raises(UnknownNameError, match=r"skeleton 'fish'.*say --skeleton"):
        read_any_detections(tmp_path / "d.npz", skeleton=None, views=made.rig.names)


def test_nan_in_our_own_file_is_an_error(tmp_path, made):
    pixels = made.observations.pixels.copy()
    pixels[1, 2, 3] = np.nan
    save(tmp_path / "d.npz", replace(made, observations=replace(made.observations, pixels=pixels)))
    with pytest.raises(InvalidFileError, match="1 pixels are not finite, first at frame 1, view 'cam_03'"):
        read_any_detections(tmp_path / "d.npz", skeleton=None, views=made.rig.names)


@pytest.mark.parametrize("name", ["nowhere", "empty", "text.txt"])
def test_what_is_no_recording_is_refused(tmp_path, made, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("text")
    with pytest.raises(InvalidFileError):
        read_any_detections(tmp_path / name, skeleton=made.skeleton, views=made.rig.names)


def test_two_files_of_one_camera_are_refused(tmp_path, made):
    for name in ("a", "b"):
        (tmp_path / "cam_01").mkdir(exist_ok=True)
        save_csv(tmp_path / "cam_01" / f"{name}.csv", made, 0)
    with pytest.raises(InvalidFileError, match=r"several .csv files \(a.csv, b.csv\)"):
        read_any_detections(tmp_path, skeleton=made.skeleton, views=made.rig.names)


def test_a_real_openpose_tree_is_read_whole(pose2sim):
    tree = pose2sim / "S00_P00_SingleParticipant" / "S00_P00_T01_BalancingTrial" / "pose-associated"
    views = ("cam_01", "cam_02", "cam_03", "cam_04")
    detections = read_any_detections(tree, skeleton=load_skeleton("body25b"), views=views)
    assert detections.observations.pixels.shape == (100, 4, 25, 2)
    assert detections.observations.detected.mean() > 0.95


def test_a_real_sleap_recording_keeps_its_gaps(mouse):
    with pytest.raises(UnknownNameError, match="Nose, Ear_R"):
        read_any_detections(mouse, skeleton=load_skeleton("body17"), views=("back", "mid", "side", "top"))
