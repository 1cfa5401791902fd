from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.openpose import read_openpose
from tests.recordings import recording, write_openpose


def read(folder, made, *, skeleton=None, person=None):
    return read_openpose(
        folder, skeleton=skeleton or made.skeleton, cameras=made.rig.names, person=person, rate_hz=100.0
    )


@pytest.fixture
def made():
    return recording(frames=3, views=3)


def test_a_tree_gives_back_what_was_detected(tmp_path, made):
    hidden = made.observations.detected.copy()
    hidden[1, 2, 4] = False
    hidden[2, 0] = False
    seen = made.observations
    write_openpose(tmp_path, replace(made, observations=replace(seen, detected=hidden)))
    detections = read(tmp_path, made)
    assert detections.views == made.rig.names
    assert detections.joints == made.skeleton.joints
    np.testing.assert_array_equal(detections.observations.detected, hidden)
    np.testing.assert_allclose(detections.observations.pixels[hidden], seen.pixels[hidden])
    np.testing.assert_array_equal(detections.observations.pixels[~hidden], 0)
    np.testing.assert_array_equal(detections.observations.time_ns, seen.time_ns)


def test_a_frame_that_one_camera_lacks_is_undetected_there(tmp_path, made):
    write_openpose(tmp_path, made)
    next((tmp_path / "cam02_json").glob("*1_keypoints.json")).unlink()
    detected = read(tmp_path, made).observations.detected
    assert not detected[1, 1].any()
    assert detected.sum() == detected.size - detected.shape[-1]


def test_a_gap_in_the_frame_numbers_is_a_gap_in_time(tmp_path, made):
    write_openpose(tmp_path, made)
    for file in tmp_path.glob("*/*1_keypoints.json"):
        file.unlink()
    assert read(tmp_path, made).observations.time_ns.tolist() == [0, 20_000_000]


def test_several_people_need_a_choice(tmp_path, made):
    write_openpose(tmp_path, made, people=2)
    with pytest.raises(InvalidFileError, match=r"holds 2 people; say --person N \(0 to 1\)"):
        read(tmp_path, made)
    assert read(tmp_path, made, person=1).observations.detected.all()
    with pytest.raises(InvalidFileError, match="no person 2"):
        read(tmp_path, made, person=2)


def test_another_number_of_joints_names_what_would_fit(tmp_path, made):
    write_openpose(tmp_path, made)
    with pytest.raises(InvalidFileError, match=r"17 joints, but skeleton 'body25b' has 25 .*body17"):
        read(tmp_path, made, skeleton=load_skeleton("body25b"))


def test_peaks_above_one_are_one_and_percent_are_refused(tmp_path, made):
    for value, refused in ((1.4, False), (87.0, True), (-0.1, True)):
        folder = tmp_path / str(value)
        write_openpose(folder, made)
        file = next(iter(sorted((folder / "cam01_json").iterdir())))
        person = '{"people": [{"pose_keypoints_2d": ' + str([10.0, 20.0, value] * 17) + "}]}"
        file.write_text(person)
        if refused:
            with pytest.raises(
                InvalidFileError, match=r"confidence .* joint 'nose', expected within \[0, 1\]"
            ):
                read(folder, made)
        else:
            assert read(folder, made).observations.confidence[0, 0, 0] == 1.0


def test_broken_files_are_named(tmp_path, made):
    write_openpose(tmp_path, made)
    file = sorted((tmp_path / "cam01_json").iterdir())[1]
    for content in ("{", '{"people": [{"pose_keypoints_2d": [NaN, 1, 1]}]}', '{"people": 3}'):
        file.write_text(content)
        with pytest.raises(InvalidFileError, match=rf"{file.name} is not an OpenPose file"):
            read(tmp_path, made)


def test_a_tree_without_anybody_is_an_empty_recording(tmp_path, made):
    write_openpose(tmp_path, made)
    for file in tmp_path.glob("*/*.json"):
        file.write_text('{"people": []}')
    with pytest.raises(InvalidFileError, match="recording is empty"):
        read(tmp_path, made)


def test_cameras_without_a_common_frame_are_refused(tmp_path, made):
    write_openpose(tmp_path, made)
    for view, name in enumerate(("cam01_json", "cam02_json", "cam03_json")):
        for file in (tmp_path / name).iterdir():
            number = int(file.stem.split("_")[-2]) + 100 * view
            file.rename(file.with_name(f"{number}.json"))
    with pytest.raises(InvalidFileError, match="no frame number occurs in two cameras"):
        read(tmp_path, made)
