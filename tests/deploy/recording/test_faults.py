"""Full disks and I/O errors: loud, counted, and never a frame that is lost without a word."""

import time

import msgspec
import numpy as np
import pytest

from mvmono3d.deploy.recording.ledger import Column
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.recover import recover
from mvmono3d.deploy.recording.writer import WriterState
from tests.deploy.recording.faulty_files import FailingFiles, RememberingFiles
from tests.deploy.recording.takes import CAMERAS, SETTINGS, Writing, frame_set, same, sets, written

QUICK = msgspec.structs.replace(SETTINGS, segment_bytes=30_000, sync_s=0.004)


def kept_and_right(folder) -> int:
    recover(folder)
    kept = 0
    for found in open_recording(folder):
        assert same(found, frame_set(found.number, cameras=tuple(frame.camera for frame in found.frames)))
        kept += len(found.frames)
    return kept


def check_account(writing: Writing, *, offered: int, kept: int) -> None:
    account = writing.ledger.account()
    assert sum(account.of(Column.OFFERED)) == offered
    assert account.waiting == (0,) * len(CAMERAS)
    assert sum(account.of(Column.RECORDED)) + account.lost_total == offered
    # What is counted as recorded is there; of what is counted as lost some may be found, too.
    assert sum(account.of(Column.RECORDED)) <= kept


@pytest.mark.parametrize("every", [1, 2, 3, 7, 16, 23])
def test_with_every_nth_call_failing_nothing_is_lost_in_silence(tmp_path, every, caplog):
    files = FailingFiles(every=every)
    writing = written(tmp_path / "take", 60, settings=QUICK, files=files)
    check_account(writing, offered=240, kept=kept_and_right(tmp_path / "take"))
    if files.failed:
        assert "fails" in caplog.text
        assert "fails" in writing.writer.message


@pytest.mark.parametrize("every", [2, 3, 5, 8, 13])
def test_a_machine_so_slow_that_every_flush_is_due_loses_nothing_in_silence(tmp_path, every):
    # A flush that is due right after a write that failed must not count that write's frames.
    settings = msgspec.structs.replace(QUICK, flush_s=1e-9, attempts=1000)
    files = FailingFiles(every=every, kinds=("write",))
    writing = written(tmp_path / "take", 40, settings=settings, files=files)
    assert files.failed > 0
    check_account(writing, offered=160, kept=kept_and_right(tmp_path / "take"))


def test_a_sync_that_failed_is_never_tried_again(tmp_path):
    files = FailingFiles(every=2, kinds=("sync",))
    synced = []
    sync = files.sync

    def watched(handle):
        synced.append(handle)
        sync(handle)

    files.sync = watched
    writing = written(tmp_path / "take", 30, wait_s=0.004, settings=QUICK, files=files)
    check_account(writing, offered=120, kept=kept_and_right(tmp_path / "take"))
    assert files.failed > 0
    assert writing.ledger.account().lost_total == 0 or "io_error" in writing.ledger.account().lost


def test_errors_without_end_make_the_recorder_give_up_and_say_so(tmp_path, caplog):
    writing = written(tmp_path / "take", 20, files=FailingFiles(every=1))
    assert writing.writer.state is WriterState.FAILED
    assert writing.ledger.account().lost == {"io_error": (20, 20, 20, 20)}
    assert "failed" in caplog.text


@pytest.mark.parametrize("room_bytes", [0, 10_000, 33_333, 60_000])
def test_a_full_disk_stops_the_recording_and_every_frame_is_accounted_for(tmp_path, room_bytes, caplog):
    writing = written(tmp_path / "take", 60, settings=QUICK, files=FailingFiles(room_bytes=room_bytes))
    assert writing.writer.state is WriterState.DISK_FULL
    assert "No space left" in caplog.text
    check_account(writing, offered=240, kept=kept_and_right(tmp_path / "take"))
    assert set(writing.ledger.account().lost) == {"disk_full"}


def test_recording_stops_before_the_disk_is_full_and_ends_its_segment(tmp_path, caplog):
    class Filling(FailingFiles):
        free = 4_000_000_000

        def free_bytes(self, folder):
            return self.free

    files = Filling()
    limits = msgspec.structs.replace(QUICK, stop_below_bytes=1_000_000_000)
    writing = Writing(tmp_path / "take", settings=limits, files=files)
    for frames in sets(10):
        writing.write(frames)
    files.free = 900_000_000
    time.sleep(0.1)
    for number in range(10, 20):
        writing.write(frame_set(number))
    writing.writer.close()
    assert writing.writer.state is WriterState.DISK_FULL
    assert "0.90 GB free" in caplog.text
    assert not list((tmp_path / "take").glob("*.part"))
    account = writing.ledger.account()
    assert sum(account.of(Column.RECORDED)) + account.lost_total == 80
    assert len(open_recording(tmp_path / "take")) * 4 == sum(account.of(Column.RECORDED)) >= 40


def test_the_file_itself_says_what_was_lost(tmp_path):
    writing = Writing(tmp_path / "take")
    for number in range(12):
        if number == 5:
            writing.ledger.count(Column.OFFERED, 2)
            writing.ledger.count(Column.QUEUE_FULL, 2)
        writing.write(frame_set(number))
    writing.writer.close()
    report = recover(tmp_path / "take")
    assert report.cameras[2].missing == ((5, 5),)
    (segment,) = (tmp_path / "take").glob("*.mcap")
    assert b'"lost":{"queue_full":[0,0,1,0]}' in segment.read_bytes()


def test_after_any_power_loss_no_frame_is_wrong_and_no_synced_one_is_missing(tmp_path):
    clock = time.monotonic
    files = RememberingFiles(clock)
    safe: list[tuple[int, int]] = []
    folder = tmp_path / "take"
    writing = Writing(folder, settings=QUICK, files=files)
    for number, frames in enumerate(sets(40)):
        before = len(files.instants)
        writing.write(frames)
        safe.append((before, sum(writing.ledger.account().of(Column.RECORDED))))
        time.sleep(0.002 * (number % 3))
    writing.writer.close()
    generator = np.random.default_rng(3)
    description = (folder / "recording.toml").read_bytes()
    for trial, moment in enumerate(generator.integers(len(files.instants), size=12).tolist()):
        state = tmp_path / f"state{trial}"
        state.mkdir()
        (state / "recording.toml").write_bytes(description)
        files.disk_after_power_loss(files.instants[moment], state, generator)
        # What was said to be safe before the last call that began at this moment.
        promised = [frames for before, frames in safe if before <= moment][:-1]
        assert kept_and_right(state) >= max(promised, default=0)
