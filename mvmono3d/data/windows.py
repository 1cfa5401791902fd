"""Short windows of equal length from long clips."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mvmono3d.core.array import Array
from mvmono3d.core.clip import Clip
from mvmono3d.errors import ConfigurationError

_GAP = 1.5
"""Two frames further apart than this many usual frame times are not neighbours."""


def cut_frames(clip: Clip, start: int, stop: int) -> Clip:
    """Return the clip from frame `start` up to, without, frame `stop`."""

    def cut(array: Array) -> Array:
        return array[start:stop]

    return replace(
        clip,
        observations=clip.observations.map(cut),
        truth=clip.truth and clip.truth.map(cut),
        occlusion=clip.occlusion and clip.occlusion.map(cut),
    )


def windows(clip: Clip, *, frames: int, stride: int) -> Iterator[Clip]:
    """Yield every window of `frames` frames, `stride` frames apart, that no gap in time interrupts."""
    if frames < 1 or stride < 1:
        raise ConfigurationError(f"windows of {frames} frames every {stride} frames; expected 1 or more")
    step_ns: np.ndarray = np.diff(np.asarray(clip.observations.time_ns, dtype=np.float64))
    interrupted = step_ns > _GAP * np.median(step_ns) if len(step_ns) else step_ns
    for start in range(0, len(clip.observations.time_ns) - frames + 1, stride):
        if not interrupted[start : start + frames - 1].any():
            yield cut_frames(clip, start, start + frames)
