import numpy as np
import pytest

from mvmono3d.metrics.smoothness import acceleration_error, bone_length_variation, jerk, time_derivative


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def uneven_times(rng, frames):
    return np.cumsum(rng.integers(8_000_000, 25_000_000, size=frames)).astype(np.int64)


def polynomial(seconds, coefficients):
    return sum(c * seconds[:, None, None] ** n for n, c in enumerate(coefficients))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_derivative_of_its_own_polynomial_is_exact_at_uneven_times(order, rng):
    time_ns = uneven_times(rng, 12)
    coefficients = rng.normal(size=(order + 1, 1, 4, 3))
    points = polynomial((time_ns - time_ns[0]) * 1e-9, coefficients)
    derivative = time_derivative(points, time_ns, counts=np.ones((12, 4), dtype=bool), order=order)
    expected = np.prod(np.arange(1, order + 1)) * coefficients[order]
    np.testing.assert_allclose(derivative.value, np.broadcast_to(expected, derivative.value.shape), rtol=1e-5)
    assert derivative.counts.all()


def test_a_missing_frame_takes_its_neighbours_derivatives_along(rng):
    counts = np.ones((10, 1), dtype=bool)
    counts[4] = False
    points = rng.normal(size=(10, 1, 3))
    derivative = time_derivative(points, uneven_times(rng, 10), counts=counts, order=2)
    np.testing.assert_array_equal(np.flatnonzero(~derivative.counts[:, 0]), [2, 3, 4])


def test_constant_acceleration_has_no_jerk_and_the_truth_no_acceleration_error(rng):
    time_ns = uneven_times(rng, 15)
    counts = np.ones((15, 2), dtype=bool)
    points = polynomial((time_ns - time_ns[0]) * 1e-9, rng.normal(size=(3, 1, 2, 3)))
    assert jerk(points, time_ns, counts=counts) == pytest.approx(0, abs=1e-6)
    assert acceleration_error(points, points, time_ns, counts=counts) == 0
    bent = points + polynomial((time_ns - time_ns[0]) * 1e-9, np.array([0, 0, 1.5])[:, None, None, None])
    assert acceleration_error(bent, points, time_ns, counts=counts) == pytest.approx(3 * np.sqrt(3))


def test_bone_variation_is_the_standard_deviation_over_time(rng):
    lengths = rng.normal(0.3, 0.01, size=(500, 3))
    assert bone_length_variation(np.full((9, 3), 0.3), counts=np.ones((9, 3), dtype=bool)) == pytest.approx(
        0.0, abs=1e-15
    )
    everything = np.ones(lengths.shape, dtype=bool)
    assert bone_length_variation(lengths, counts=everything) == pytest.approx(lengths.std(axis=0).mean())


def test_bones_seen_once_take_no_part(rng):
    lengths = rng.normal(0.3, 0.01, size=(50, 2))
    counts = np.ones((50, 2), dtype=bool)
    counts[1:, 1] = False
    assert bone_length_variation(lengths, counts=counts) == pytest.approx(lengths[:, 0].std())
