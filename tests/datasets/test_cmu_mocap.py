"""Motion capture files become one motion file, or one line that says why not."""

import numpy as np
import pytest
import yaml

from mvmono3d.core.npz import write_npz
from mvmono3d.errors import InvalidFileError
from mvmono3d.synthetic.body import BODY_JOINTS, SOLE_M
from mvmono3d.synthetic.landmarks import CAPTURED
from mvmono3d.synthetic.motion_file import read_motion
from mvmono3d.synthetic.splits import Split
from tests.contracts.repository import ROOT
from tests.datasets.test_prepare import _program
from tests.formats.motion_files import BVH
from tests.synthetic.captured import as_captured, moving_body

MANIFEST = ROOT / "datasets" / "cmu_mocap" / "manifest.yaml"
LETTERS = {"left": "L", "right": "R"}
SHORT = {"shoulder": "sho", "elbow": "elb", "wrist": "wri", "hip": "hip", "knee": "kne", "ankle": "ank"}


@pytest.fixture(scope="module")
def program():
    return _program("cmu_mocap")


def manifest():
    return yaml.safe_load(MANIFEST.read_text())


def captured_as_npz(path, takes):
    """Write takes of landmarks as the joints of a mocap skeleton, named as `motion.npz` names them."""
    path.parent.mkdir(parents=True)
    names = [_short(name) for name in CAPTURED]
    arrays = {"joint_names": np.array(names), "rate_hz": np.array(60), "parents": np.zeros(16)}
    for take, landmarks in takes.items():
        arrays[take] = np.stack(list(as_captured(landmarks).values()), axis=1).astype(np.float32)
    write_npz(path, arrays)
    return path.parent


def _short(name):
    side, _, part = name.partition("_")
    return f"{LETTERS[side]}{SHORT.get(part, part)}" if part else name


@pytest.fixture
def raw(tmp_path):
    landmarks = [moving_body(seed=seed, seconds=3.0)[1] for seed in range(3)]
    jumping = landmarks[2].copy()
    jumping[90:] += 5.0
    takes = {"martial_03": landmarks[0], "salsa_16": landmarks[1], "actions_train_walking_1": jumping}
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(manifest() | {"files": {}}))
    folder = captured_as_npz(tmp_path / "raw" / "motion.npz", takes)
    return [str(folder), str(tmp_path / "out"), "--manifest", str(tmp_path / "manifest.yaml")]


def test_joints_become_landmarks_of_known_people(program, raw, tmp_path, capsys):
    assert program.main(raw) == 0
    assert "test: 1 subjects, 1 takes" in capsys.readouterr().out
    motion = read_motion(tmp_path / "out" / "motion.npz")
    assert motion.takes[:2] == ("135_03", "salsa_16")
    assert motion.subjects[:3] == ("cmu_135", "cmu_61", "cmu_unnamed")
    assert motion.splits[:3] == (Split.TEST, Split.VAL, Split.TRAIN)
    assert motion.rate_hz == 60.0


def test_damaged_takes_are_left_out(program, tmp_path):
    takes = {name: moving_body(seconds=2.0)[1] for name in ("actions_train_walking_25", "martial_04")}
    folder = captured_as_npz(tmp_path / "raw" / "motion.npz", takes)
    assert program.prepare(folder, manifest() | {"files": {}}).takes == ("135_04",)


def test_a_take_is_cut_where_it_jumps(program, raw, tmp_path):
    program.main(raw)
    motion = read_motion(tmp_path / "out" / "motion.npz")
    assert motion.takes[2:] == ("actions_train_walking_1",) * 2
    assert motion.take_frames.tolist()[:2] == [180, 180]
    assert 170 < motion.take_frames[2:].sum() < 180
    for place in range(4):
        assert np.abs(np.diff(motion.take(place), axis=0)).max() < 0.2


def test_the_manifests_people_are_in_one_split_each():
    splits = {}
    for entry in manifest()["recordings"].values():
        splits.setdefault(entry["subject"], set()).add(entry["split"])
    assert all(len(each) == 1 for each in splits.values())
    assert set.union(*splits.values()) == {"train", "val", "test"}
    assert manifest()["name"] == "cmu_mocap"
    assert manifest()["licence"]
    assert all(len(digest) == 64 for digest in manifest()["files"].values())


