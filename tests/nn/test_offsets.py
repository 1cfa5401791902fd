"""What a view is constantly off by is learned from agreement, and taken out."""

import numpy as np
import torch

from mvmono3d.data.augment import jitter_rig
from mvmono3d.nn.evidence import Frames, gather_evidence_in_bulk, normalise
from mvmono3d.nn.linearise import linearise, normal_equations, solve_equations, weighted
from mvmono3d.nn.offsets import no_offsets, take_out_offsets
from tests.learned import as_batch, clip, frames_for, small_reconstructor

LONG = 90


def opened(frames: Frames):
    units = small_reconstructor().units
    return gather_evidence_in_bulk(normalise(frames, unit_m=units.unit_m, noise_px=units.noise_px))


def nothing(frames: Frames):
    clips, _, views, joints = frames.detected.shape
    return no_offsets(batch=clips, views=views, joints=joints, device=torch.device("cpu"))


def from_two_views(frames: Frames, about: torch.Tensor) -> torch.Tensor:
    linearised = linearise(frames, about)
    pair = torch.tensor([1.0, 1.0, 0.0, 0.0])[:, None] * linearised.usable
    step = solve_equations(weighted(normal_equations(linearised), pair).sum(-3), precision=1e-3).step
    return about + step


def test_the_first_frame_has_no_past_to_learn_from():
    evidence = opened(frames_for(clip(0)))
    frames, _ = take_out_offsets(evidence, nothing(evidence.frames))
    assert torch.equal(frames.pixels[:, 0], evidence.frames.pixels[:, 0])


def test_the_future_does_not_change_the_past():
    evidence = opened(frames_for(clip(0)))
    blind = evidence._replace(confident=evidence.confident.clone())
    blind.confident[:, 12:] = False
    one, _ = take_out_offsets(evidence, nothing(evidence.frames))
    other, _ = take_out_offsets(blind, nothing(evidence.frames))
    assert torch.equal(one.pixels[:, :13], other.pixels[:, :13])


def test_two_views_come_nearer_to_what_four_say_on_a_rig_that_is_off():
    off = jitter_rig(clip(0, frames=LONG), np.random.default_rng(0), rotation_rad=4e-3, translation_m=0.0)
    evidence = opened(frames_for(off))
    frames, _ = take_out_offsets(evidence, nothing(evidence.frames))
    agreed = (evidence.agreeing == 4)[:, LONG // 2 :]
    gaps = [
        (from_two_views(each, evidence.points) - evidence.points).norm(dim=-1)[:, LONG // 2 :][agreed]
        for each in (evidence.frames, frames)
    ]
    assert gaps[1].median() < 0.85 * gaps[0].median()


def test_one_clip_at_once_equals_two_halves():
    evidence = opened(as_two := frames_for(clip(0)))
    assert as_two.pixels.shape[0] == 1
    whole, _ = take_out_offsets(evidence, nothing(evidence.frames))
    first, second = (_between(evidence, *ends) for ends in ((0, 12), (12, 24)))
    _, memory = take_out_offsets(first, nothing(evidence.frames))
    rest, _ = take_out_offsets(second, memory)
    torch.testing.assert_close(rest.pixels, whole.pixels[:, 12:])


def _between(evidence, start: int, stop: int):
    frames = Frames(*(value[:, start:stop] for value in evidence.frames))
    rest = {name: value[:, start:stop] for name, value in evidence._asdict().items() if name != "frames"}
    return type(evidence)(frames=frames, **rest)


def test_batches_do_not_mix():
    both, alone = opened(frames_for(clip(0), clip(2))), opened(frames_for(clip(2)))
    assert as_batch(clip(0)).observations.pixels.shape[0] == 1
    together, _ = take_out_offsets(both, nothing(both.frames))
    single, _ = take_out_offsets(alone, nothing(alone.frames))
    torch.testing.assert_close(together.pixels[1:], single.pixels)
