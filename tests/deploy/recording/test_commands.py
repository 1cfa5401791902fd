"""`mvmono3d recover`, `replay` and `convert` as a user calls them."""

import csv
import io

import cv2
import numpy as np
import pytest

from mvmono3d.cli import main
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.replay import Pace, Replay
from mvmono3d.errors import InvalidRecordError
from tests.deploy.recording.takes import CAMERAS, PERIOD_NS, frame_set, written

SETS = 6


class FakeClock:
    def __init__(self):
        self.time_s, self.slept = 100.0, []

    def now_s(self):
        return self.time_s

    def sleep(self, duration_s):
        self.slept.append(duration_s)
        self.time_s += duration_s


@pytest.fixture
def take(tmp_path):
    written(tmp_path / "take", SETS, bits=10)
    return tmp_path / "take"


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_in_real_time_each_set_comes_when_it_came(take, speed):
    clock = FakeClock()
    replay = Replay(recording=open_recording(take), speed=speed, clock=clock)
    arrived = [(clock.time_s - 100.0, frames.number) for frames in replay.sets()]
    assert [number for _, number in arrived] == list(range(SETS))
    assert [time_s for time_s, _ in arrived] == pytest.approx(
        [number * PERIOD_NS * 1e-9 / speed for number in range(SETS)]
    )


def test_a_slow_reader_gets_every_set_late_but_none_is_left_out(take):
    clock = FakeClock()
    numbers = []
    for frames in Replay(recording=open_recording(take), clock=clock).sets():
        numbers.append(frames.number)
        clock.time_s += 1.0
    assert numbers == list(range(SETS))
    assert clock.slept == []


def test_fast_never_waits_and_stepped_comes_when_asked(take):
    clock = FakeClock()
    recording = open_recording(take)
    assert len(list(Replay(recording=recording, pace=Pace.FAST, clock=clock).sets())) == SETS
    assert clock.slept == []
    answers = iter([True, True, False])
    stepped = Replay(recording=recording, pace=Pace.STEPPED, step=lambda: next(answers))
    assert [frames.number for frames in stepped.sets()] == [0, 1]
    with pytest.raises(InvalidRecordError, match="step"):
        Replay(recording=recording, pace=Pace.STEPPED)
    with pytest.raises(InvalidRecordError, match="speed"):
        Replay(recording=recording, speed=0.0)


def test_pictures_hold_the_very_pixels_and_the_table_all_else(take, tmp_path, capsys):
    assert main(["convert", str(take), str(tmp_path / "out")]) == 0
    assert "24 pictures" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "out" / "frames.csv").read_text().splitlines()))
    assert len(rows) == SETS * len(CAMERAS)
    for row in rows:
        frames = frame_set(int(row["set"]), bits=10)
        frame = frames.frames[CAMERAS.index(row["camera"])]
        read = cv2.imread(str(tmp_path / "out" / row["file"]), cv2.IMREAD_UNCHANGED)
        assert read is not None
        assert read.dtype == frame.image.dtype
        assert np.array_equal(read, frame.image)
        assert (int(row["device_ns"]), int(row["frame_id"])) == (frame.device_ns, frame.frame_id)
        assert row["pulse_id"] == ("" if frame.pulse_id is None else str(frame.pulse_id))
        assert row["status"] == frame.status.name.lower()
    assert main(["convert", str(take), str(tmp_path / "out")]) == 2
    assert "new folder" in capsys.readouterr().err


def test_replay_says_what_it_played(take, capsys, monkeypatch):
    assert main(["replay", str(take), "--pace", "fast"]) == 0
    assert "24 frames of 4 cameras" in capsys.readouterr().out
    assert main(["replay", str(take), "--speed", "10", "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "set 4 at 0.0333 s: front #4 time_uncertain" in out
    assert "after its time" in out
    monkeypatch.setattr("sys.stdin", io.StringIO("\n\nq\n"))
    assert main(["replay", str(take), "--pace", "stepped"]) == 0
    assert "8 frames" in capsys.readouterr().out


def test_recover_says_what_it_kept_and_what_is_missing(take, capsys):
    (segment,) = take.glob("*.mcap")
    content = segment.read_bytes()
    segment.rename(take / (segment.name + ".part"))
    (take / (segment.name + ".part")).write_bytes(content[: len(content) // 2])
    assert main(["replay", str(take)]) == 2
    assert "mvmono3d recover" in capsys.readouterr().err
    assert main(["recover", str(take)]) == 0
    out = capsys.readouterr().out
    assert "1 segments, 1 written anew" in out
    assert "front: " in out
    assert "missing (frames" in out
    assert "damaged/" in out
    assert main(["recover", str(take), "--quick"]) == 0
    assert "0 written anew" in capsys.readouterr().out
    assert main(["recover", str(take.parent / "nothing")]) == 2
    assert "not a recording" in capsys.readouterr().err