def test_other_people_are_split_by_their_name(program):
    splits = [program.split_of_subject(f"cmu_{person:02d}", manifest()) for person in range(2, 145)]
    counts = np.bincount(splits, minlength=3)
    assert counts[Split.TRAIN] > 90
    assert min(counts[Split.VAL], counts[Split.TEST]) > 4
    assert program.split_of_subject("cmu_01", manifest()) == Split.TEST


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("walk.bvh", None, "whose take is"),
        ("07_01.bvh", None, "not a body's joints; with the names of"),
        ("07_01.bvh", "HIERARCHY\nROOT hip\n{\nOFFSET 0 0\n", "07_01.bvh, line 4: expected 3 numbers"),
        ("07_01.amc", "1\nroot 0 0 0\n", "07.asf"),
    ],
)
def test_a_broken_download_is_one_line(program, tmp_path, capsys, name, content, message):
    (tmp_path / name).write_text(BVH if content is None else content)
    assert program.main([str(tmp_path), str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "out").exists()


def test_a_folder_without_motion_and_no_folder_are_refused(program, tmp_path):
    with pytest.raises(InvalidFileError, match="no motion; expected"):
        program.prepare(tmp_path, manifest())
    with pytest.raises(InvalidFileError, match="no folder"):
        program.prepare(tmp_path / "none", manifest())


def test_a_known_file_with_another_content_is_refused(program, tmp_path, capsys):
    (tmp_path / "original").mkdir()
    (tmp_path / "original" / "01.asf").write_text(":version 1.10\n")
    assert program.main([str(tmp_path), str(tmp_path / "out")]) == 2
    assert "01.asf is not the file that manifest.yaml lists" in capsys.readouterr().err


def test_the_real_files_agree_with_the_joints_that_others_read_from_them(program, realdata):
    folder = realdata / "cmu_motion"
    if not folder.is_dir():
        pytest.skip(f"no real recording {folder}")
    with np.load(folder / "motion.npz") as joints:
        names = list(joints["joint_names"])
        known = {"135_07.bvh": joints["martial_07"], "01_01.amc": joints["subject_01_01"]}
    for take in program.find_takes(folder / "original", manifest()):
        file = next((name for name in known if name.startswith(take.name)), None)
        if file is None:
            continue
        theirs = known[file]
        # Another heading of the world: compare distances between joints.
        for one, other in (("left_wrist", "right_knee"), ("right_elbow", "left_ankle")):
            ours = np.linalg.norm(take.joints[one] - take.joints[other], axis=1)[::2]
            ends = [theirs[:, names.index(_short(joint))] for joint in (one, other)]
            np.testing.assert_allclose(ours, np.linalg.norm(ends[0] - ends[1], axis=1), atol=2e-4)


def test_the_real_people_stand_upright_and_look_ahead(program, realdata):
    folder = realdata / "cmu_motion"
    if not folder.is_dir():
        pytest.skip(f"no real recording {folder}")
    motion = program.prepare(folder / "original", manifest())
    assert set(motion.subjects) == {"cmu_01", "cmu_135"}
    for place in range(len(motion.takes)):
        points = {name: motion.take(place)[:, joint] for joint, name in enumerate(BODY_JOINTS)}
        up = points["neck"] - points["mid_hip"]
        ahead = np.cross(up, points["right_hip"] - points["left_hip"])
        assert (up[:, 2] > 0).mean() > 0.95
        face = points["nose"] - 0.5 * (points["left_ear"] + points["right_ear"])
        assert ((face * ahead).sum(axis=-1) > 0).mean() > 0.95
        for side in ("left", "right"):
            toes = points[f"{side}_big_toe"] - points[f"{side}_heel"]
            assert ((toes * ahead).sum(axis=-1) > 0).mean() > 0.9
        assert 1.4 < np.quantile(points["head_top"][:, 2], 0.9) < 2.5
        assert points["left_heel"][:, 2].min() > SOLE_M - 0.2
