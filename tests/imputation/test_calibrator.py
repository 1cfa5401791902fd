"""The stated 95 % region holds 95 %, in every group that the calibrator can tell apart."""

import pytest
import torch
from scipy import stats

from mvmono3d.geometry.uncertainty import CHI2_95
from mvmono3d.imputation.calibrator import Calibrator, factor_to_explain

PIXELS_95 = stats.chi2(2).ppf(0.95)


def described(count: int, generator: torch.Generator) -> torch.Tensor:
    """Plausible inputs: a third of the answers unmeasured, some of them for long."""
    inputs = torch.rand(count, Calibrator.INPUTS, generator=generator)
    inputs[:, 0] = 1.0
    inputs[:, 1] = (inputs[:, 1] < 0.3).float()
    inputs[:, 2] = inputs[:, 1] * (inputs[:, 2] < 0.5)
    inputs[:, 3] *= inputs[:, 1]
    inputs[:, 12] = (inputs[:, 12] < 0.05).float()
    return inputs


def test_before_fitting_nothing_is_corrected():
    inputs = described(100, torch.Generator().manual_seed(0))
    assert torch.equal(Calibrator()(inputs), torch.ones(100))


@pytest.mark.parametrize("seed", [0, 1])
def test_fitted_regions_cover_what_they_state_also_among_the_unseen(seed):
    generator = torch.Generator().manual_seed(seed)
    weight = 0.5 * torch.randn(Calibrator.INPUTS, generator=generator)

    def drawn(count: int):
        inputs = described(count, generator)
        squared = torch.randn(count, 3, generator=generator).square().sum(-1)
        return inputs, squared * torch.exp(inputs @ weight)

    calibrator = Calibrator()
    calibrator.fit(*drawn(20_000))
    inputs, squared = drawn(20_000)
    covered = squared / calibrator(inputs) < CHI2_95
    for group in (inputs[:, 0] > 0, inputs[:, 1] > 0, inputs[:, 2] > 0, inputs[:, 8] > 0):
        assert float(covered[group].float().mean()) == pytest.approx(0.95, abs=0.035)


def seen_by_a_camera(count: int, generator: torch.Generator):
    """Stated covariances of answers in an image, some of them far below the detector's noise."""
    root = torch.randn(count, 2, 2, generator=generator) * torch.exp(
        torch.randn(count, 1, 1, generator=generator)
    )
    return root @ root.mT, 0.5 + torch.rand(count, generator=generator)


def drawn_from(covariance: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    root = torch.linalg.cholesky(covariance)
    return (root @ torch.randn(len(covariance), 2, 1, generator=generator))[..., 0]


def test_the_factor_that_explains_a_residual_puts_it_on_the_ellipse():
    generator = torch.Generator().manual_seed(0)
    spread, noise = (value.double() for value in seen_by_a_camera(2000, generator))
    # Some of them all but flat.
    spread[:200] = spread[:200, :, :1] @ spread[:200, :, :1].mT + 1e-3 * torch.eye(2)
    residual = 4 * torch.randn(2000, 2, generator=generator).double()
    factor = factor_to_explain(residual, spread=spread, noise=noise)
    needed = factor > 0
    assert torch.equal(needed, residual.square().sum(-1) > PIXELS_95 * noise)
    total = factor[:, None, None] * spread + noise[:, None, None] * torch.eye(2)
    squared = (residual[:, None] @ torch.linalg.solve(total, residual[..., None]))[:, 0, 0]
    torch.testing.assert_close(
        squared[needed], torch.full_like(squared[needed], PIXELS_95), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("excess", [0.7, 1.0, 3.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_withheld_detections_tell_how_much_too_small_covariances_are(seed, excess):
    generator = torch.Generator().manual_seed(seed)
    inputs = described(40_000, generator)
    weight = torch.zeros(Calibrator.INPUTS)
    weight[[0, 1, 3]] = torch.tensor([0.7, 0.5, 1.0])
    spread, noise = seen_by_a_camera(len(inputs), generator)
    wrong_by = torch.exp(inputs @ weight)
    true = wrong_by[:, None, None] * spread + excess * noise[:, None, None] * torch.eye(2)
    calibrator = Calibrator()
    calibrator.fit_to_pixels(inputs, residual=drawn_from(true, generator), spread=spread, noise=noise)
    error = torch.log(calibrator(inputs) / wrong_by)
    for group in (inputs[:, 1] == 0, inputs[:, 1] > 0, inputs[:, 2] > 0):
        assert abs(float(error[group].mean())) < 0.15


def test_withheld_detections_never_make_a_covariance_smaller():
    generator = torch.Generator().manual_seed(0)
    inputs = described(20_000, generator)
    spread, noise = seen_by_a_camera(len(inputs), generator)
    true = 0.1 * spread + noise[:, None, None] * torch.eye(2)
    calibrator = Calibrator()
    calibrator.fit_to_pixels(inputs, residual=drawn_from(true, generator), spread=spread, noise=noise)
    assert float(calibrator(inputs).min()) > 0.9


def test_a_handful_of_withheld_detections_corrects_nothing(caplog):
    generator = torch.Generator().manual_seed(0)
    inputs = described(20, generator)
    spread, noise = seen_by_a_camera(20, generator)
    calibrator = Calibrator()
    calibrator.fit_to_pixels(inputs, residual=100 * torch.ones(20, 2), spread=spread, noise=noise)
    assert torch.equal(calibrator(inputs), torch.ones(20))
    assert "20 withheld detections" in caplog.text
