"""What constant answers the state loss wants."""

import torch

from mvmono3d.occlusion.loss import state_loss


def test_the_best_constant_answer_weighs_states_by_the_root_of_their_share():
    states = torch.tensor([0] * 64 + [1] * 25 + [2] * 9 + [3] * 2).reshape(1, 1, 100)
    best = torch.tensor([8.0, 5.0, 3.0, 2**0.5]).log()
    logits = best.expand(1, 1, 100, 4).clone().requires_grad_()
    loss = state_loss(logits, states, labelled=torch.ones(1, 1, 100, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(gradient.sum(2), torch.zeros(1, 1, 4), rtol=0, atol=1e-6)


def test_measurements_without_a_label_count_nothing():
    states = torch.tensor([[[0, 1, 2, 3]]])
    labelled = torch.tensor([[[True, True, False, False]]])
    logits = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    other = torch.where(labelled[..., None], logits, 5.0)
    assert state_loss(logits, states, labelled=labelled) == state_loss(other, states, labelled=labelled)
    assert state_loss(logits, states, labelled=torch.zeros_like(labelled)) == 0.0
