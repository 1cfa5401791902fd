import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import compose, rotation_from_vector, transform_from
from mvmono3d.geometry.triangulation import triangulate
from mvmono3d.geometry.uncertainty import (
    CHI2_50,
    CHI2_90,
    CHI2_95,
    CHI2_99,
    chi2_probability,
    chi2_quantile,
    covariance_from_information,
    mahalanobis_squared,
    pose_variance_px2,
    precision_from_sigma,
)
from tests.geometry.rigs import gradients_are_finite, lenses, looking_at, scene
from tests.tolerances import EXACT, ITERATED


def _solved(*, sigma_px: float, draws: int, views: int = 4):
    points, lens, pose = scene(views, joints=4)
    lens[:, 4:9] = 0.0
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    noise = sigma_px * np.random.default_rng(0).normal(size=(draws, *pixels.shape))
    weights = np.full(pixels.shape[:-1], sigma_px**-2)
    return points, triangulate(pixels + noise, weights, lens=lens, camera_from_world=pose)


def test_covariance_matches_monte_carlo():
    points, solved = _solved(sigma_px=1.5, draws=4000)
    stated = covariance_from_information(solved.information).covariance.mean(axis=0)
    away = solved.points_world - points
    found = (away[..., :, None] * away[..., None, :]).mean(axis=0)
    for joint in range(4):
        assert np.linalg.norm(stated[joint] - found[joint]) < 0.08 * np.linalg.norm(found[joint])


@pytest.mark.parametrize("fisheye", [(), (0, 1, 2, 3)])
def test_the_stated_share_of_truth_holds_behind_strong_lenses(fisheye):
    points, lens, pose = scene(4, joints=500)
    lens[:, :2] = 800.0
    lens[:, 4:] = [-0.05, 0.01, 0.0, 0.0, 0.0, 1.0] if fisheye else [-0.34, 0.1, -0.001, 0.003, -0.004, 0.0]
    pixels = project(points, lens=lens, camera_from_world=pose).pixels
    noise = np.random.default_rng(5).normal(size=(20, *pixels.shape))
    solved = triangulate(pixels + noise, np.ones(pixels.shape[:-1]), lens=lens, camera_from_world=pose)
    covariance = covariance_from_information(solved.information).covariance
    squared = mahalanobis_squared(solved.points_world - points, covariance)
    assert abs((squared < CHI2_90).mean() - 0.9) < 0.012


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.99])
def test_the_stated_share_of_truth_lies_within_the_quantile(probability):
    points, solved = _solved(sigma_px=1.5, draws=4000)
    covariance = covariance_from_information(solved.information).covariance
    squared = mahalanobis_squared(solved.points_world - points, covariance)
    assert abs((squared < chi2_quantile(probability)).mean() - probability) < 0.015


def test_covariance_is_positive_definite_and_shrinks_with_views():
    traces = []
    for views in (2, 4, 8):
        _, solved = _solved(sigma_px=1.0, draws=1, views=8)
        points, lens, pose = scene(8, joints=4)
        pixels = project(points, lens=lens, camera_from_world=pose).pixels
        solved = triangulate(
            pixels[:views], np.ones((views, 4)), lens=lens[:views], camera_from_world=pose[:views]
        )
        covariance, ok = covariance_from_information(solved.information)
        assert ok.all()
        assert (np.linalg.eigvalsh(covariance) > 0).all()
        traces.append(np.trace(covariance, axis1=-2, axis2=-1))
    assert (traces[0] > traces[1]).all()
    assert (traces[1] > traces[2]).all()


def test_singular_information_gives_zero_covariance():
    covariance, ok = covariance_from_information(np.zeros((3, 3, 3)))
    assert not ok.any()
    assert (covariance == 0).all()


def test_mahalanobis_distance_is_unchanged_by_any_linear_change_of_coordinates():
    generator = np.random.default_rng(1)
    difference, change = generator.normal(size=(10, 3)), generator.normal(size=(3, 3))
    root = generator.normal(size=(10, 3, 3))
    covariance = root @ np.swapaxes(root, -1, -2) + np.eye(3)
    here = mahalanobis_squared(difference, covariance)
    there = mahalanobis_squared(difference @ change.T, change @ covariance @ change.T)
    np.testing.assert_allclose(here, there, rtol=1e-6)
    np.testing.assert_allclose(
        mahalanobis_squared(difference, np.eye(3)), (difference**2).sum(-1), rtol=1e-12
    )


def test_mahalanobis_gradients_are_finite_for_singular_covariance():
    covariance = torch.zeros(2, 3, 3, requires_grad=True)
    mahalanobis_squared(torch.ones(2, 3), covariance).sum().backward()
    assert gradients_are_finite(covariance)


def test_quantiles_agree_with_scipy():
    for probability, constant in ((0.5, CHI2_50), (0.9, CHI2_90), (0.95, CHI2_95), (0.99, CHI2_99)):
        assert abs(constant - chi2.ppf(probability, 3)) < ITERATED
        assert abs(chi2_quantile(probability) - constant) < ITERATED
    for squared in (-1.0, 0.0, 0.3, 4.0, 40.0):
        assert abs(chi2_probability(squared) - chi2.cdf(squared, 3)) < EXACT


@given(st.floats(0.0, 0.9999))
def test_quantile_and_probability_are_inverse(probability):
    assert abs(chi2_probability(chi2_quantile(probability)) - probability) < ITERATED


def test_a_probability_of_one_has_no_quantile():
    with pytest.raises(InvalidRecordError, match="expected within"):
        chi2_quantile(1.0)


def test_pose_variance_matches_monte_carlo_near_the_axis():
    generator = np.random.default_rng(2)
    lens = lenses(1)
    pose = looking_at(np.array([0.0, -2.0, 1.0]), np.array([0.0, 0.0, 1.0]))[None]
    point = np.array([[0.02, 0.0, 1.01]])
    sigma = np.array([[1e-3, 2e-3]])
    jitter = transform_from(
        rotation_from_vector(sigma[0, 0] * generator.normal(size=(20000, 1, 3))),
        sigma[0, 1] * generator.normal(size=(20000, 1, 3)),
    )
    seen = project(point, lens=lens, camera_from_world=compose(jitter, pose)).pixels[:, 0, 0]
    depth = project(point, lens=lens, camera_from_world=pose).depth
    stated = pose_variance_px2(depth, lens=lens, pose_sigma=sigma)[0, 0]
    assert abs(seen.var(axis=0).mean() / stated - 1) < 0.03


def test_precision_is_zero_where_a_view_is_not_used():
    sigma = np.array([[1.0, 2.0, 0.0]])
    used = np.array([[True, True, True]])
    np.testing.assert_allclose(precision_from_sigma(sigma, used), [[1.0, 0.25, 0.0]])
    np.testing.assert_allclose(precision_from_sigma(sigma, ~used), 0.0)
    added = np.full((1, 3), 3.0)
    np.testing.assert_allclose(
        precision_from_sigma(sigma, used, added_variance_px2=added), [[1 / 4, 1 / 7, 1 / 3]]
    )
