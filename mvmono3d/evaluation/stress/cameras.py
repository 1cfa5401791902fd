"""What goes wrong with cameras: dead ones, lost frames, a rig that is no longer what it was."""

from dataclasses import replace
from math import radians

import numpy as np

from mvmono3d.core.array import Array
from mvmono3d.core.clip import Clip
from mvmono3d.data.augment import jitter_rig
from mvmono3d.evaluation.stress.silence import silence
from mvmono3d.synthetic.processes import bursts

_LOST_FRAMES = 3.0
"""Mean length of a gap in the frames."""


def kill_cameras(clip: Clip, random: np.random.Generator, *, cameras: int, since: float = 0.0) -> Clip:
    """Let some cameras die at a share of the clip's length; what they saw is UNKNOWN from then on."""
    frames, views, _ = clip.observations.detected.shape
    dead = np.zeros((frames, views, 1), dtype=bool)
    dead[round(since * frames) :, random.permutation(views)[:cameras]] = True
    return silence(clip, np.broadcast_to(dead, clip.observations.detected.shape))


def drop_frame_sets(clip: Clip, random: np.random.Generator, *, share: float) -> Clip:
    """Lose frame sets in bursts: they are gone, truth and times with them; the first one stays."""
    frames = len(clip.observations.time_ns)
    lost = bursts(random, (frames, 1), share=share, mean_frames=_LOST_FRAMES)[:, 0]
    lost[0] = False
    return take_frames(clip, ~lost)


def drop_single_frames(clip: Clip, random: np.random.Generator, *, share: float) -> Clip:
    """Lose frames of single cameras in bursts: those see nothing for a moment."""
    shape = clip.observations.detected.shape
    lost = bursts(random, shape[:2], share=share, mean_frames=_LOST_FRAMES)
    return silence(clip, np.broadcast_to(lost[..., None], shape))


def thin(clip: Clip, *, factor: int) -> Clip:
    """Keep every so many frame sets, as a slower camera would have."""
    return take_frames(clip, slice(None, None, factor))


def shift_cameras(
    clip: Clip, random: np.random.Generator, *, rotation_deg: float, translation_m: float, told: bool
) -> Clip:
    """Move the cameras away from what the rig says: standard deviations per axis, in camera axes.

    `told` says whether the rig's `pose_sigma` grows by it, or still states what it stated.
    """
    if rotation_deg == 0.0 and translation_m == 0.0:
        return clip
    moved = jitter_rig(clip, random, rotation_rad=radians(rotation_deg), translation_m=translation_m)
    if told:
        return moved
    return replace(moved, rig=replace(moved.rig, pose_sigma=clip.rig.pose_sigma))


def take_frames(clip: Clip, chosen: Array | slice) -> Clip:
    """Return the clip's chosen frame sets."""
    return replace(
        clip,
        observations=clip.observations.map(lambda array: array[chosen]),
        truth=None if clip.truth is None else clip.truth.map(lambda array: array[chosen]),
        occlusion=None if clip.occlusion is None else clip.occlusion.map(lambda array: array[chosen]),
    )


def frame_rate(clip: Clip) -> float:
    """Return the clip's frame sets per second, from their median distance."""
    time_ns = np.asarray(clip.observations.time_ns)
    gap = float(np.median(np.diff(time_ns))) if len(time_ns) > 1 else 0.0
    return 1e9 / gap if gap > 0 else 60.0
