from dataclasses import replace

import cv2
import numpy as np
import pytest

from mvmono3d.calibration.board import Board
from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.frame_times import pair_by_index, read_timestamps
from mvmono3d.calibration.inputs import gather_sightings, thin
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.sightings_file import write_sightings
from mvmono3d.calibration.thinning import choose_poses
from mvmono3d.calibration.videos import count_frames
from mvmono3d.errors import InvalidFileError
from tests.calibration.printed import CHARUCO, POSES, SIZE, photograph

HEADER = "sync_index,cam_id,frame_time\n"


def film(path, poses):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, SIZE, isColor=False)
    for pose in poses:
        writer.write(photograph(CHARUCO, pose)[0])
    writer.release()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("videos")
    film(place / "cam_0.avi", POSES)
    film(place / "cam_1.avi", POSES)
    return place


def test_frames_of_one_place_are_one_pose(folder):
    found = gather_sightings(folder, CHARUCO, processes=1)
    assert found.cameras == ("cam_0", "cam_1")
    assert found.labels == ("0", "1", "2", "3", "4")
    assert found.seen.all()
    for place, pose in enumerate(POSES):
        _, pixels = photograph(CHARUCO, pose)
        np.testing.assert_allclose(found.pixels[place, 0], pixels, atol=0.7)


def test_videos_are_taken_where_there_are_no_images(folder, tmp_path):
    again = gather_sightings(folder, CHARUCO, cache=tmp_path, processes=1)
    np.testing.assert_array_equal(
        again.pixels, gather_sightings(folder, CHARUCO, cache=tmp_path, processes=1).pixels
    )
    with pytest.raises(InvalidFileError, match="need a board"):
        gather_sightings(folder, None)


def test_videos_of_different_length_are_refused(tmp_path):
    film(tmp_path / "a" / "board.avi", POSES)
    film(tmp_path / "b" / "board.avi", POSES[:-1])
    with pytest.raises(InvalidFileError, match=r"different length \(a 5, b 4 frames\)"):
        gather_sightings(tmp_path, CHARUCO, processes=1)


def test_timestamps_pair_what_places_would_not(tmp_path):
    film(tmp_path / "cam_0.avi", POSES[:3])
    film(tmp_path / "cam_1.avi", POSES[1:3])
    rows = ["7,0,1.0", "8,0,1.1", "8,1,1.1004", "9,1,1.2", "9,0,1.2"]
    (tmp_path / "timestamps.csv").write_text(HEADER + "\n".join(rows) + "\n")
    found = gather_sightings(tmp_path, CHARUCO, processes=1)
    assert found.labels == ("7", "8", "9")
    assert found.seen.any(axis=-1).tolist() == [[True, False], [True, True], [True, True]]
    np.testing.assert_allclose(found.pixels[1, 0], found.pixels[1, 1], atol=0.5)
    assert found.time_ns is not None
    assert found.time_ns.tolist() == [[10**9, 0], [1100 * 10**6, 1100400 * 10**3], [1200 * 10**6] * 2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,0,1.0\n1,1,1.0\n", "1 rows of camera 'cam_0', but its video has 2 frames"),
        ("1,0,1.0\n2,9,1.0\n", "line 3: cam_id '9' is none of cam_0, cam_1"),
        ("1,0,soon\n", "line 2"),
        ("1,0,inf\n", "line 2: frame_time inf"),
        ("1,0,1.0\n1,0,2.0\n1,1,1\n2,1,2\n", "sync_index 1 twice for camera 'cam_0'"),
        ("", "no column 'sync_index'"),
    ],
)
def test_broken_timestamps_are_refused_with_the_line(rows, message, tmp_path):
    path = tmp_path / "timestamps.csv"
    path.write_text(HEADER + rows)
    with pytest.raises(InvalidFileError, match=message) as refusal:
        read_timestamps(path, frames=[2, 2], cameras=["cam_0", "cam_1"])
    assert str(path) in str(refusal.value)


