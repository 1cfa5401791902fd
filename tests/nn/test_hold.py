"""Held joints go where the actor goes."""

import torch

from mvmono3d.geometry.rigid import rotation_from_vector
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.hold import hold, nothing_held
from tests.learned import clip, frames_for, small_reconstructor

HIDDEN, FROM = 8, 10


def carried_evidence(shift: torch.Tensor, turn: torch.Tensor) -> Evidence:
    """The first frame's consensus moving as one rigid body; one joint lost from frame FROM on."""
    reconstructor = small_reconstructor()
    evidence = reconstructor.gather(frames_for(clip(0)))
    times = torch.arange(evidence.points.shape[1], dtype=torch.float32)
    rotation = rotation_from_vector(times[:, None] * turn)
    points = evidence.points[:, :1] @ rotation.mT + times[:, None, None] * shift
    solved = torch.ones_like(evidence.solved)
    solved[:, FROM:, HIDDEN] = False
    return evidence._replace(points=points, solved=solved)


def held(evidence: Evidence):
    nothing = nothing_held(batch=1, joints=evidence.points.shape[2], device=torch.device("cpu"))
    return hold(evidence, nothing, skeleton=small_reconstructor().skeleton)[0]


def test_a_hidden_joint_of_an_actor_that_moves_as_one_is_where_the_actor_takes_it():
    evidence = carried_evidence(torch.tensor([0.02, 0.01, 0.0]), torch.zeros(3))
    gap = (held(evidence).points - evidence.points)[:, :, HIDDEN].norm(dim=-1)
    assert gap.max() < 1e-3


def test_a_turning_actor_takes_its_hidden_joint_along():
    evidence = carried_evidence(torch.zeros(3), torch.tensor([0.0, 0.0, 0.03]))
    stood_still = (evidence.points[:, FROM - 1, HIDDEN] - evidence.points[:, -1, HIDDEN]).norm()
    gap = (held(evidence).points - evidence.points)[:, -1, HIDDEN].norm()
    # The actor's frame is smoothed and lags, the same before and after.
    assert gap < 0.2 * stood_still


def test_the_carry_of_a_rigid_motion_moves_its_points():
    evidence = carried_evidence(torch.tensor([0.02, 0.0, 0.01]), torch.zeros(3))
    carry = held(evidence).carry
    moved = type(carry)(*(value[:, 15] for value in carry)).along(evidence.points[:, 14])
    torch.testing.assert_close(moved, evidence.points[:, 15], rtol=0, atol=2e-3)


def test_ages_count_the_time_since_a_joint_was_solved():
    evidence = carried_evidence(torch.zeros(3), torch.zeros(3))
    ages = held(evidence).age_s[0, :, HIDDEN]
    expected = evidence.frames.time_step_s[0, FROM:].cumsum(0)
    torch.testing.assert_close(ages[FROM:], expected)
    assert torch.equal(ages[:FROM], torch.zeros(FROM))
