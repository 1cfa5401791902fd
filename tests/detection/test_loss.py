"""What the losses ask for, and what they must not look at."""

import torch

from mvmono3d.detection.heatmap import STRIDE, expected_pixels, probabilities, target_maps
from mvmono3d.detection.loss import detection_losses
from mvmono3d.detection.net import JointMaps

SIZE, JOINTS, CROPS = 64, 3, 2
CELLS = SIZE // STRIDE


def _found(logits: torch.Tensor, *, log_sigma: float = 0.0) -> JointMaps:
    pixels, _ = expected_pixels(probabilities(logits))
    return JointMaps(logits, pixels, torch.full((CROPS, JOINTS), log_sigma), torch.zeros(CROPS, JOINTS))


def _labels() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(2)
    pixels = 20.0 + 24.0 * torch.rand(CROPS, JOINTS, 2, generator=random)
    return pixels, torch.ones(CROPS, JOINTS, dtype=torch.bool)


def _losses(found: JointMaps, pixels: torch.Tensor, labelled: torch.Tensor):
    return detection_losses(found, pixels, labelled=labelled, visible=labelled, visible_known=labelled)


def test_maps_of_the_truth_cost_the_least():
    pixels, labelled = _labels()
    right = target_maps(pixels, rows=CELLS, columns=CELLS, sigma_px=1.25 * STRIDE).clamp(min=1e-12).log()
    wrong = right.roll(2, dims=-1)
    blank = torch.zeros_like(right)
    costs = [_losses(_found(logits), pixels, labelled) for logits in (right, wrong, blank)]
    assert costs[0].maps < min(costs[1].maps, costs[2].maps)
    assert costs[0].error_px < 0.05
    assert costs[0].place < min(costs[1].place, costs[2].place)


def test_an_error_of_the_stated_size_is_the_cheapest_statement():
    pixels, labelled = _labels()
    shifted = target_maps(pixels + 2.0, rows=CELLS, columns=CELLS, sigma_px=STRIDE).clamp(min=1e-12).log()
    costs = [
        float(_losses(_found(shifted, log_sigma=log_sigma), pixels, labelled).place)
        for log_sigma in (-1.0, 0.7, 3.0)
    ]
    assert costs[1] == min(costs)


def test_joints_without_a_label_or_outside_the_crop_teach_nothing():
    pixels, labelled = _labels()
    labelled[0, 0] = False
    pixels[1, 2] = SIZE + 30.0
    logits = torch.zeros(CROPS, JOINTS, CELLS, CELLS, requires_grad=True)
    losses = _losses(_found(logits), pixels, labelled)
    (gradient,) = torch.autograd.grad(losses.maps + losses.place, logits)
    moved = gradient.abs().sum((-2, -1)) > 0
    assert moved.tolist() == [[False, True, True], [True, True, False]]


def test_nothing_labelled_costs_nothing():
    pixels, labelled = _labels()
    losses = _losses(_found(torch.zeros(CROPS, JOINTS, CELLS, CELLS)), pixels, torch.zeros_like(labelled))
    assert [float(value) for value in losses] == [0.0, 0.0, 0.0, 0.0]
