"""A rig that is off shows in what the joints of a view have in common."""

import torch

from mvmono3d.nn.held_features import HeldFeatures
from mvmono3d.nn.linearise import Linearised
from mvmono3d.nn.rig_doubt import RigDoubt, doubt_rig
from tests.learned import clip, frames_for, small_reconstructor


def looked_at(residual: torch.Tensor, offsets: torch.Tensor) -> RigDoubt:
    frames, views, joints, _ = residual.shape
    seen = Linearised(
        residual,
        torch.zeros(frames, views, joints, 2, 3),
        torch.ones(frames, views, joints, dtype=torch.bool),
        torch.ones(frames, views, joints),
        residual,
    )
    weights = torch.ones(frames, views, joints)
    return doubt_rig(seen, weights, step=torch.zeros(frames, joints, 3), offsets=offsets)


def test_what_joints_share_raises_doubt_and_what_each_errs_alone_hardly():
    generator = torch.Generator().manual_seed(0)
    alone = torch.randn(200, 4, 21, 2, generator=generator)
    shared = torch.randn(200, 4, 1, 2, generator=generator).expand_as(alone)
    by_chance, off = looked_at(alone, alone), looked_at(shared, shared)
    # Independent errors of variance 1: the mean over 21 joints has a 21st of it, per axis.
    assert torch.expm1(by_chance.common_offset).mean().isclose(torch.tensor(2 / 21), rtol=0.1)
    assert torch.expm1(by_chance.common_residual).mean().isclose(torch.tensor(1.0), rtol=0.1)
    assert torch.expm1(off.common_offset).mean().isclose(torch.tensor(2.0), rtol=0.15)
    assert torch.expm1(off.common_residual).mean().isclose(torch.tensor(21.0), rtol=0.15)
    torch.testing.assert_close(by_chance.offset_spread.mean(), off.offset_spread.mean(), rtol=0.2, atol=0.0)


def test_a_view_that_sees_nothing_doubts_nothing():
    reconstructor = small_reconstructor()
    frames = frames_for(clip(0))
    detected = frames.detected.clone()
    detected[:, :, 1] = False

    def doubts(views: list[int]) -> RigDoubt:
        fewer = frames._replace(
            **{
                name: getattr(frames, name)[:, :, views]
                for name in ("pixels", "confidence", "view_mask", "lens", "camera_from_world", "pose_sigma")
            },
            detected=detected[:, :, views],
        )
        evidence = reconstructor.gather(fewer)
        seen = HeldFeatures(skeleton=reconstructor.skeleton).of_recording(
            evidence, unit_m=reconstructor.units.unit_m
        )
        weights = seen.linearised.usable.float()
        step = torch.zeros_like(evidence.points)
        return doubt_rig(seen.linearised, weights, step=step, offsets=seen.offsets)

    for blind, without in zip(doubts([0, 1, 2, 3]), doubts([0, 2, 3]), strict=True):
        torch.testing.assert_close(blind, without)
