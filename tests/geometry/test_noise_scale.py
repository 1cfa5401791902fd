from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.formats.any_detections import read_any_detections
from mvmono3d.geometry.noise_scale import WIDEST_PX, estimate_sigma_px, fit_sigma_px, recording_sigma_px
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings
from tests.benchmarks.regimes import make_regime, project


def fit(recording, pixels=None, **options):
    return fit_sigma_px(
        recording.pixels if pixels is None else pixels,
        recording.confidence,
        recording.detected,
        lens=recording.lens,
        camera_from_world=recording.camera_from_world,
        **options,
    )


def exact(recording):
    return project(recording.points_world, recording.lens, recording.camera_from_world)[0]


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


@pytest.mark.parametrize("frames", [1, 4, 16])
@pytest.mark.parametrize("views", [3, 4])
@pytest.mark.parametrize("sigma_px", [5.0, 14.0])
def test_no_short_recording_settles_on_a_few_joints_that_agree_by_chance(sigma_px, views, frames):
    for seed in range(12):
        recording = make_regime("A", views=views, frames=frames, seed=seed)
        more = np.sqrt(sigma_px**2 - 1.0)
        noise = np.random.default_rng(seed).normal(size=recording.pixels.shape)
        found = fit(recording, recording.pixels + more * noise)
        assert found == pytest.approx(sigma_px, rel=0.5 if frames == 1 else 0.25)


def test_one_precise_joint_among_noisy_ones_decides_nothing():
    recording = make_regime("A", views=4, frames=25)
    more = 14.5 * np.random.default_rng(0).normal(size=recording.pixels.shape)
    more[0, :, 0] = -0.9 * (recording.pixels - exact(recording))[0, :, 0]
    assert fit(recording, recording.pixels + more) == pytest.approx(14.5, rel=0.08)


@pytest.mark.parametrize("views", [3, 4, 8])
def test_almost_half_of_all_detections_may_be_outliers(views):
    for seed in range(4):
        recording = make_regime("A", views=views, frames=16, seed=seed)
        generator = np.random.default_rng(seed)
        wrong = generator.random(recording.detected.shape) < 0.45
        jump = generator.normal(size=recording.pixels.shape)
        jump *= generator.uniform(20.0, 100.0, (*wrong.shape, 1)) / np.linalg.norm(
            jump, axis=-1, keepdims=True
        )
        pixels = recording.pixels + np.where(wrong[..., None], jump, 0.0)
        assert fit(recording, pixels) == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("name", "BCE")
def test_a_thinned_recording_has_the_noise_of_the_whole(name):
    recording = make_regime(name, views=4, frames=120)
    whole = fit(recording)
    for start in range(8):
        thinned = fit_sigma_px(
            recording.pixels[start::8],
            recording.confidence[start::8],
            recording.detected[start::8],
            lens=recording.lens,
            camera_from_world=recording.camera_from_world,
        )
        assert thinned == pytest.approx(whole, rel=0.15)


def test_cameras_at_one_place_leave_it_to_pairs():
    recording = make_regime("A", views=2, frames=50)
    again = [0, 0, 1]
    twice = fit_sigma_px(
        recording.pixels[:, again],
        recording.confidence[:, again],
        recording.detected[:, again],
        lens=recording.lens[again],
        camera_from_world=recording.camera_from_world[again],
    )
    assert twice == pytest.approx(1.0, rel=0.3)


def test_a_few_joints_of_three_views_among_many_of_two_leave_it_to_pairs():
    recording = make_regime("A", views=3, frames=50)
    detected = recording.detected.copy()
    detected[1:, 2] = False
    found = fit_sigma_px(
        recording.pixels,
        recording.confidence,
        detected,
        lens=recording.lens,
        camera_from_world=recording.camera_from_world,
    )
    assert found == pytest.approx(1.0, rel=0.2)


def test_every_cut_of_a_real_recording_has_its_noise(pose2sim):
    rig = read_rig(pose2sim / "S00_Calibration/Calib_qualisys.toml")
    trial = pose2sim / "S00_P00_SingleParticipant/S00_P00_T01_BalancingTrial/pose-associated"
    skeleton = load_skeleton("body25b")
    seen = read_any_detections(trial, skeleton=skeleton, views=rig.names).observations
    whole = recording_sigma_px(seen, rig)
    cuts = [slice(start, start + 16) for start in range(0, 84, 6)] + [slice(50, 100, 2), slice(10, 90, 10)]
    for cut in cuts:
        part = replace(
            seen,
            pixels=seen.pixels[cut],
            confidence=seen.confidence[cut],
            detected=seen.detected[cut],
            time_ns=seen.time_ns[cut],
        )
        assert recording_sigma_px(part, rig) == pytest.approx(whole, rel=0.1)


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
