import numpy as np
import pytest
from scipy.interpolate import BPoly

from mvmono3d.synthetic.motion import (
    DRAWS_PER_MOVE,
    Pace,
    draw_noise,
    minimum_jerk,
    moves_needed,
    plan_moves,
    sample_activity,
    sample_moves,
    sample_noise,
    soften,
)

PACE = Pace(slow=0.3, fast=1.5, quick=2.5, acceleration=30.0)


def plan(seed, seconds, *, pace=PACE):
    draws = np.random.default_rng(seed).random((moves_needed(seconds, pace) + 1, DRAWS_PER_MOVE + 3))
    target = draws[:, DRAWS_PER_MOVE:]
    far = np.linalg.norm(np.diff(target, axis=0), axis=1)
    return plan_moves(target, far, draws=draws[:-1, :DRAWS_PER_MOVE], pace=pace)


def at(rate_hz, seconds=10.0):
    return np.arange(round(seconds * rate_hz)) / rate_hz


def test_minimum_jerk_is_the_quintic_that_starts_and_ends_at_rest():
    phase = np.linspace(0.0, 1.0, 101)
    quintic = BPoly.from_derivatives([0.0, 1.0], [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(minimum_jerk(phase), quintic(phase), atol=1e-14)
    assert minimum_jerk(np.array([-3.0, 4.0])).tolist() == [0.0, 1.0]


def test_moves_outlast_the_time_they_were_planned_for():
    for seed in range(20):
        moves = plan(seed, 20.0)
        assert moves.start_s[-1] + moves.duration_s[-1] > 20.0
        assert moves.start_s[1] <= 0.0


def test_the_same_plan_is_met_at_every_frame_rate_and_for_every_length():
    long, short = plan(3, 30.0), plan(3, 10.0)
    slow, fast = sample_moves(short, at(30.0)), sample_moves(long, at(120.0))
    np.testing.assert_allclose(fast[::4], slow, atol=1e-12)


def test_never_more_than_two_movements_are_under_way():
    for seed in range(20):
        moves = plan(seed, 60.0)
        end = moves.start_s + moves.duration_s
        assert (end[1:-2] <= moves.start_s[3:] + 1e-12).all()


def test_a_path_stays_within_the_range_of_its_targets():
    moves = plan(5, 60.0)
    path = sample_moves(moves, at(60.0, 60.0))
    assert (path >= moves.target.min(axis=0) - 1e-12).all()
    assert (path <= moves.target.max(axis=0) + 1e-12).all()


def test_speed_and_acceleration_stay_within_the_pace_and_do_not_jump():
    rate = 480.0
    for seed in range(10):
        path = sample_moves(plan(seed, 30.0), at(rate, 30.0))
        speed = np.linalg.norm(np.diff(path, axis=0), axis=1) * rate
        acceleration = np.linalg.norm(np.diff(path, n=2, axis=0), axis=1) * rate**2
        assert speed.max() <= 2.0 * PACE.quick
        assert acceleration.max() <= 2.0 * PACE.acceleration


def test_movements_pause_go_slowly_and_go_fast():
    rate, speeds = 120.0, []
    for seed in range(20):
        path = sample_moves(plan(seed, 30.0), at(rate, 30.0))
        speeds.append(np.linalg.norm(np.diff(path, axis=0), axis=1) * rate)
    speed = np.concatenate(speeds)
    assert (speed < 0.02).mean() > 0.1
    assert ((speed > 0.1) & (speed < 1.0)).mean() > 0.3
    assert 0.0 < (speed > 1.6).mean() < 0.1


def test_a_delayed_channel_is_the_same_path_later():
    moves, time_s = plan(1, 10.0), at(100.0)
    delayed = sample_moves(moves, time_s, delay_s=np.array([0.0, 0.05, 0.0]))
    plain = sample_moves(moves, time_s)
    np.testing.assert_allclose(delayed[5:, 1], plain[:-5, 1], atol=1e-12)
    np.testing.assert_array_equal(delayed[:, [0, 2]], plain[:, [0, 2]])


def test_noise_stays_within_its_amplitude_and_its_band():
    amplitude = np.array([0.1, 2.0])
    noise = draw_noise(np.random.default_rng(0), amplitude, band_hz=(0.5, 2.0))
    value = sample_noise(noise, at(64.0, 64.0))
    assert (np.abs(value) <= amplitude).all()
    assert (value.std(axis=0) > 0.15 * amplitude).all()
    window = np.hanning(len(value))[:, None]
    power = np.abs(np.fft.rfft(value * window, axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(value), 1.0 / 64.0)
    outside = (frequency < 0.4) | (frequency > 2.1)
    assert (power[outside].sum(axis=0) < 1e-3 * power.sum(axis=0)).all()


def test_softening_stays_within_limits_and_leaves_the_middle_alone():
    lower, upper = np.array([-1.0, 0.0]), np.array([1.0, 4.0])
    value = np.random.default_rng(0).normal(size=(1000, 2)) * 5.0
    soft = soften(value, lower=lower, upper=upper)
    assert (soft >= lower).all()
    assert (soft <= upper).all()
    inside = np.array([[0.4, 1.2], [-0.5, 2.9]])
    np.testing.assert_allclose(soften(inside, lower=lower, upper=upper), inside, atol=5e-3)


@pytest.mark.parametrize("seed", range(5))
def test_activity_stays_within_zero_and_one_and_rests(seed):
    activity = np.concatenate(
        [sample_activity(np.random.default_rng(seed + 10 * k), at(60.0, 30.0)) for k in range(10)]
    )
    assert activity.min() >= -1e-12
    assert activity.max() <= 1.0 + 1e-12
    assert (activity < 1e-6).mean() > 0.01
