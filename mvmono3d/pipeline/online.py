"""The reconstructor one frame set at a time: what a live loop calls."""

import torch

from mvmono3d.nn.evidence import Frames
from mvmono3d.nn.grouping import at_time
from mvmono3d.pipeline.answer import Answer
from mvmono3d.pipeline.reconstructor import Reconstructor
from mvmono3d.pipeline.state import State


@torch.no_grad()
def reconstruct_frame(reconstructor: Reconstructor, frames: Frames, state: State) -> tuple[Answer, State]:
    """Reconstruct one frame set (axes: clip, view, joint); equal to the same frame within a clip."""
    clip = Frames(*(value[:, None] for value in frames))
    answer, _, state = reconstructor(reconstructor.gather(clip), state)
    return at_time(answer, 0), state
