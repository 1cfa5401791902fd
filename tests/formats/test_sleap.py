import h5py
import numpy as np
import pytest

from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.sleap import read_sleap

NODES = ("nose", "tail", "paw")


def write(path, tracks, *, scores=None, nodes=NODES):
    with h5py.File(path, "w") as file:
        file["tracks"] = tracks
        file["node_names"] = np.array([name.encode() for name in nodes])
        if scores is not None:
            file["point_scores"] = scores
    return path


@pytest.fixture
def tracks():
    return np.random.default_rng(0).uniform(0, 500, (1, 2, 3, 5))


def test_axes_are_track_xy_node_frame(tmp_path, tracks):
    track, joints = read_sleap(write(tmp_path / "a.h5", tracks))
    assert joints == NODES
    assert track.pixels.shape == (5, 3, 2)
    np.testing.assert_array_equal(track.pixels[4, 1], tracks[0, :, 1, 4])
    np.testing.assert_array_equal(track.confidence, 1.0)


def test_nan_is_not_detected_and_never_enters(tmp_path, tracks):
    tracks[0, 1, 2, 3] = np.nan
    track, _ = read_sleap(write(tmp_path / "a.h5", tracks))
    assert not track.detected[3, 2]
    assert track.detected.sum() == track.detected.size - 1
    np.testing.assert_array_equal(track.pixels[3, 2], 0.0)


def test_scores_are_confidences_and_labels_by_hand_are_certain(tmp_path, tracks):
    scores = np.full((1, 3, 5), 0.5)
    scores[0, 0, 0], scores[0, 1, 0], scores[0, 2, 0] = 0.0, np.nan, 1.09
    track, _ = read_sleap(write(tmp_path / "a.h5", tracks, scores=scores))
    assert track.confidence[0].tolist() == [1.0, 1.0, 1.0]
    assert track.confidence[1].tolist() == [0.5, 0.5, 0.5]


def test_several_animals_need_a_choice(tmp_path, tracks):
    path = write(tmp_path / "a.h5", np.concatenate([tracks, tracks + 1]))
    with pytest.raises(InvalidFileError, match="2 tracks: say --person N"):
        read_sleap(path)
    track, _ = read_sleap(path, person=1)
    np.testing.assert_array_equal(track.pixels[0, 0], tracks[0, :, 0, 0] + 1)
    with pytest.raises(InvalidFileError, match="no track 2"):
        read_sleap(path, person=2)


def test_a_deeplabcut_file_gets_a_way_out(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("df_with_missing")
    with pytest.raises(InvalidFileError, match="save_as_csv=True"):
        read_sleap(tmp_path / "a.h5")


@pytest.mark.parametrize("nodes", [("nose",), (*NODES, "ear")])
def test_shapes_that_disagree_are_refused(tmp_path, tracks, nodes):
    with pytest.raises(InvalidFileError, match=r"tracks \(1, 2, 3, 5\), expected"):
        read_sleap(write(tmp_path / "a.h5", tracks, nodes=nodes))


def test_any_other_file_is_refused(tmp_path):
    (tmp_path / "a.h5").write_text("text")
    with pytest.raises(InvalidFileError, match="not a readable HDF5"):
        read_sleap(tmp_path / "a.h5")
