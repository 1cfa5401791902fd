"""The information filter is a Kalman filter where nothing is robust, and robust where it should be."""

import pytest
import torch

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.imputation.bones import BoneConstancy, BoneMemory
from mvmono3d.imputation.filter import Dynamics, Motion, gate, moved_to, predict, restarted, update
from mvmono3d.nn.linearise import Linearised, normal_equations
from tests.learned import SKELETON


def measurement(jacobian: torch.Tensor, residual: torch.Tensor) -> Linearised:
    usable = torch.ones(jacobian.shape[:-2], dtype=torch.bool)
    return Linearised(residual, jacobian, usable, torch.ones(jacobian.shape[:-2]), residual)


def example() -> tuple[Motion, Linearised, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(1, 2, 6, 6, generator=generator)
    whole = factor @ factor.mT + 0.5 * torch.eye(6)
    mean, velocity = torch.randn(2, 1, 2, 3, generator=generator)
    motion = Motion(mean, velocity, whole[..., :3, :3], whole[..., :3, 3:], whole[..., 3:, 3:])
    jacobian = torch.randn(1, 4, 2, 2, 3, generator=generator)
    residual = torch.randn(1, 4, 2, 2, generator=generator)
    return motion, measurement(jacobian, residual), torch.zeros(1, 2, 3)


def test_an_update_is_the_textbook_kalman_update():
    motion, seen, reference = example()
    weights = torch.full((1, 4, 2), 0.25)
    posterior = update(
        motion,
        normal_equations(seen),
        weights,
        reference=reference,
        guess=reference,
        guess_precision=torch.zeros(1, 2),
    )
    moved = moved_to(motion, follow=posterior.follow, points=posterior.mean, covariance=posterior.covariance)
    for joint in range(2):
        prior, mean = whole_state(motion, joint)
        rows = torch.cat([seen.jacobian[0, :, joint].reshape(8, 3), torch.zeros(8, 3)], dim=-1).double()
        values = seen.residual[0, :, joint].reshape(8).double()
        innovation = rows @ prior @ rows.T + 4.0 * torch.eye(8).double()
        gain = prior @ rows.T @ torch.linalg.inv(innovation)
        covariance, found = whole_state(moved, joint)
        torch.testing.assert_close(found, mean + gain @ (values - rows @ mean), rtol=1e-3, atol=1e-3)
        left = (torch.eye(6).double() - gain @ rows) @ prior
        torch.testing.assert_close(covariance, left, rtol=1e-2, atol=2e-3)


def whole_state(motion: Motion, joint: int) -> tuple[torch.Tensor, torch.Tensor]:
    blocks = [block[0, joint].double() for block in motion]
    mean, velocity, covariance, cross, velocity_covariance = blocks
    upper, lower = torch.cat([covariance, cross], dim=1), torch.cat([cross.T, velocity_covariance], dim=1)
    return torch.cat([upper, lower]), torch.cat([mean, velocity])


def test_prediction_is_the_textbook_kalman_prediction_while_the_velocity_lasts():
    motion, _, _ = example()
    joints, step = torch.ones(1, 2), 1 / 30
    dynamics = Dynamics(9.0 * joints, 0.01 * joints, joints, 0.0 * joints, 3.0 * joints)
    moved = predict(motion, dynamics, carried=motion.mean, time_step_s=torch.tensor([step]))
    transition = torch.eye(6).double()
    transition[:3, 3:] = step * torch.eye(3)
    shape = torch.tensor([[step**4 / 4, step**3 / 2], [step**3 / 2, step**2]]).double()
    noise = torch.kron(9.0 * shape, torch.eye(3).double())
    noise[:3, :3] += 0.02 * torch.eye(3)
    for joint in range(2):
        covariance, mean = whole_state(motion, joint)
        grown, ahead = whole_state(moved, joint)
        torch.testing.assert_close(ahead, transition @ mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            grown, transition @ covariance @ transition.T + noise, rtol=1e-4, atol=1e-5
        )


def test_a_velocity_that_fades_moves_about_as_far_at_any_rate():
    joints = torch.ones(1, 2)
    dynamics = Dynamics(0.0 * joints, 0.01 * joints, 0.9 * joints, 0.0 * joints, 3.0 * joints)
    motion, _, _ = example()
    once = predict(motion, dynamics, carried=motion.mean, time_step_s=torch.tensor([1 / 30]))
    twice = motion
    for _ in range(2):
        twice = predict(twice, dynamics, carried=twice.mean, time_step_s=torch.tensor([1 / 60]))
    torch.testing.assert_close(once.mean, twice.mean, rtol=0.0, atol=5e-4)
    torch.testing.assert_close(once.velocity, twice.velocity)
    torch.testing.assert_close(once.covariance, twice.covariance, rtol=1e-2, atol=1e-2)


def test_the_gate_lowers_far_measurements_and_leaves_near_ones():
    jacobian = torch.eye(3)[:2].expand(1, 2, 1, 2, 3)
    residual = torch.tensor([[[[0.0, 0.0]], [[50.0, 0.0]]]])
    still, none = torch.zeros(1, 1, 3), torch.zeros(1, 1, 3, 3)
    motion = Motion(still, still, torch.eye(3).expand(1, 1, 3, 3), none, none)
    seen = measurement(jacobian, residual)
    gated = gate(
        torch.ones(1, 2, 1),
        seen,
        motion,
        equations=normal_equations(seen),
        reference=torch.zeros(1, 1, 3),
        degrees=torch.full((1, 1), 2.0),
    )
    assert gated[0, 0, 0] == 1.0
    assert gated[0, 1, 0] < 1e-3


def test_bones_learn_their_length_and_hold_an_uncertain_joint_to_it():
    skeleton = load_skeleton(SKELETON)
    bones = BoneConstancy(skeleton=skeleton, sweeps=20, tolerance=1e-6)
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(1, len(skeleton.joints), 3, generator=generator)
    memory = bones.start(torch.full((1, len(skeleton.bones)), 0.25))
    measured = torch.full((1, len(skeleton.joints)), 1e-5)
    free = torch.tensor([[-1.0], [1.0]]).repeat(1, len(skeleton.bends))
    for _ in range(5):
        points, memory = bones(points, variance=measured, memory=memory, bend_cosines=free)
    lengths = memory.length / memory.weight
    moved = points.clone()
    moved[:, 8] += 0.5
    uncertain = measured.clone()
    uncertain[:, 8] = 1.0
    held, _ = bones(moved, variance=uncertain, memory=memory, bend_cosines=free)
    tip = [child for _, child in skeleton.bones].index(8)
    before = (bone_lengths(moved, skeleton) - lengths)[0, tip].abs()
    after = (bone_lengths(held, skeleton) - lengths)[0, tip].abs()
    assert after < 0.1 * before
    # The joints that are measured well stay where they are.
    others = [joint for joint in range(len(skeleton.joints)) if joint != 8]
    assert (held - moved)[:, others].norm(dim=-1).max() < 1e-2


def test_a_joint_bent_past_its_limit_comes_back_within_and_one_within_stays():
    skeleton = load_skeleton(SKELETON)
    bones = BoneConstancy(skeleton=skeleton, sweeps=60, tolerance=1e-6)
    bend = next(place for place, (_, outer) in enumerate(skeleton.bends) if skeleton.bones[outer][1] == 8)
    (start, middle), (_, end) = (skeleton.bones[bone] for bone in skeleton.bends[bend])
    assert end == 8
    points = torch.randn(1, len(skeleton.joints), 3, generator=torch.Generator().manual_seed(0))
    lengths = bone_lengths(points, skeleton)
    memory = BoneMemory(lengths * 1e6, torch.full_like(lengths, 1e6))
    variance = torch.full((1, len(skeleton.joints)), 1e-9)
    variance[:, end] = 1.0
    limits = torch.tensor([[-1.0], [1.0]]).repeat(1, len(skeleton.bends))

    def cosine(at: torch.Tensor) -> float:
        return float(torch.cosine_similarity(at[0, middle] - at[0, start], at[0, end] - at[0, middle], dim=0))

    now = cosine(points)
    stays, _ = bones(points, variance=variance, memory=memory, bend_cosines=limits)
    torch.testing.assert_close(stays, points, rtol=0, atol=1e-3)
    limits[0, bend] = now + 0.3
    back, _ = bones(points, variance=variance, memory=memory, bend_cosines=limits)
    assert abs(cosine(back) - (now + 0.3)) < 0.05


def test_a_restarted_joint_begins_anew_even_from_broken_numbers():
    motion, _, reference = example()
    broken = Motion(*(block.index_fill(1, torch.tensor([1]), torch.nan) for block in motion))
    which = torch.tensor([[False, True]])
    anew = restarted(broken, where=which, points=reference, covariance=torch.eye(3).expand(1, 2, 3, 3))
    for kept, block in zip(anew, motion, strict=True):
        assert torch.equal(kept[:, 0], block[:, 0])
        assert torch.isfinite(kept).all()
    assert torch.equal(anew.mean[:, 1], reference[:, 1])


@pytest.mark.parametrize("seed", range(5))
def test_sweeps_onto_bones_never_amplify_however_uncertain_a_joint_of_many_bones(seed):
    skeleton = load_skeleton(SKELETON)
    generator = torch.Generator().manual_seed(seed)
    wrist, truth = skeleton.root, torch.zeros(1, len(skeleton.joints), 3)
    for joint in skeleton.order[1:]:
        step = torch.tensor([0.3, 0.0, 0.0]) + 0.1 * torch.randn(3, generator=generator)
        truth[:, joint] = truth[:, skeleton.parents[joint]] + step
    bones = BoneConstancy(skeleton=skeleton, sweeps=8, tolerance=1e-6)
    length = bone_lengths(truth, skeleton)
    variance = torch.full((1, len(skeleton.joints)), 1e-4)
    variance[:, wrist] = 1.0
    points = truth.clone()
    points[:, wrist] += 0.5 * torch.randn(3, generator=generator)
    found, _ = bones(
        points,
        variance=variance,
        memory=BoneMemory(1e3 * length, torch.full_like(length, 1e3)),
        bend_cosines=torch.tensor([[-1.0], [1.0]]).expand(2, len(skeleton.bends)),
    )
    before, after = ((bone_lengths(each, skeleton) - length).norm() for each in (points, found))
    assert after < 0.8 * before
