"""Likelihoods against scipy, and that honest uncertainty has the least loss."""

from typing import Any

import numpy as np
import torch
from scipy import stats

from mvmono3d.nn.likelihood import DEGREES, student_t_2d, student_t_3d

# scipy ships no types for it.
multivariate_t: Any = stats.multivariate_t


def test_the_3d_likelihood_is_scipys_up_to_a_constant():
    generator = np.random.default_rng(0)
    factor = generator.normal(size=(3, 3))
    shape = factor @ factor.T + np.eye(3)
    errors = generator.normal(size=(20, 3)) * 3
    expected = -multivariate_t(shape=shape, df=DEGREES).logpdf(errors)
    found = student_t_3d(torch.tensor(errors), torch.tensor(shape).expand(20, 3, 3)).numpy()
    np.testing.assert_allclose(found - found[0], expected - expected[0], rtol=1e-3, atol=1e-3)


def test_the_2d_likelihood_is_scipys_up_to_a_constant():
    errors = np.random.default_rng(1).normal(size=(20, 2))
    expected = -multivariate_t(shape=2.5 * np.eye(2), df=DEGREES).logpdf(errors)
    found = student_t_2d(torch.tensor(errors), torch.full((20,), 2.5).double()).numpy()
    np.testing.assert_allclose(found - found[0], expected - expected[0], rtol=1e-6)


def test_the_true_scale_has_the_least_loss():
    errors = torch.tensor(multivariate_t(shape=4 * np.eye(3), df=DEGREES).rvs(20000, random_state=0))
    losses = [
        student_t_3d(errors, scale * torch.eye(3).double().expand(20000, 3, 3)).mean()
        for scale in (1.0, 4.0, 16.0)
    ]
    assert losses[1] < losses[0]
    assert losses[1] < losses[2]
