"""What each clip's likelihood is taken from."""

import torch

from mvmono3d.imputation.loss import likelihood_loss

CLIPS, TIMES, JOINTS = 2, 5, 3


def loss_of(independent: list[bool], *, points: torch.Tensor) -> torch.Tensor:
    hidden = torch.zeros(CLIPS, TIMES, JOINTS, dtype=torch.bool)
    hidden[:, 2] = True
    return likelihood_loss(
        points,
        torch.eye(3).expand(CLIPS, TIMES, JOINTS, 3, 3),
        target=torch.zeros(CLIPS, TIMES, JOINTS, 3),
        target_variance=torch.zeros(CLIPS, TIMES, JOINTS),
        reliable=torch.ones(CLIPS, TIMES, JOINTS, dtype=torch.bool),
        hidden=hidden,
        independent=torch.tensor(independent),
    )


def test_of_a_dependent_target_only_hidden_joints_are_compared():
    points = torch.zeros(CLIPS, TIMES, JOINTS, 3)
    points[1, 0] = 4.0
    clean = loss_of([True, False], points=torch.zeros_like(points))
    assert torch.equal(loss_of([True, False], points=points), clean)
    assert loss_of([True, True], points=points) > loss_of([True, True], points=torch.zeros_like(points))
    hidden = torch.zeros_like(points)
    hidden[1, 2] = 4.0
    assert loss_of([True, False], points=hidden) > clean
