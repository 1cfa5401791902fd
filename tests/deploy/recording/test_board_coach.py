"""While a board is shown, the coach says per camera what is covered, and what a calibration would lack."""

import time
from functools import cache

import numpy as np
import pytest

from mvmono3d.deploy.recording.board_coach import BoardCoach
from mvmono3d.deploy.recording.board_watch import BoardWatch, advice_lines
from mvmono3d.deploy.recording.frame import Frame, FrameSet
from mvmono3d.errors import InvalidFileError
from tests.calibration.printed import CHARUCO, CHESSBOARD, POSES, photograph

CAMERAS = ("left", "right")


@cache
def picture(pose: int) -> np.ndarray:
    return photograph(CHARUCO, POSES[pose], distance=2.4)[0]


def shown(number: int, *, shift=(0, 0), pose: int = 0, blind: str | None = None) -> FrameSet:
    """Both cameras see the board, shifted by so many pixels; `blind` sees nothing."""
    image = np.roll(picture(pose), shift, axis=(0, 1))
    empty = np.full_like(image, 128)
    return FrameSet(
        number=number,
        time_ns=number,
        frames=tuple(
            Frame(
                camera=camera, frame_id=number, pulse_id=None, device_ns=number, host_ns=number, bits=8,
                exposure_ns=1, gain_db=0.0, image=empty if camera == blind else image,
            )
            for camera in CAMERAS
        ),
    )  # fmt: skip


def test_nothing_seen_is_nothing_covered_and_says_what_to_do():
    coach = BoardCoach(CHARUCO, CAMERAS)
    assert not coach.look(shown(0, blind="left")) or coach.advice().cameras[0].poses == 0
    advice = coach.advice()
    assert advice.cameras[0].covered == 0.0
    assert len(advice.cameras[0].missing) == 9
    assert not advice.enough
    assert any("left" in remedy for remedy in advice.remedies)


def test_coverage_grows_where_the_board_is_led_and_the_parts_that_lack_are_named():
    coach = BoardCoach(CHARUCO, CAMERAS)
    assert coach.look(shown(0, shift=(-165, -205)))
    first = coach.advice().cameras[0]
    assert 0.0 < first.covered < 0.5
    assert "top left" not in first.missing
    assert "bottom right" in first.missing
    assert coach.look(shown(1, shift=(165, 205)))
    then = coach.advice().cameras[0]
    assert then.covered > first.covered
    assert "bottom right" not in then.missing
    assert then.poses == 2


def test_a_board_that_stands_still_is_one_pose():
    coach = BoardCoach(CHARUCO, CAMERAS)
    assert coach.look(shown(0))
    assert not coach.look(shown(1))
    assert not coach.look(shown(2, shift=(0, 3)))
    assert coach.look(shown(3, shift=(0, 40)))
    assert [camera.poses for camera in coach.advice().cameras] == [2, 2]
    assert coach.advice().sets == 4


def test_of_a_long_show_the_poses_that_differ_are_kept(monkeypatch):
    monkeypatch.setattr("mvmono3d.deploy.recording.board_coach._MOST_POSES", 5)
    monkeypatch.setattr("mvmono3d.deploy.recording.board_coach._THINNED_POSES", 3)
    coach = BoardCoach(CHARUCO, CAMERAS)
    covered = []
    for number in range(7):
        coach.look(shown(number, shift=(0, -120 + 40 * number)))
        covered.append(coach.advice().cameras[0].covered)
    assert coach.advice().cameras[0].poses <= 5
    assert covered[-1] >= 0.9 * max(covered)


def test_lines_say_camera_by_camera_and_then_what_to_do():
    coach = BoardCoach(CHARUCO, CAMERAS)
    coach.look(shown(0, blind="right"))
    lines = advice_lines(coach.advice())
    assert lines[0].startswith("  left: ")
    assert "1 poses" in lines[0]
    assert "  right:   0 % of the image, 0 poses" in lines[1]
    assert lines[2].startswith("  → ")


def test_the_watch_looks_in_its_own_thread_and_never_holds_up_who_shows():
    watch = BoardWatch(BoardCoach(CHARUCO, CAMERAS))
    sets = [shown(number, shift=(0, 40 * number)) for number in range(3)]
    begin = time.perf_counter()
    for frames in sets:
        watch.show(frames)
    assert time.perf_counter() - begin < 5.0
    watch.close()
    assert watch.advice.cameras[0].poses >= 1
    assert watch.advice.sets >= 1


def test_a_board_that_cameras_may_number_differently_is_refused():
    ambiguous = type(CHESSBOARD)(kind=CHESSBOARD.kind, squares=(8, 6), square_m=0.03)
    with pytest.raises(InvalidFileError, match="upside down"):
        BoardCoach(ambiguous, CAMERAS)
