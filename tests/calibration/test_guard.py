import numpy as np
import pytest

from mvmono3d.calibration.guard import GuardState, watch
from mvmono3d.calibration.guard_baseline import gather_steps, learn_baseline, thinned
from mvmono3d.calibration.guard_repair import repair
from mvmono3d.calibration.guard_settings import GuardSettings
from mvmono3d.calibration.guard_statistics import (
    equations,
    motion_of,
    noise_around_biases,
    unknown_biases,
    whitened,
)
from mvmono3d.core.observations import Observations
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.rigid import compose, invert, vector_from_rotation
from tests.calibration.people import Detector, biases, bumped, motion, ring, turned, watched

CLEAN = Detector(noise_px=0.0, bias_px=0.0, outliers=0.0, missing=0.0)


@pytest.fixture(scope="module")
def known():
    """A rig, the detector's biases and a baseline of twenty seconds."""
    rig, bias = ring(0), biases(5, ring(0))
    seen = watched(np.concatenate([motion(0), motion(1)]), rig, bias=bias, generator=np.random.default_rng(0))
    return rig, bias, learn_baseline(seen, rig)


def seconds_of(true, bias, *, seed=1, scene=2, detector=None):
    return watched(motion(scene), true, bias=bias, generator=np.random.default_rng(seed), detector=detector)


def judged(known, true, **how):
    rig, bias, baseline = known
    return watch(GuardState(), seconds_of(true, bias, **how), rig, baseline=baseline)


def motion_between(after, before, view):
    return compose(after.camera_from_world[view], invert(before.camera_from_world[view]))


def test_a_small_motion_of_one_camera_is_what_the_equations_say():
    rig = ring(1)
    moved = np.array([3e-4, -2e-4, 4e-4, 1e-3, -5e-4, 8e-4])
    true = bumped(rig, 2, turn_rad=moved[:3], shift_m=moved[3:])
    none = biases(0, rig, bias_px=0.0)
    steps = gather_steps(seconds_of(true, none, detector=CLEAN), rig, GuardSettings(), sigma_px=1.0)
    white = [whitened(step, noise_px=1e-3, wander_px=1e-3)[0] for step in steps]
    left = equations(sum(white[1:], white[0]), unknown_biases(25, 4, bias_px=1e-3))
    found = motion_of(left, 2, pose_sigma=np.zeros((4, 2)))
    np.testing.assert_allclose(found.values, moved, atol=0.02 * np.abs(moved).max())


def test_noise_and_biases_are_told_apart(known):
    _, _, baseline = known
    assert baseline.noise_px == pytest.approx(2.0, rel=0.05)
    assert baseline.bias_px == pytest.approx(1.0, rel=0.45)
    assert baseline.wander_px < 0.3


def test_a_true_rig_is_trusted(known):
    verdict = judged(known, known[0]).verdict
    assert verdict is not None
    assert verdict.known
    assert verdict.trusted
    assert verdict.moved == ()


@pytest.mark.parametrize("camera", [0, 1, 2, 3])
def test_a_camera_turned_by_a_tenth_of_a_degree_is_named_and_measured(known, camera):
    rig = known[0]
    true = turned(rig, camera, degrees=0.1, generator=np.random.default_rng(camera))
    verdict = judged(known, true).verdict
    assert verdict is not None
    assert not verdict.trusted
    assert verdict.named
    (one,) = verdict.moved
    assert one.camera == rig.names[camera]
    assert one.turn_deg == pytest.approx(0.1, abs=6 * one.turn_sigma_deg)
    assert one.turn_sigma_deg < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(("degrees", "shift_m"), [(0.15, 0.0), (2.0, 0.02), (30.0, 0.2)])
