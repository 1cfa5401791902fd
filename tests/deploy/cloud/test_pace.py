"""Clouds come no faster than asked for, a late one is not made up for, and falling behind is said."""

from mvmono3d.deploy.cloud.pace import Pace

_RATE_HZ = 10.0


def _run(pace: Pace, *, takes_s: float, answers_hz: float, seconds: float) -> list[float]:
    """Turn whenever it is due and there is a new answer; returns when it turned."""
    now_s, turns, last = 0.0, [], -1
    while now_s < seconds:
        now_s += max(pace.left_s(now_s), 0.005)
        seq = int(now_s * answers_hz)
        if seq == last:
            continue
        last, begun_s = seq, now_s
        turns.append(now_s)
        now_s += takes_s
        pace.turned(seq, begun_s=begun_s, now_s=now_s)
    return turns


def test_no_more_are_made_than_were_asked_for():
    turns = _run(Pace(_RATE_HZ, now_s=0.0), takes_s=0.01, answers_hz=200.0, seconds=10.0)
    assert 0.95 * _RATE_HZ * 10.0 <= len(turns) <= _RATE_HZ * 10.0 + 1


def test_after_a_pause_nothing_is_made_up_for():
    pace = Pace(_RATE_HZ, now_s=0.0)
    pace.turned(0, begun_s=0.0, now_s=3.0)
    assert pace.left_s(3.0) == 0.0
    pace.turned(1, begun_s=3.0, now_s=3.001)
    pace.turned(2, begun_s=3.001, now_s=3.002)
    assert pace.left_s(3.002) > 0.09


def test_falling_behind_is_said_and_keeping_up_is_not():
    quick, slow = Pace(_RATE_HZ, now_s=0.0), Pace(_RATE_HZ, now_s=0.0)
    _run(quick, takes_s=0.02, answers_hz=30.0, seconds=6.0)
    _run(slow, takes_s=0.4, answers_hz=30.0, seconds=6.0)
    assert quick.shortfall(6.0) == ""
    said = slow.shortfall(6.0)
    assert said is not None
    assert said.startswith("can't follow: 2.")
    assert slow.shortfall(6.1) is None


def test_where_answers_come_slowly_their_pace_is_enough():
    pace = Pace(_RATE_HZ, now_s=0.0)
    _run(pace, takes_s=0.02, answers_hz=3.0, seconds=6.0)
    assert pace.shortfall(6.0) == ""
