import numpy as np
import pytest

from mvmono3d.synthetic.processes import bursts, correlation, drift
from mvmono3d.synthetic.streams import generator


def run_lengths(on):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(int), [0]])))
    return edges[1::2] - edges[::2]


def test_streams_of_equal_name_and_seed_are_equal_and_others_are_independent():
    first = generator(3, "noise").standard_normal(20_000)
    np.testing.assert_array_equal(first, generator(3, "noise").standard_normal(20_000))
    for other in (generator(4, "noise"), generator(3, "scores")):
        assert abs(np.corrcoef(first, other.standard_normal(20_000))[0, 1]) < 0.03


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.95])
def test_drift_is_standard_normal_at_every_time_with_the_stated_correlation(rho):
    values = drift(generator(0, "test"), (40, 20_000), correlation=rho)
    np.testing.assert_allclose(values.std(axis=1), 1.0, atol=0.03)
    for lag in (1, 4):
        measured = (values[lag:] * values[:-lag]).mean()
        assert measured == pytest.approx(rho**lag, abs=0.02)


def test_correlation_time_means_the_same_at_every_rate():
    assert correlation(0.2, rate_hz=60) == pytest.approx(correlation(0.2, rate_hz=120) ** 2)
    assert correlation(0.0, rate_hz=60) == 0


@pytest.mark.parametrize(("share", "frames"), [(0.01, 6.0), (0.3, 12.0), (0.7, 5.0), (0.2, 0.0), (0.9, 0.0)])
def test_bursts_take_the_stated_share_of_every_frame(share, frames):
    on = bursts(generator(1, "test"), (60, 20_000), share=share, mean_frames=frames)
    np.testing.assert_allclose(on.mean(axis=1), share, atol=0.02)


def test_bursts_last_as_long_as_stated():
    on = bursts(generator(2, "test"), (200_000, 1), share=0.1, mean_frames=15.0)[:, 0]
    assert run_lengths(on).mean() == pytest.approx(15.0, rel=0.1)


def test_bursts_without_memory_are_independent_frames():
    on = bursts(generator(2, "test"), (200_000, 1), share=0.4, mean_frames=0.0)[:, 0].astype(float)
    assert abs(np.corrcoef(on[1:], on[:-1])[0, 1]) < 0.01


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_never_and_always_are_exact(share):
    assert (bursts(generator(0, "test"), (50, 50), share=share, mean_frames=4.0) == bool(share)).all()
