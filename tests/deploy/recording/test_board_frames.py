"""A recording of a board is what a calibration is made of: its frames, paired, with their times."""

import numpy as np
import pytest

from mvmono3d.calibration.detect import find_corners
from mvmono3d.calibration.sightings_file import read_sightings
from mvmono3d.cli import main
from mvmono3d.deploy.recording.board_frames import sightings_from_recording
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.errors import InvalidFileError
from tests.calibration.printed import CHARUCO
from tests.deploy.recording.board_takes import BOARD, pictures, recorded
from tests.deploy.recording.takes import CAMERAS, PERIOD_NS, written


@pytest.mark.parametrize("bits", [8, 12])
def test_corners_are_those_of_the_pictures_and_times_those_of_the_rig(tmp_path, bits):
    rows = pictures()
    found = sightings_from_recording(recorded(tmp_path / "take", rows, bits=bits), CHARUCO, threads=2)
    assert found.cameras == CAMERAS
    assert found.time_ns is not None
    assert found.time_ns.tolist() == [[10**18 + number * PERIOD_NS] * 4 for number in range(len(rows))]
    for number, row in enumerate(rows):
        for camera, image in enumerate(row):
            alone = find_corners(image, CHARUCO)
            assert np.array_equal(np.flatnonzero(found.seen[number, camera]), np.sort(alone.numbers))
            assert np.array_equal(found.pixels[number, camera, alone.numbers], alone.pixels)


def test_a_frame_that_is_missing_is_a_pose_that_this_camera_did_not_see(tmp_path):
    rows: list = pictures()
    rows[2][1] = None
    found = sightings_from_recording(recorded(tmp_path / "take", rows), CHARUCO)
    assert not found.seen[2, 1].any()
    assert found.seen[2, 0].any()
    assert found.time_ns is not None
    assert found.time_ns[2].tolist() == [10**18 + 2 * PERIOD_NS, 0, *[10**18 + 2 * PERIOD_NS] * 2]


def test_of_a_long_recording_sets_are_looked_at_evenly(tmp_path):
    rows = pictures() * 3
    found = sightings_from_recording(recorded(tmp_path / "take", rows), CHARUCO, most_frames=1)
    assert found.labels == ("0", "3", "5", "8")


def test_a_recording_without_the_board_says_which_cameras_lack_it(tmp_path):
    written(tmp_path / "take", 2)
    with pytest.raises(InvalidFileError, match="found by camera front, left, right, top"):
        sightings_from_recording(open_recording(tmp_path / "take"), CHARUCO)


@pytest.mark.slow
def test_calibrate_takes_a_recording_and_keeps_its_corners_beside_the_rig(tmp_path, capsys):
    recorded(tmp_path / "take", pictures(5))
    (tmp_path / "board.toml").write_text(BOARD)
    command = ["calibrate", str(tmp_path / "take"), "--out", str(tmp_path / "rig.toml")]
    assert main(command) == 2
    assert "--board board.toml" in capsys.readouterr().err
    code = main([*command, "--board", str(tmp_path / "board.toml")])
    assert code in {0, 1}, "five poses may be refused, but they are judged"
    assert (code == 0) == (tmp_path / "rig.toml").exists()
    assert "camera" in capsys.readouterr().out
    assert read_sightings(tmp_path / "rig.corners.npz").seen.any(axis=(0, 2)).all()
