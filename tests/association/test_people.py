"""Recordings of several people, from files to files."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.association.people import read_people
from mvmono3d.cli import main
from mvmono3d.core.detections_file import Detections, people_of, read_detections, write_people
from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.core.rig_file import read_rig, write_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import InvalidFileError
from tests.recordings import recording, ring, see

BODY = load_skeleton("body17")
PAIR = "S00_P01_MultiParticipants/S00_P01_T02_Participants1-2"


@pytest.fixture(scope="module")
def pair():
    """Two people a metre apart: (person, time, view, joint, 2) with noise, and the rig."""
    made, rig = recording(frames=12), ring()
    apart = np.array([[0.5, 0.0, 0.0], [-0.5, -0.1, 0.0]])
    points = np.stack([made.points - apart[0], made.points[::-1] - apart[1]])
    pixels = np.stack([[see(each, rig, view) for view in range(4)] for each in points])
    noise = np.random.default_rng(1).normal(size=pixels.shape)
    return np.swapaxes(pixels + noise, 1, 2), rig


@pytest.fixture
def files(pair, tmp_path):
    pixels, rig = pair
    write_rig(tmp_path / "rig.toml", rig)
    return pixels, rig, tmp_path


def shuffled(pixels, seed=0):
    """Return (time, view, place, joint, 2) in an order that changes."""
    lined_up = np.moveaxis(pixels, 0, 2)
    order = np.argsort(np.random.default_rng(seed).random(lined_up.shape[:3]), axis=-1)
    return np.take_along_axis(lined_up, order[..., None, None], axis=2)


def write_unnamed(path, pixels, rig, **extra):
    everywhere = shuffled(pixels)
    arrays = {
        "pixels": everywhere,
        "confidence": np.full(everywhere.shape[:-1], 0.9),
        "detected": np.ones(everywhere.shape[:-1], dtype=bool),
        "time_ns": np.arange(len(everywhere)) * 16_666_667,
        "views": np.array(rig.names),
        "joints": np.array(BODY.joints),
        "skeleton": np.array("body17"),
    }
    write_npz(path, arrays | extra)


def write_tree(folder, pixels, rig):
    everywhere = shuffled(pixels)
    for view, name in enumerate(rig.names):
        (folder / name).mkdir(parents=True)
        for frame, places in enumerate(everywhere[:, view]):
            people = [{"pose_keypoints_2d": [float(n) for uv in each for n in (*uv, 0.9)]} for each in places]
            (folder / name / f"{frame:04d}.json").write_text(json.dumps({"people": people}))


def read(path, rig, person=None):
    return read_people(path, rig, skeleton="body17", person=person, rate_hz=60.0)


def assert_each_is_somebody(people, pixels):
    found = [np.asarray(person.recording.detections.observations.pixels) for person in people]
    assert len(found) == len(pixels)
    for truth in pixels:
        assert any(np.allclose(each, truth) for each in found)


def test_people_of_an_openpose_tree_are_told_apart(files):
    pixels, rig, folder = files
    write_tree(folder / "pose", pixels, rig)
    people = read(folder / "pose", rig)
    assert [person.name for person in people] == ["person0", "person1"]
    assert_each_is_somebody(people, pixels)


def test_people_without_names_are_told_apart_and_named_ones_believed(files):
    pixels, rig, folder = files
    write_unnamed(folder / "unnamed.npz", pixels, rig)
    assert people_of(folder / "unnamed.npz") == (None, 2)
    people = read(folder / "unnamed.npz", rig)
    assert_each_is_somebody(people, pixels)
    write_people(folder / "named.npz", [each.recording.detections for each in people], names=("ann", "bob"))
    named = read(folder / "named.npz", rig)
    assert [person.name for person in named] == ["ann", "bob"]
    assert_each_is_somebody(named, pixels)
    for one, other in zip(people, named, strict=True):
        np.testing.assert_array_equal(
            one.recording.detections.observations.pixels, other.recording.detections.observations.pixels
        )


def test_a_chosen_person_is_what_stands_at_that_place(files):
    pixels, rig, folder = files
    write_unnamed(folder / "unnamed.npz", pixels, rig)
    (one,) = read(folder / "unnamed.npz", rig, person=1)
    assert one.name == ""
    np.testing.assert_allclose(
        one.recording.detections.observations.pixels, shuffled(pixels)[:, :, 1], atol=1e-9
    )
    with pytest.raises(InvalidFileError, match="holds 2 people"):
        read_detections(folder / "unnamed.npz")


def test_a_single_person_stays_as_it_is(files):
    pixels, rig, folder = files
    write_tree(folder / "pose", pixels[:1], rig)
    (one,) = read(folder / "pose", rig)
    assert one.name == ""
    np.testing.assert_allclose(one.recording.detections.observations.pixels, pixels[0])


def test_people_on_whom_no_two_views_agree_are_refused_with_the_likely_reason(files):
    pixels, rig, folder = files
    write_unnamed(folder / "unnamed.npz", pixels, rig)
    pose = rig.camera_from_world.copy()
    pose[:, :, 3] += [[0.8, 0.0, 0.0], [-0.8, 0.5, 0.0], [0.0, -0.7, 0.3], [0.3, 0.9, -0.5]]
    with pytest.raises(InvalidFileError, match="no two views agree on anybody"):
        read(folder / "unnamed.npz", replace(rig, camera_from_world=pose))


def test_reconstruct_writes_a_file_for_everybody_and_who_is_who(files):
    pixels, rig, folder = files
    write_unnamed(folder / "unnamed.npz", pixels, rig)
    rig_file, out = str(folder / "rig.toml"), folder / "take.npz"
    order = ["reconstruct", str(folder / "unnamed.npz"), "--rig", rig_file, "--method", "robust"]
    assert main([*order, "--out", str(out)]) == 0
    assert not out.exists()
    middles = {
        float(np.round(_points(folder / f"take_person{place}.npz")[..., 0].mean(), 1)) for place in range(2)
    }
    assert middles == {-0.5, 0.5}
    names, count = people_of(folder / "take_detections.npz")
    assert (names, count) == (("person0", "person1"), 2)
    assert main([*order, "--person", "0", "--out", str(out)]) == 0
    assert out.exists()


def _points(path):
    return read_npz(path, required=("points_world",))["points_world"]


def test_real_people_are_matched_as_pose2sim_matched_them(pose2sim):
    rig = read_rig(pose2sim / "S00_Calibration/Calib_qualisys.toml")
    folder = pose2sim / PAIR
    options = {"skeleton": "body25b", "rate_hz": 60.0}
    ours = read_people(folder / "pose", rig, person=None, **options)
    # Two on the treadmill's room, and somebody at the desk whom two cameras see.
    assert len(ours) == 3
    matched = []
    for place in range(2):
        (theirs,) = read_people(folder / "pose-associated", rig, person=place, **options)
        seen = theirs.recording.detections.observations
        agreement = [_agreement(person.recording.detections, seen) for person in ours]
        matched.append(int(np.argmax(agreement)))
        assert max(agreement) > 0.99
    assert sorted(matched) == [0, 1]


def _agreement(ours: Detections, theirs):
    seen = ours.observations
    # Limbs that were put right are still the same candidate's: compare with each joint's mirror, too.
    mirror = np.array(load_skeleton("body25b").mirror)
    apart = np.linalg.norm(seen.pixels - theirs.pixels, axis=-1)
    crossed = np.linalg.norm(seen.pixels - theirs.pixels[:, :, mirror], axis=-1)
    same = (np.minimum(apart, crossed) < 1e-6) & seen.detected & theirs.detected
    return same.sum() / theirs.detected.sum()
