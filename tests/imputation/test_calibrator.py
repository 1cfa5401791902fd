"""The stated 95 % region holds 95 %, in every group that the calibrator can tell apart."""

import pytest
import torch

from mvmono3d.geometry.uncertainty import CHI2_95
from mvmono3d.imputation.calibrator import Calibrator


def described(count: int, generator: torch.Generator) -> torch.Tensor:
    """Plausible inputs: a third of the answers unmeasured, some of them for long."""
    inputs = torch.rand(count, Calibrator.INPUTS, generator=generator)
    inputs[:, 0] = 1.0
    inputs[:, 1] = (inputs[:, 1] < 0.3).float()
    inputs[:, 2] = inputs[:, 1] * (inputs[:, 2] < 0.5)
    inputs[:, 3] *= inputs[:, 1]
    inputs[:, 8] = (inputs[:, 8] < 0.05).float()
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
