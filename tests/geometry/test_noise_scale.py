import numpy as np
import pytest

from mvmono3d.geometry.noise_scale import WIDEST_PX, estimate_sigma_px, fit_sigma_px
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings
from tests.benchmarks.regimes import make_regime


def fit(recording, pixels=None, **options):
    return fit_sigma_px(
        recording.pixels if pixels is None else pixels,
        recording.confidence,
        recording.detected,
        lens=recording.lens,
        camera_from_world=recording.camera_from_world,
        **options,
    )


@pytest.mark.parametrize("views", [2, 3, 4, 8])
@pytest.mark.parametrize("name", "ABCE")
def test_one_pixel_of_noise_is_found_among_outliers(name, views):
    assert fit(make_regime(name, views=views, frames=100)) == pytest.approx(
        1.0, rel=0.3 if views == 2 else 0.12
    )


@pytest.mark.parametrize("sigma_px", [1.0, 4.0, 12.0])
def test_any_noise_is_found(sigma_px):
    recording = make_regime("A", views=4, frames=100)
    more = np.sqrt(sigma_px**2 - 1.0)
    pixels = recording.pixels + more * np.random.default_rng(0).normal(size=recording.pixels.shape)
    assert fit(recording, pixels) == pytest.approx(sigma_px, rel=0.08)


def test_scaling_the_image_scales_the_noise():
    recording = make_regime("B", views=4, frames=100)
    sigma = fit(recording)
    lens = recording.lens.copy()
    lens[:, :4] *= 3.0
    larger = fit_sigma_px(
        recording.pixels * 3.0,
        recording.confidence,
        recording.detected,
        lens=lens,
        camera_from_world=recording.camera_from_world,
    )
    assert larger == pytest.approx(3.0 * sigma, rel=0.05)


def test_nothing_solved_says_nothing():
    recording = make_regime("A", views=2, frames=3)
    nothing = np.zeros_like(recording.detected)
    answer = triangulate_robust_bulk(
        recording.pixels,
        recording.confidence,
        nothing,
        lens=recording.lens,
        camera_from_world=recording.camera_from_world,
    )
    assert estimate_sigma_px(answer) is None
    blank = fit_sigma_px(
        recording.pixels,
        recording.confidence,
        nothing,
        lens=recording.lens,
        camera_from_world=recording.camera_from_world,
        settings=RobustSettings(sigma_px=3.0),
    )
    assert blank == 3.0


def test_a_hopeless_calibration_ends_at_the_widest_noise():
    recording = make_regime("A", views=4, frames=50)
    pixels = recording.pixels + 60.0 * np.random.default_rng(0).normal(size=recording.pixels.shape)
    assert 0.4 * WIDEST_PX < fit(recording, pixels) <= WIDEST_PX
