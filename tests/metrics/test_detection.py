"""Errors of 2D joints: what normal errors must measure."""

import numpy as np

from mvmono3d.metrics.detection import detection_score


def test_normal_errors_of_the_stated_size_fill_the_stated_regions():
    random = np.random.default_rng(0)
    truth = random.uniform(0, 128, (400, 21, 2))
    sigma = random.uniform(0.5, 4.0, (400, 21))
    pixels = truth + sigma[..., None] * random.standard_normal(truth.shape)
    score = detection_score(pixels, sigma, truth, np.ones(sigma.shape, dtype=bool), size=128)
    assert abs(score.in_half - 0.5) < 0.02
    assert abs(score.in_nine_tenths - 0.9) < 0.02
    doubled = detection_score(pixels, 2.0 * sigma, truth, np.ones(sigma.shape, dtype=bool), size=128)
    assert doubled.in_half > 0.8


def test_only_counted_joints_count():
    truth = np.zeros((1, 3, 2))
    pixels = np.array([[[1.0, 0.0], [3.0, 4.0], [100.0, 0.0]]])
    counted = np.array([[True, True, False]])
    score = detection_score(pixels, np.ones((1, 3)), truth, counted, size=100)
    assert (score.joints, score.median_px, score.near) == (2, 3.0, 1.0)
    assert detection_score(pixels, np.ones((1, 3)), truth, counted & False, size=100).joints == 0
