"""Confidence: surer and better seen is never less."""

import torch

from mvmono3d.detection.confidence import confidence


def test_it_is_a_share_and_falls_with_the_error_and_rises_with_visibility():
    log_sigma = torch.linspace(-3.0, 6.0, 50)
    visible = torch.linspace(-8.0, 8.0, 40)
    values = confidence(log_sigma[:, None].expand(50, 40), visible.expand(50, 40), size=128)
    assert ((values >= 0.0) & (values <= 1.0)).all()
    assert (values.diff(dim=0) <= 1e-6).all()
    assert (values.diff(dim=1) >= -1e-6).all()
    assert values[0, -1] > 0.99
    assert values[-1].max() < 0.01
    assert 0.25 < values[0, 0] < 0.35


def test_the_same_crop_in_another_size_is_as_sure():
    small = confidence(torch.tensor([0.5]), torch.tensor([1.0]), size=128)
    large = confidence(torch.tensor([0.5]) + torch.log(torch.tensor(2.0)), torch.tensor([1.0]), size=256)
    torch.testing.assert_close(small, large)
