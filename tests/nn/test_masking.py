"""Masks take away and never add; equal generators make equal masks."""

import torch
from torch import Generator

from mvmono3d.nn.masking import MaskSettings, hide
from tests.learned import clip, frames_for

SETTINGS = MaskSettings(joint_spans=5, view_spans=8, longest_span=10, drop_view=0.5, drop_frames=0.5)


def hidden(seed: int) -> torch.Tensor:
    return hide(frames_for(clip(0), clip(1)), SETTINGS, Generator().manual_seed(seed)).detected


def test_hiding_never_adds_a_detection():
    whole = frames_for(clip(0), clip(1)).detected
    assert not (hidden(1) & ~whole).any()
    assert hidden(1).sum() < whole.sum()


def test_equal_generators_hide_the_same():
    assert torch.equal(hidden(3), hidden(3))
    assert not torch.equal(hidden(3), hidden(4))


def test_nothing_asked_nothing_hidden():
    none = MaskSettings(joint_spans=0, view_spans=0, longest_span=10, drop_view=0.0, drop_frames=0.0)
    frames = frames_for(clip(0))
    assert torch.equal(hide(frames, none, Generator().manual_seed(0)).detected, frames.detected)
