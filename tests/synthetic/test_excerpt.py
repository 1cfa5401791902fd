import numpy as np
import pytest

from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.body import BODY_JOINTS
from mvmono3d.synthetic.excerpt import draw_excerpt, plan_excerpt, sample
from mvmono3d.synthetic.motion_file import RecordedMotion, read_motion
from mvmono3d.synthetic.splits import Split, clip_seeds
from mvmono3d.synthetic.streams import generator
from tests.synthetic.captured import moving_body, write_made_motion


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    path = tmp_path_factory.mktemp("motion") / "motion.npz"
    write_made_motion(path)
    return read_motion(path)


def one_person(takes, *, split=Split.TRAIN):
    return RecordedMotion(
        points_world=np.concatenate(takes),
        takes=tuple(f"take {place}" for place in range(len(takes))),
        take_frames=np.array([len(take) for take in takes]),
        subjects=("somebody",) * len(takes),
        splits=(split,) * len(takes),
        rate_hz=60.0,
    )


def plan(motion, duration_s, *, seed=0, subject=0):
    return plan_excerpt(motion, duration_s, subject=subject, rng=generator(seed, "plan"))


@pytest.mark.parametrize("split", Split)
def test_a_subject_is_moved_by_a_person_of_its_own_split(motion, split):
    persons = set()
    for each in clip_seeds(split, 20):
        pieces = plan(motion, 7.0, seed=each.seed, subject=each.subject)
        assert {motion.splits[piece.take] for piece in pieces} == {split}
        assert len({motion.subjects[piece.take] for piece in pieces}) == 1
        persons.add(motion.subjects[pieces[0].take])
    assert persons == {who for who, own in zip(motion.subjects, motion.splits, strict=True) if own == split}


def test_one_subject_is_always_moved_by_the_same_person(motion):
    takes = {plan(motion, 1.0, seed=seed, subject=4)[0].take for seed in range(40)}
    assert len({motion.subjects[take] for take in takes}) == 1


def test_a_take_that_is_long_enough_is_shown_alone_from_any_frame(motion):
    firsts = set()
    for seed in range(60):
        (piece,) = plan(motion, 5.0, seed=seed)
        assert 0 <= piece.first <= motion.take_frames[piece.take] - 1 - 5.0 * motion.rate_hz
        firsts.add(piece.first)
    assert len(firsts) > 30
    time_s = np.arange(300) / 60.0
    (piece,) = plan_excerpt(motion, float(time_s[-1]), subject=0, rng=generator(3, "x"))
    shown = draw_excerpt(motion, time_s, subject=0, rng=generator(3, "x"))
    np.testing.assert_array_equal(shown, motion.take(piece.take)[piece.first : piece.first + 300])


def test_takes_that_are_too_short_follow_each_other_without_a_jump():
    takes = [moving_body(seed=seed, subject=0, seconds=2.0 + 0.3 * seed)[1] for seed in range(5)]
    takes = [take + np.array([seed, -seed, 0.0]) for seed, take in enumerate(takes)]
    time_s = np.arange(480) / 60.0
    own = max(np.linalg.norm(np.diff(take, axis=0), axis=-1).max() for take in takes)
    motion = one_person(takes)
    for seed in range(3):
        assert len(plan(motion, 8.0, seed=seed)) > 2
        shown = draw_excerpt(motion, time_s, subject=0, rng=generator(seed, "plan"))
        step = np.linalg.norm(np.diff(shown, axis=0), axis=-1)
        assert step.max() < own + 0.02
        acceleration = np.linalg.norm(np.diff(shown, 2, axis=0), axis=-1) * 3600
        assert np.quantile(acceleration, 0.99) < 150.0
        feet = shown[:, [BODY_JOINTS.index("left_heel"), BODY_JOINTS.index("right_heel")], 2].min(axis=1)
        assert feet.min() > 0.0


def test_a_split_without_motion_is_refused():
    motion = one_person([moving_body(seconds=2.0)[1]], split=Split.TEST)
    assert len(plan(motion, 1.0, subject=2)) == 1
    with pytest.raises(ConfigurationError, match="no take of split train"):
        plan(motion, 1.0, subject=0)
    with pytest.raises(ConfigurationError, match="no take of split train above"):
        plan(one_person([moving_body(seconds=1.0)[1]]), 1.0, subject=0)


def test_resampling_meets_the_recorded_positions():
    points = moving_body(seed=2)[1]
    np.testing.assert_array_equal(sample(points, np.arange(10.0, 50.0)), points[10:50])
    twice = sample(points, np.arange(20.0, 40.0, 0.5))
    np.testing.assert_array_equal(twice[::2], points[20:40])
    np.testing.assert_array_equal(sample(points, np.arange(0.0, 60.0, 2.0)), points[0:60:2])
    np.testing.assert_array_equal(sample(points, np.array([len(points) - 1.0])), points[-1:])


def test_resampling_between_frames_is_as_good_as_recording_faster():
    fast = moving_body(seed=2, rate_hz=240.0)[1]
    slow = fast[::4]
    between = sample(slow, np.arange(10.0, len(slow) - 10.0, 0.25))
    np.testing.assert_allclose(between, fast[40 : 40 + len(between)], atol=1.5e-3)