def test_frames_of_equal_videos_are_paired_by_place():
    sets = pair_by_index([3, 3], cameras=["a", "b"], where="here")
    assert sets.frame.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert sets.present.all()


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no video"), (b"", "not a readable"), (b"x" * 9, "video")]
)
def test_files_that_are_no_video_are_refused(content, message, tmp_path):
    path = tmp_path / "a.avi"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidFileError, match=message):
        count_frames(path)


def moving(steps_px):
    """One camera whose board moved by these steps from frame to frame."""
    start = np.stack(np.meshgrid(np.arange(4), np.arange(3)), axis=-1).reshape(-1, 2) * 10.0
    pixels = start + np.cumsum(steps_px)[:, None, None]
    return pixels[:, None], np.ones((len(steps_px), 1, 12), dtype=bool)


def test_a_board_that_rests_is_kept_once():
    pixels, seen = moving([0, 0, 0, 0, 100, 0, 0, 200, 0])
    chosen = choose_poses(pixels, seen, width_px=np.array([1000]), most=3)
    assert len(chosen) == 3
    assert [int(place) for place in np.searchsorted([4, 7], chosen, side="right")] == [0, 1, 2]


def test_poses_that_nobody_saw_are_never_kept():
    pixels, seen = moving([0, 100, 100, 100])
    seen[1] = False
    assert choose_poses(pixels, seen, width_px=np.array([1000]), most=10).tolist() == [0, 2, 3]


def test_thinning_keeps_what_most_cameras_see():
    pixels, seen = moving(np.full(30, 5.0))
    pixels, seen = np.concatenate([pixels] * 2, axis=1), np.concatenate([seen] * 2, axis=1)
    seen[::2, 1] = False
    sightings = BoardSightings(
        cameras=("a", "b"),
        size_px=np.array([[1000, 800]] * 2),
        corners_m=np.zeros((12, 3)),
        pixels=pixels,
        seen=seen,
        labels=tuple(map(str, range(30))),
        time_ns=np.arange(60).reshape(30, 2),
    )
    kept = thin(sightings, most=6)
    assert len(kept.labels) == 6
    assert kept.seen[:, 1].any(axis=-1).sum() >= 4
    assert kept.time_ns is not None
    assert kept.time_ns[:, 0].tolist() == [2 * int(label) for label in kept.labels]


def test_saved_corners_are_taken_as_they_are_if_the_board_agrees(folder, tmp_path):
    found = gather_sightings(folder, CHARUCO, processes=1)
    write_sightings(tmp_path / "corners.npz", found)
    for board in (None, CHARUCO):
        np.testing.assert_array_equal(gather_sightings(tmp_path / "corners.npz", board).pixels, found.pixels)
    other: Board = replace(CHARUCO, square_m=0.031)
    with pytest.raises(InvalidFileError, match="are not the board's"):
        gather_sightings(tmp_path / "corners.npz", other)


@pytest.mark.parametrize("name", ["none", "none.mp4", "none.npz"])
def test_missing_inputs_are_refused(name, tmp_path):
    with pytest.raises(InvalidFileError):
        gather_sightings(tmp_path / name, CHARUCO)


@pytest.mark.slow
def test_four_webcams_of_caliscope_see_their_two_sided_board(realdata):
    session = realdata / "caliscope_charuco4cam" / "4_cam_recording"
    if not session.is_dir():
        pytest.skip(f"no real recording {session}")
    board = read_board(session / "charuco.toml")
    found = gather_sightings(session / "calibration" / "extrinsic", board, most_frames=24, processes=1)
    assert found.cameras == ("cam_0", "cam_1", "cam_2", "cam_3")
    assert len(found.labels) == 24
    assert (found.seen.any(axis=-1).sum(axis=1) >= 2).all()
    # Camera 1 looks at the back.
    assert found.seen[:, 1].sum() > 100
    assert found.time_ns is not None
    spread = np.where(found.time_ns > 0, found.time_ns, found.time_ns.max(axis=1, keepdims=True))
    assert np.median(np.ptp(spread, axis=1)) < 10_000_000
