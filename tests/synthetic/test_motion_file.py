import numpy as np
import pytest

from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.errors import InvalidFileError
from mvmono3d.synthetic.motion_file import read_motion
from tests.synthetic.captured import write_made_motion


@pytest.fixture
def stored(tmp_path):
    return tmp_path / "motion.npz", write_made_motion(tmp_path / "motion.npz", seconds=1.0)


def test_motion_that_is_written_is_read(stored):
    path, motion = stored
    read = read_motion(path)
    assert (read.takes, read.subjects, read.splits) == (motion.takes, motion.subjects, motion.splits)
    np.testing.assert_array_equal(read.points_world, motion.points_world)
    for place, frames in enumerate(motion.take_frames):
        assert len(read.take(place)) == frames
    np.testing.assert_array_equal(read.take(5), motion.points_world[-int(motion.take_frames[5]) :])


def test_landmarks_are_matched_by_name(stored):
    path, motion = stored
    arrays = read_npz(path, required=("joints",))
    shuffled = np.random.default_rng(0).permutation(len(arrays["joints"]))
    changed = {"joints": arrays["joints"][shuffled], "points_world": arrays["points_world"][:, shuffled]}
    write_npz(path, arrays | changed)
    np.testing.assert_array_equal(read_motion(path).points_world, motion.points_world)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subjects": np.array(["one"] * 6)}, "one in more than one split"),
        ({"splits": np.array(["train"] * 5 + ["spare"])}, "split 'spare', expected train, val or test"),
        ({"take_frames": np.array([1, 2, 3, 4, 5, 6])}, r"points_world is .*, expected finite \(21, 27, 3\)"),
        ({"takes": np.array(["one"])}, "differ in length"),
        ({"joints": np.array([f"joint {n}" for n in range(27)])}, "no landmark nose"),
    ],
)
def test_broken_motion_is_refused(stored, change, message):
    path, _ = stored
    write_npz(path, read_npz(path, required=()) | change)
    with pytest.raises(InvalidFileError, match=message):
        read_motion(path)


def test_a_motion_file_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(InvalidFileError, match=r"no motion file .*none\.npz: make it with"):
        read_motion(tmp_path / "none.npz")
