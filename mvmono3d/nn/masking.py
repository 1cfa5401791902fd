"""Hide measurements that were there: what a network learns to fill in without any label."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from mvmono3d.nn.evidence import Frames


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskSettings:
    """How much is hidden from a clip. Probabilities are per clip, spans in frames."""

    joint_spans: int
    """Joints hidden from all views for a span each, at most."""
    view_spans: int
    """(Joint, view) pairs hidden for a span each, at most."""
    longest_span: int
    drop_view: float
    """Probability that one view is silent all along."""
    drop_frames: float
    """Probability that all joints of some frames are hidden."""


def hide(frames: Frames, settings: MaskSettings, generator: Generator) -> Frames:
    """Return frames of axes (clip, time, …) with some detections taken away."""
    clips, times, views, joints = frames.detected.shape
    keep = torch.ones(clips, times, views, joints, dtype=torch.bool)
    for clip in range(clips):
        _hide_in_clip(keep[clip], settings, generator)
    detected = frames.detected & keep.to(frames.detected.device)
    confidence = torch.where(detected, frames.confidence, 0.0)
    return frames._replace(detected=detected, confidence=confidence)


def _hide_in_clip(
    keep: Bool[Tensor, "time view joint"], settings: MaskSettings, generator: Generator
) -> None:
    times, views, joints = keep.shape

    def draw(high: int) -> int:
        return int(torch.randint(high, (1,), generator=generator))

    def chance() -> float:
        return float(torch.rand(1, generator=generator))

    def span(longest: int) -> slice:
        length = 2 + draw(max(min(longest, times - 3) - 1, 1))
        start = 2 + draw(max(times - length - 1, 1))
        return slice(start, start + length)

    for _ in range(draw(settings.joint_spans + 1)):
        keep[span(settings.longest_span), :, draw(joints)] = False
    for _ in range(draw(settings.view_spans + 1)):
        keep[span(settings.longest_span), draw(views), draw(joints)] = False
    if chance() < settings.drop_view:
        keep[:, draw(views)] = False
    if chance() < settings.drop_frames:
        keep[span(min(6, settings.longest_span))] = False
