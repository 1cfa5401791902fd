"""Exports of a recording hold what was recorded: videos to the last bit, joints as they were answered."""

import csv

import cv2
import numpy as np
import pytest

from mvmono3d.calibration.frame_times import read_timestamps
from mvmono3d.cli import main
from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.recording import videos
from mvmono3d.deploy.recording.frame import FrameSet
from mvmono3d.deploy.recording.messages import JointsMessage, joints_json
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.videos import read_video
from mvmono3d.formats.trc import read_trc
from tests.deploy.recording.takes import CAMERAS, PERIOD_NS, Writing, frame_set, written

SETS = 6


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("size", [{"height": 40, "width": 56}, {"height": 41, "width": 57}])
def test_a_video_holds_the_very_pixels_of_every_depth_and_size(tmp_path, bits, size):
    writing = Writing(tmp_path / "take")
    for number in range(SETS):
        writing.write(frame_set(number, bits=bits, **size))
    writing.writer.close()
    assert main(["convert", str(tmp_path / "take"), str(tmp_path / "out"), "--video"]) == 0
    rows = list(csv.DictReader((tmp_path / "out" / "frames.csv").read_text().splitlines()))
    assert len(rows) == SETS * len(CAMERAS)
    films = {camera: list(read_video(tmp_path / "out" / f"{camera}.mkv")) for camera in CAMERAS}
    for row in rows:
        frame = frame_set(int(row["set"]), bits=bits, **size).frames[CAMERAS.index(row["camera"])]
        film = films[row["camera"]][int(row["place"])]
        assert film.dtype == frame.image.dtype
        assert np.array_equal(film[: int(row["height"]), : int(row["width"])], frame.image)
        assert (row["file"], int(row["frame_id"])) == (f"{row['camera']}.mkv", frame.frame_id)


def test_sets_that_lack_a_frame_are_paired_by_the_table_of_times(tmp_path):
    writing = Writing(tmp_path / "take")
    for number in range(SETS):
        whole = frame_set(number)
        frames = tuple(frame for camera, frame in enumerate(whole.frames) if (number + camera) % 3)
        writing.write(FrameSet(number=number, time_ns=whole.time_ns, frames=frames))
    writing.writer.close()
    assert main(["convert", str(tmp_path / "take"), str(tmp_path / "out"), "--video"]) == 0
    counts = [len(list(read_video(tmp_path / "out" / f"{camera}.mkv"))) for camera in CAMERAS]
    paired = read_timestamps(tmp_path / "out" / "timestamps.csv", frames=counts, cameras=CAMERAS)
    assert paired.labels == tuple(map(str, range(SETS)))
    for number in range(SETS):
        for camera in range(len(CAMERAS)):
            assert paired.present[number, camera] == bool((number + camera) % 3)
    assert paired.time_ns is not None
    assert set(np.unique(paired.time_ns[paired.present])) <= {number * PERIOD_NS for number in range(SETS)}


def test_a_video_that_comes_back_changed_is_never_left_behind(tmp_path, monkeypatch, capsys):
    written(tmp_path / "take", SETS)
    monkeypatch.setattr(videos, "_CODEC", "MJPG")
    assert main(["convert", str(tmp_path / "take"), str(tmp_path / "out"), "--video"]) == 2
    assert "read back is not what was recorded" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["take"]


def test_a_camera_that_changed_its_format_is_refused(tmp_path, capsys):
    writing = Writing(tmp_path / "take")
    writing.write(frame_set(0))
    writing.write(frame_set(1, height=20))
    writing.writer.close()
    assert main(["convert", str(tmp_path / "take"), str(tmp_path / "out"), "--video"]) == 2
    assert "from 56 x 40 px of 8 bits to 56 x 20 px" in capsys.readouterr().err


def test_without_the_codec_the_message_says_what_to_do(tmp_path, monkeypatch, capsys):
    written(tmp_path / "take", 1)
    monkeypatch.setattr(cv2.VideoWriter, "isOpened", lambda writer: False)
    assert main(["convert", str(tmp_path / "take"), str(tmp_path / "out"), "--video"]) == 2
    assert "can't write FFV1" in capsys.readouterr().err


def test_joints_become_a_motion_file(tmp_path, capsys):
    writing = Writing(tmp_path / "take")
    points = np.arange(24.0).reshape(4, 2, 3) / 7
    source = np.array([[1, 1], [1, 0], [2, 1], [1, 1]])
    for number in range(4):
        writing.write(frame_set(number))
        answer = JointsMessage(
            time_ns=frame_set(number).time_ns,
            skeleton="pair",
            joints=("left", "right"),
            points_world=points[number],
            source=source[number],
        )
        writing.writer.write_message("/joints", joints_json(answer), time_ns=answer.time_ns)
    writing.writer.close()
    assert main(["convert", str(tmp_path / "take"), str(tmp_path / "out.trc")]) == 0
    assert "4 sets of joints" in capsys.readouterr().out
    markers = read_trc(tmp_path / "out.trc")
    present = source != PointSource.MISSING
    assert markers.names == ("left", "right")
    assert np.array_equal(markers.present, present)
    np.testing.assert_allclose(markers.points_world, np.where(present[..., None], points, 0.0), atol=1e-6)
    np.testing.assert_allclose(markers.time_s, np.arange(4) * PERIOD_NS * 1e-9, atol=1e-5)


def test_each_actor_has_a_motion_file_of_its_own(tmp_path, capsys):
    writing = Writing(tmp_path / "take")
    for number in range(4):
        writing.write(frame_set(number))
        for actor in (3, 7)[: 1 + (number > 0)]:
            answer = JointsMessage(
                time_ns=frame_set(number).time_ns, skeleton="one", joints=("a",), source=np.array([1]),
                points_world=np.full((1, 3), 0.1 * actor + number), actor=actor,
            )  # fmt: skip
            writing.writer.write_message("/joints", joints_json(answer), time_ns=answer.time_ns)
    writing.writer.close()
    assert main(["convert", str(tmp_path / "take"), str(tmp_path / "out.trc")]) == 0
    assert "out_actor3.trc, " in capsys.readouterr().out
    one, other = (read_trc(tmp_path / f"out_actor{actor}.trc") for actor in (3, 7))
    np.testing.assert_allclose(one.points_world[:, 0, 0], 0.3 + np.arange(4), atol=1e-6)
    np.testing.assert_allclose(other.points_world[:, 0, 0], 0.7 + np.arange(1, 4), atol=1e-6)
    np.testing.assert_allclose(other.time_s, one.time_s[1:], atol=1e-5)


def test_a_recording_without_joints_says_so(tmp_path, capsys):
    written(tmp_path / "take", 1)
    assert main(["convert", str(tmp_path / "take"), str(tmp_path / "out.trc")]) == 2
    assert "holds no joints" in capsys.readouterr().err
    assert len(open_recording(tmp_path / "take")) == 1
