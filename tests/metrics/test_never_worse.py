import numpy as np

from mvmono3d.metrics.never_worse import excess_by_agreement, lost_ground


def test_a_baseline_has_no_excess_over_itself_and_signs_flip_when_sides_swap():
    rng = np.random.default_rng(0)
    error, baseline = rng.uniform(size=(2, 30, 5))
    agreeing, counts = rng.integers(0, 7, size=(30, 5)), rng.random((30, 5)) < 0.8
    against_itself = excess_by_agreement(error, error, agreeing=agreeing, counts=counts, most=4)
    assert not against_itself.total_m.any()
    there = excess_by_agreement(error, baseline, agreeing=agreeing, counts=counts, most=4)
    back = excess_by_agreement(baseline, error, agreeing=agreeing, counts=counts, most=4)
    np.testing.assert_allclose(there.total_m, -back.total_m)
    assert there.joints.sum() == counts.sum()
    assert there.joints[4] == (counts & (agreeing >= 4)).sum()
    np.testing.assert_allclose(there.total_m.sum(), (error - baseline)[counts].sum())


def test_ground_is_lost_where_the_baseline_was_right_and_the_method_is_far_off():
    error, baseline = np.array([0.04, 0.04, 0.02, 0.0]), np.array([0.005, 0.02, 0.005, 0.04])
    np.testing.assert_array_equal(
        lost_ground(error, baseline, far_m=0.03, near_m=0.01), [True, False, False, False]
    )
