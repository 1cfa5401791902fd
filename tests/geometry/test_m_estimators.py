import numpy as np
import pytest
import torch

from mvmono3d.geometry.m_estimators import geman_mcclure_weight, huber_weight, student_t_weight

SQUARED = np.linspace(0.0, 60.0, 241)


def huber(s):
    return np.where(s <= 1.345**2, s / 2, 1.345 * (np.sqrt(s) - 1.345 / 2))


def geman_mcclure(s):
    return 0.5 * s / (1 + s / 9.0)


def student_t(s):
    return 0.5 * 6.0 * np.log1p(s / 4.0)


CASES = [(huber_weight, huber), (geman_mcclure_weight, geman_mcclure), (student_t_weight, student_t)]


@pytest.mark.parametrize(("weight", "cost"), CASES)
def test_the_weight_is_the_slope_of_the_cost(weight, cost):
    step = 1e-6
    slope = (cost(SQUARED + step) - cost(SQUARED)) / step * 2
    np.testing.assert_allclose(weight(SQUARED), slope, atol=1e-5)


@pytest.mark.parametrize(("weight", "cost"), CASES)
def test_the_weight_falls_as_the_residual_grows(weight, cost):
    assert (np.diff(weight(SQUARED)) <= 0).all()
    assert (weight(SQUARED) > 0).all()


@pytest.mark.parametrize(("weight", "cost"), CASES)
def test_the_gradient_is_finite_everywhere(weight, cost):
    squared = torch.tensor(SQUARED, requires_grad=True)
    weight(squared).sum().backward()
    assert squared.grad is not None
    assert torch.isfinite(squared.grad).all()
