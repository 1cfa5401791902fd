"""How near the robust triangulation comes to what no estimator can beat."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from mvmono3d.geometry.projection import project
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings
from mvmono3d.geometry.uncertainty import CHI2_95, mahalanobis_squared
from tests.benchmarks.regimes import make_regime

SETTINGS = RobustSettings(sigma_px=1.0)
BLIND = RobustSettings(sigma_px=1.0, gate=1e4, refine_gates=(1e4, 1e4, 1e4, 1e4))


def solve(recording, *, settings=SETTINGS, detected=None):
    return triangulate_robust_bulk(
        recording.pixels,
        recording.confidence,
        recording.detected if detected is None else detected,
        lens=recording.lens,
        camera_from_world=recording.camera_from_world,
        settings=settings,
    )


def error_mm(answer, recording):
    return 1e3 * np.linalg.norm(answer.points_world - recording.points_world, axis=-1)


@pytest.mark.parametrize("views", [4, 8])
@pytest.mark.parametrize("name", "ABC")
def test_it_is_as_good_as_knowing_which_views_are_wrong(name, views):
    recording = make_regime(name, views=views, frames=200, seed=1)
    answer = solve(recording)
    oracle = solve(recording, settings=BLIND, detected=recording.good)
    identifiable = recording.good.sum(axis=-2) >= 3
    ours, best = error_mm(answer, recording)[identifiable], error_mm(oracle, recording)[identifiable]
    solved = answer.reason[identifiable] == 0
    # One in some thousand has three good views and as many wrong ones.
    assert solved.mean() > 0.999
    assert ours[solved].mean() <= 1.01 * best[solved].mean()
    assert ours[solved].max() < 10.0


@pytest.mark.parametrize("views", [2, 4, 8])
def test_the_covariance_is_honest(views):
    recordings = [make_regime("A", views=views, frames=60, seed=seed) for seed in range(5)]
    squared = []
    for recording in recordings:
        answer = solve(recording)
        seen = recording.detected.all(axis=-2) & (answer.reason == 0)
        difference = answer.points_world - recording.points_world
        squared.append(mahalanobis_squared(difference, answer.covariance_world)[seen])
    squared = np.concatenate(squared)
    assert 2.8 < squared.mean() < 3.2
    assert 0.93 < np.mean(squared < CHI2_95) < 0.97


def test_it_ends_where_scipy_ends_from_the_same_views():
    recording = make_regime("B", views=4, frames=2)
    answer = solve(recording)
    for frame, joint in np.argwhere(answer.reason == 0):
        views = answer.inlier[frame, :, joint]
        pixels = recording.pixels[frame, :, joint][views]
        rig = {"lens": recording.lens[views], "camera_from_world": recording.camera_from_world[views]}

        def residual(point, *, pixels=pixels, rig=rig):
            return (project(point[None], **rig).pixels[:, 0] - pixels).ravel()

        start = answer.points_world[frame, joint]
        found = least_squares(residual, start + 0.01, xtol=1e-14, ftol=1e-14, gtol=1e-14)
        # The lens is taken as linear about each detection: some micrometres at 1 px and 2 m.
        np.testing.assert_allclose(start, found.x, atol=2e-5)


def test_noise_of_ten_pixels_needs_only_its_sigma():
    recording = make_regime("A", views=4, frames=100, seed=3)
    generator = np.random.default_rng(0)
    noisy = recording.pixels + 10.0 * generator.normal(size=recording.pixels.shape)
    answers = [
        triangulate_robust_bulk(
            noisy,
            recording.confidence,
            recording.detected,
            lens=recording.lens,
            camera_from_world=recording.camera_from_world,
            settings=SETTINGS.scaled(sigma_px),
        )
        for sigma_px in (1.0, 10.0)
    ]
    assert np.mean(answers[0].reason == 0) < 0.6
    assert (answers[1].reason == 0).all()
    assert np.median(error_mm(answers[1], recording)) < 20.0