def test_a_repaired_rig_is_near_the_true_one_and_trusted_again(known, degrees, shift_m):
    rig, bias, baseline = known
    true = turned(rig, 1, degrees=degrees, generator=np.random.default_rng(3))
    true = bumped(true, 1, turn_rad=np.zeros(3), shift_m=shift_m * np.array([0.6, -0.6, 0.5]))
    state = judged(known, true)
    assert state.verdict is not None
    assert [one.camera for one in state.verdict.moved] == [rig.names[1]]
    found = repair(Observations.concatenate(state.recent), rig, state.verdict, baseline=baseline)
    left = motion_between(found.rig, true, 1)
    assert np.degrees(np.linalg.norm(vector_from_rotation(left[:, :3]))) < 0.05
    assert np.linalg.norm(left[:, 3]) < 3e-3
    assert found.moved[0].turn_deg == pytest.approx(degrees, abs=0.05)
    again = watch(GuardState(), seconds_of(true, bias, seed=9), found.rig, baseline=baseline)
    assert again.verdict is not None
    assert again.verdict.trusted
    for other in (0, 2, 3):
        np.testing.assert_array_equal(found.rig.camera_from_world[other], rig.camera_from_world[other])


def test_it_doesn_t_matter_how_frames_are_handed_over(known):
    rig, bias, baseline = known
    seen = seconds_of(rig, bias)
    whole = watch(GuardState(), seen, rig, baseline=baseline).verdict
    state = GuardState()
    for first in range(0, 600, 37):
        part = seen.map(lambda array, first=first: array[first : first + 37])
        state = watch(state, part, rig, baseline=baseline)
    assert whole is not None
    assert state.verdict is not None
    np.testing.assert_allclose(state.verdict.significance, whole.significance)


def test_what_a_moment_of_stillness_says_is_not_taken_for_much(known):
    rig, bias, baseline = known
    still = np.repeat(motion(2)[:1], 600, axis=0)
    seen = watched(still, rig, bias=bias, generator=np.random.default_rng(4))
    verdict = watch(GuardState(), seen, rig, baseline=baseline).verdict
    assert verdict is not None
    assert verdict.trusted


def test_noise_that_lasts_is_not_taken_for_independent():
    rig = ring(0)
    seen = seconds_of(rig, biases(5, rig), detector=Detector(noise_px=0.3, outliers=0.0))
    wander = np.random.default_rng(0).normal(scale=2.0, size=(10, 4, 25, 2)).repeat(60, axis=0)
    pixels = seen.pixels + wander * seen.detected[..., None]
    slow = Observations(
        pixels=pixels, confidence=seen.confidence, detected=seen.detected, time_ns=seen.time_ns
    )
    steps = gather_steps(slow, rig, GuardSettings(), sigma_px=3.0)
    assert noise_around_biases(steps) < 0.4
    assert learn_baseline(slow, rig).wander_px == pytest.approx(2.0, rel=0.4)


def test_too_few_joints_teach_nothing():
    rig = ring(0)
    few = seconds_of(rig, biases(5, rig)).map(lambda array: array[:6])
    with pytest.raises(InvalidRecordError, match="joints that cameras agree on, expected at least 200"):
        learn_baseline(few, rig)


def test_a_moment_is_no_baseline():
    rig = ring(0)
    short = seconds_of(rig, biases(5, rig)).map(lambda array: array[:120])
    with pytest.raises(InvalidRecordError, match=r"a baseline of 2.0 s, expected 10 s or more"):
        learn_baseline(short, rig)


def test_a_detector_that_errs_with_the_pose_raises_no_alarm():
    rig = ring(0)
    bias = biases(5, rig)
    generator = np.random.default_rng(8)

    def errs(scenes, seed):
        seen = watched(
            np.concatenate([motion(scene) for scene in scenes]),
            rig,
            bias=bias,
            generator=np.random.default_rng(seed),
        )
        # Another error of every joint in every view, every second.
        poses = generator.normal(scale=1.5, size=(len(scenes) * 10, 4, 25, 2)).repeat(60, axis=0)
        pixels = seen.pixels + poses * seen.detected[..., None]
        return Observations(
            pixels=pixels, confidence=seen.confidence, detected=seen.detected, time_ns=seen.time_ns
        )

    baseline = learn_baseline(errs((0, 1), 0), rig)
    verdict = watch(GuardState(), errs((2,), 1), rig, baseline=baseline).verdict
    assert verdict is not None
    assert verdict.trusted


def test_thinning_keeps_at_most_the_rate():
    rig = ring(0)
    seen = seconds_of(rig, biases(5, rig))
    assert len(thinned(seen, 20.0).time_ns) == 200
    assert len(thinned(seen, 100.0).time_ns) == 600
