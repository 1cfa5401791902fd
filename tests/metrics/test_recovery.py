import numpy as np

from mvmono3d.metrics.recovery import frames_unseen, occlusion_episodes, recovery_frames, visible_level

FRAMES = 100


def one_occlusion(start=30, end=45):
    views = np.full((FRAMES, 1), 4)
    views[start:end] = 1
    return views


def test_the_recovery_of_a_hand_made_sequence_is_counted_from_the_first_seen_frame():
    error = np.full((FRAMES, 1), 0.01)
    error[30:52] = 0.2
    recovery = recovery_frames(error, one_occlusion(), counts=np.ones((FRAMES, 1), dtype=bool))
    np.testing.assert_array_equal(recovery.frames, [7])
    assert recovery.level_m == 0.02


def test_a_joint_that_is_right_at_once_takes_no_frames():
    error = np.full((FRAMES, 1), 0.01)
    error[30:45] = 0.2
    recovery = recovery_frames(error, one_occlusion(), counts=np.ones((FRAMES, 1), dtype=bool))
    np.testing.assert_array_equal(recovery.frames, [0])


def test_a_joint_that_never_comes_back_counts_the_horizon():
    error = np.full((FRAMES, 1), 0.01)
    error[30:80] = 0.2
    recovery = recovery_frames(error, one_occlusion(), counts=np.ones((FRAMES, 1), dtype=bool), horizon=25)
    np.testing.assert_array_equal(recovery.frames, [25])


def test_keeping_silent_is_not_recovering():
    error = np.zeros((FRAMES, 1))
    counts = np.ones((FRAMES, 1), dtype=bool)
    counts[45:50] = False
    np.testing.assert_array_equal(recovery_frames(error, one_occlusion(), counts=counts).frames, [5])


def test_short_or_broken_occlusions_are_not_judged():
    assert occlusion_episodes(one_occlusion(30, 35)) == []
    broken = one_occlusion()
    broken[50] = 0
    assert occlusion_episodes(broken) == []
    assert occlusion_episodes(one_occlusion(80, 95)) == []


def test_the_level_is_the_median_over_joints_that_three_views_see():
    error = np.array([[0.01, 0.5], [0.03, 0.5], [0.02, 0.5]])
    views = np.array([[3, 2], [4, 0], [3, 1]])
    assert visible_level(error, views, counts=np.ones((3, 2), dtype=bool)) == 0.02


def test_frames_unseen_count_up_and_start_again():
    views = np.array([2, 1, 0, 3, 1])[:, None]
    np.testing.assert_array_equal(frames_unseen(views)[:, 0], [0, 1, 2, 0, 1])


def test_an_absolute_level_decides_where_it_is_given():
    error = np.full((FRAMES, 1), 0.01)
    error[30:50] = 0.2
    error[50:52] = 0.04
    counts = np.ones((FRAMES, 1), dtype=bool)
    for level, frames in ((0.05, 5), (0.03, 7)):
        found = recovery_frames(error, one_occlusion(), counts=counts, level_m=level)
        np.testing.assert_array_equal(found.frames, [frames])
        assert found.level_m == level


def test_an_occlusion_without_truth_at_its_end_is_not_judged():
    error, counts = np.full((FRAMES, 1), 0.01), np.ones((FRAMES, 1), dtype=bool)
    wanted = counts.copy()
    wanted[50] = False
    assert len(recovery_frames(error, one_occlusion(), counts=counts, wanted=wanted).frames) == 0
    assert len(recovery_frames(error, one_occlusion(), counts=counts, wanted=counts).frames) == 1
