"""The status line and the summary say what became of every frame."""

from pathlib import Path

import numpy as np
import pytest

from mvmono3d.deploy.cameras.records import CameraHealth
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState, ViewHealth
from mvmono3d.deploy.exposure.alarms import Alarm
from mvmono3d.deploy.recording.ledger import Account, Column
from mvmono3d.deploy.recording.recorder import Health
from mvmono3d.deploy.recording.take import Ending, Progress, Taken
from mvmono3d.deploy.recording.take_words import status_line, summary
from mvmono3d.deploy.recording.writer import WriterState
from mvmono3d.deploy.sync.camera import State
from mvmono3d.deploy.sync.ledger import Accounts, CameraAccount
from mvmono3d.deploy.sync.records import Absence, Cause

CAMERAS = ("left", "right")


def account(**lost: int) -> Account:
    counts = np.zeros((2, len(Column)), dtype=np.int64)
    counts[:, Column.OFFERED] = 100
    counts[:, Column.RECORDED] = 100 - sum(lost.values())
    for cause, frames in lost.items():
        counts[:, Column[cause.upper()]] = frames
    return Account(cameras=CAMERAS, counts=counts)


def progress(
    *, lost=(), absent=(), blank=0, skipped=0, alarm=None, connected=True, recorder=None, **room
) -> Progress:
    one = CameraAccount(delivered=100, used=100, in_hand=0, lost=(), absent=())
    other = CameraAccount(delivered=100, used=90, in_hand=0, lost=lost, absent=absent)
    health = CaptureHealth(
        pid=1,
        state=CaptureState.RUNNING,
        accounts=Accounts(cameras=(one, other), sets=100, complete=90, blank=blank),
        views=(
            ViewHealth(serial="S0", sync=State.LOCKED, alarm=alarm, camera=CameraHealth(connected=connected)),
        ),
        sets_hz=60.0,
    )
    return Progress(
        seconds=2.0, sets=100, complete=90, skipped=skipped, capture=health,
        recorder=Health(
            state=WriterState.RECORDING, alive=True, message="it broke", account=recorder or account(),
            queue_fill=0.25, free_bytes=80 * 10**9,
            seconds_left=room.get("seconds_left", float("inf")), short_of_room=room.get("short", False),
        ),
    )  # fmt: skip


def test_a_line_says_rate_losses_queue_and_room():
    assert status_line(progress()) == (
        "   2.0 s |  60.0 sets/s | 100 sets | lost none | queue 25 % | disk 80 GB"
    )
    line = status_line(
        progress(
            lost=((Cause.DOUBLE_TRIGGER, 7),),
            absent=((Absence.GAP, 3),),
            blank=4,
            skipped=1,
            recorder=account(queue_full=5),
        )
    )
    assert (
        "lost 7 double trigger, 3 absent (gap), 4 pulses without any frame, 2 skipped, 10 queue full" in line
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(90, "(2 min)"), (7200, "(2.0 h)"), (10 * 86400, "(10 days)")]
)
def test_room_is_said_in_a_unit_that_can_be_read(seconds, words):
    assert f"80 GB {words}" in status_line(progress(seconds_left=seconds))


def test_what_needs_a_person_stands_in_capitals():
    line = status_line(progress(alarm=Alarm.DARK, connected=False, short=True))
    assert "LOST S0" in line
    assert "ALARM S0 dark" in line
    assert "LITTLE ROOM" in line


def test_the_summary_accounts_for_every_frame_and_every_pulse():
    taken = Taken(
        ending=Ending.RECORDER_STOPPED,
        progress=progress(lost=((Cause.LATE, 6),), absent=((Absence.GAP, 10),), blank=4, skipped=2),
        account=account(disk_full=9),
    )
    text = summary(taken, Path("take"))
    assert "100 frame sets of 2 cameras in 2.0 s (90 complete, 10 partial)" in text
    assert "because the recorder stopped" in text
    assert "182 of 200 frames recorded, lost: 18 disk full" in text
    assert "2 frame sets left before they were read" in text
    assert "4 pulses of 104 gave no frame at all" in text
    assert "right: 100 frames delivered; lost 6 late; absent from 10 gap of 100 sets" in text
    assert "left:" not in text
    assert text.endswith("it broke\n")
    fine = summary(Taken(ending=Ending.ENOUGH, progress=progress(), account=account()), Path("take"))
    assert "every frame that was delivered is in a set, and every set is complete" in fine
    assert "it broke" not in fine
