"""Take detections out of a clip, and keep its labels true."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from mvmono3d.core.array import Array
from mvmono3d.core.clip import Clip
from mvmono3d.core.observations import Observations
from mvmono3d.core.occlusion import OcclusionLabels, OcclusionState


def silence(clip: Clip, gone: Bool[Array, "time view joint"]) -> Clip:
    """Remove what a camera no longer sees at all: its joints become UNKNOWN."""
    return replace(
        clip,
        observations=forget(clip.observations, gone),
        occlusion=relabel(clip.occlusion, gone, OcclusionState.UNKNOWN),
    )


def forget(observations: Observations, gone: Bool[Array, "time view joint"]) -> Observations:
    """Return the observations without those detections."""
    seen = np.asarray(observations.detected) & ~gone
    return replace(
        observations,
        pixels=np.where(seen[..., None], observations.pixels, np.zeros_like(observations.pixels)),
        confidence=np.where(seen, observations.confidence, np.zeros_like(observations.confidence)),
        detected=seen,
    )


def relabel(
    labels: OcclusionLabels | None, where: Bool[Array, "time view joint"], state: OcclusionState
) -> OcclusionLabels | None:
    """Return the labels with that state where it is known now."""
    if labels is None:
        return None
    changed = np.where(where, np.asarray(state, dtype=labels.state.dtype), labels.state)
    return OcclusionLabels(state=changed, labelled=np.asarray(labels.labelled) | where)
