"""The recorder in its own process: offers never wait, its death costs little, and all is accounted for."""

import os
import signal
import time

import msgspec
import numpy as np
import pytest

from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.recording.description import read_description
from mvmono3d.deploy.recording.ledger import Column
from mvmono3d.deploy.recording.messages import JointsMessage
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.recorder import record, start_recorder
from mvmono3d.deploy.recording.recover import recover
from mvmono3d.deploy.recording.writer import WriterState
from mvmono3d.errors import ConsentError, CorruptRecordingError, RecordingError, UnknownNameError
from tests.deploy.recording.takes import CAMERAS, CONSENT, NOW, PURPOSE, SETTINGS, frame_set, same, sets


def start(folder, **how):
    given = {"cameras": CAMERAS, "consent": CONSENT, "purpose": PURPOSE, "settings": SETTINGS, "now": NOW}
    return start_recorder(folder, **(given | how))


def offer_until(recorder, frames, *, deadline_s=30.0):
    begin = time.monotonic()
    while recorder.health().queue_fill > 0.5:
        assert time.monotonic() - begin < deadline_s
        time.sleep(0.002)
    return recorder.offer(frames)


def test_what_is_offered_is_recorded_with_its_consent_rig_and_account(tmp_path):
    rig = tmp_path / "rig.toml"
    rig.write_text("[front]\n")
    recorder = start(tmp_path / "take", rig=rig)
    for frames in sets(40):
        assert offer_until(recorder, frames)
    joints = JointsMessage(
        time_ns=1_000_000_000, skeleton="s", joints=("a",), points_world=np.ones((1, 3)),
        source=np.array([PointSource.MEASURED]),
    )  # fmt: skip
    assert recorder.offer_joints(joints)
    account = recorder.stop()
    assert account.of(Column.RECORDED) == account.of(Column.OFFERED) == (40,) * 4
    assert account.lost == {}
    assert not recorder.offer(frame_set(40))
    assert recorder.health().account.lost == {"not_recording": (1, 1, 1, 1)}
    recording = open_recording(tmp_path / "take")
    assert all(same(*pair) for pair in zip(recording, sets(40), strict=True))
    assert [message.joints for message in recording.joints()] == [("a",)]
    assert recording.description.consent == CONSENT
    assert recording.description.ending is not None
    assert recording.description.ending.recorded == (40,) * 4
    assert (tmp_path / "take" / "rig.toml").read_text() == "[front]\n"
    assert not recover(tmp_path / "take").mended


def test_record_takes_sets_until_they_end(tmp_path):
    account = record(sets(5), start(tmp_path / "take"))
    assert account.of(Column.RECORDED) == (5,) * 4
    assert len(open_recording(tmp_path / "take")) == 5


def test_offers_never_wait_and_what_does_not_fit_is_counted_by_cause(tmp_path):
    recorder = start(tmp_path / "take", settings=msgspec.structs.replace(SETTINGS, queue_frames=16))
    os.kill(recorder.process_id, signal.SIGSTOP)
    try:
        spent = []
        for frames in sets(30):
            begin = time.thread_time()
            recorder.offer(frames)
            spent.append(time.thread_time() - begin)
        large = frame_set(30, height=400, width=400)
        assert not recorder.offer(large)
    finally:
        os.kill(recorder.process_id, signal.SIGCONT)
    assert max(spent) < 0.1
    account = recorder.stop()
    assert account.lost == {"queue_full": (26,) * 4, "too_large": (1,) * 4}
    assert account.of(Column.RECORDED) == (4,) * 4
    assert account.waiting == (0,) * 4
    assert len(open_recording(tmp_path / "take")) == 4
    assert recover(tmp_path / "take").cameras[0].missing == ((4, 30),)


@pytest.mark.parametrize("wait_s", [0.02, 0.15, 0.3])
def test_killing_the_recorder_costs_the_last_frames_and_no_wrong_one(tmp_path, wait_s, caplog):
    recorder = start(tmp_path / "take")
    begin, number, shown = time.monotonic(), 0, 0
    while time.monotonic() - begin < wait_s or number < 12:
        offer_until(recorder, frame_set(number))
        number += 1
        time.sleep(0.008)
    shown = min(recorder.health().account.of(Column.RECORDED))
    os.kill(recorder.process_id, signal.SIGKILL)
    account = recorder.stop()
    assert account.waiting == (0,) * 4
    assert "recorder gone" in caplog.text or account.of(Column.RECORDED) == account.of(Column.OFFERED)
    with pytest.raises(CorruptRecordingError):
        open_recording(tmp_path / "take")
    report = recover(tmp_path / "take")
    assert not report.ended
    assert all(camera.kept >= shown for camera in report.cameras)
    recording = open_recording(tmp_path / "take")
    assert all(same(found, frame_set(found.number)) for found in recording)


def test_a_recorder_that_is_asked_to_end_ends_well(tmp_path):
    recorder = start(tmp_path / "take")
    for frames in sets(10):
        assert recorder.offer(frames)
    os.kill(recorder.process_id, signal.SIGTERM)
    recorder._process.wait(60)
    assert not recorder.offer(frame_set(10))
    assert recorder.stop().lost == {"not_recording": (1, 1, 1, 1)}
    assert len(open_recording(tmp_path / "take")) == 10


def test_when_the_capture_process_is_gone_everything_that_waits_is_still_written(tmp_path):
    recorder = start(tmp_path / "take")
    for frames in sets(10):
        assert recorder.offer(frames)
    # The end of the pipe is all that the recorder sees of the other process.
    assert recorder._pipe is not None
    recorder._pipe.close()
    recorder._process.wait(60)
    assert len(open_recording(tmp_path / "take")) == 10
    assert read_description(tmp_path / "take").ending is not None
    recorder.stop()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "no consent"),
        ({"subject": " "}, "empty"),
        ({"purpose": "another study"}, "another study"),
        ({"retain_until": NOW.date().replace(day=19)}, "ended on 2026-11-19"),
        ({"given_on": NOW.date().replace(day=21)}, "begins on 2026-11-21"),
        ({"withdrawn_on": NOW.date()}, "withdrawn"),
    ],
)
def test_without_a_valid_consent_no_byte_is_written(tmp_path, change, message):
    consent = None if change is None else msgspec.structs.replace(CONSENT, **change)
    with pytest.raises(ConsentError, match=message):
        start(tmp_path / "take", consent=consent)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_in_use_or_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "take").mkdir()
    (tmp_path / "take" / "something").write_text("x")
    with pytest.raises(RecordingError, match="not empty"):
        start(tmp_path / "take")
    with pytest.raises(RecordingError, match="can't record there"):
        start(tmp_path / "take" / "something" / "below")


def test_where_there_is_no_room_the_start_fails_and_says_why(tmp_path):
    with pytest.raises(RecordingError, match="GB free on the disk"):
        start(tmp_path / "take", settings=msgspec.structs.replace(SETTINGS, stop_below_bytes=1 << 60))


def test_an_unknown_camera_is_named(tmp_path):
    recorder = start(tmp_path / "take", cameras=("front", "left"))
    with pytest.raises(UnknownNameError, match="right"):
        recorder.offer(frame_set(0))
    health = recorder.health()
    assert health.alive
    assert health.state is WriterState.RECORDING
    recorder.stop()
