import numpy as np
import pytest
from scipy.stats import multivariate_normal

from mvmono3d.metrics.calibration import (
    coverage,
    nees,
    negative_log_likelihood,
    positive_definite,
    reliability_curve,
)


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(11)
    factor = rng.normal(size=(20_000, 3, 3)) * 0.01
    covariance = factor @ factor.transpose(0, 2, 1) + 1e-6 * np.eye(3)
    normal = rng.normal(size=(20_000, 3, 1))
    difference = (np.linalg.cholesky(covariance) @ normal)[..., 0]
    return difference, covariance, np.ones(20_000, dtype=bool)


def test_samples_of_the_stated_covariance_are_covered_as_stated(samples):
    difference, covariance, counts = samples
    result = coverage(difference, covariance, counts=counts)
    np.testing.assert_allclose(result.observed, result.stated, atol=0.012)
    curve = reliability_curve(difference, covariance, counts=counts)
    np.testing.assert_allclose(curve.observed, curve.stated, atol=0.015)


def test_samples_of_the_stated_covariance_have_a_nees_of_three(samples):
    difference, covariance, counts = samples
    assert nees(difference, covariance, counts=counts) == pytest.approx(3.0, abs=0.06)


def test_too_small_a_covariance_covers_less_and_raises_nees(samples):
    difference, covariance, counts = samples
    small = coverage(difference, 0.25 * covariance, counts=counts)
    assert (small.observed < small.stated - 0.1).all()
    assert nees(difference, 0.25 * covariance, counts=counts) == pytest.approx(12.0, abs=0.25)


def test_the_likelihood_agrees_with_scipy(samples):
    difference, covariance, _ = (array[:200] for array in samples)
    expected = -np.mean(
        [multivariate_normal.logpdf(d, cov=c) for d, c in zip(difference, covariance, strict=True)]
    )
    got = negative_log_likelihood(difference, covariance, counts=np.ones(200, dtype=bool))
    assert got == pytest.approx(expected, rel=1e-6)


def test_the_right_covariance_has_the_best_likelihood(samples):
    difference, covariance, counts = samples
    best, small, large = (
        negative_log_likelihood(difference, scale * covariance, counts=counts) for scale in (1.0, 0.5, 2.0)
    )
    assert best < min(small, large)


def test_a_zero_covariance_beneath_the_mask_changes_nothing(samples):
    difference, covariance, _ = samples
    counts = np.arange(len(difference)) % 2 == 0
    emptied = np.where(counts[:, None, None], covariance, 0.0)
    for metric in (nees, negative_log_likelihood):
        assert metric(difference, emptied, counts=counts) == pytest.approx(
            metric(difference[counts], covariance[counts], counts=counts[counts])
        )


def test_a_flat_covariance_states_nothing_and_never_counts_as_right():
    difference = np.array([[0.0, 0.0, 5.0], [0.001, 0.0, 0.0]])
    covariance = np.stack([np.diag([1e-6, 1e-6, 0.0]), np.diag([1e-6, 1e-6, 1e-6])])
    counts = np.array([True, True])
    np.testing.assert_array_equal(positive_definite(covariance), [False, True])
    assert nees(difference, covariance, counts=counts) == pytest.approx(1.0)
    assert np.isfinite(negative_log_likelihood(difference, covariance, counts=counts))
