"""How fast a method finds a joint again after an occlusion. Numpy only: it walks through time."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array

VISIBLE_VIEWS = 2
"""A joint seen by fewer views can't be triangulated: it is hidden."""
_LEVEL_VIEWS = 3
_SHORTEST_HIDDEN = 6
_SHORTEST_SEEN = 20


class Episode(NamedTuple):
    """A joint that came back: hidden over [start, end), seen from `end` on."""

    joint: int
    start: int
    end: int


class Recovery(NamedTuple):
    """Frames each episode took, and the error level that ended it (metres)."""

    frames: Int[Array, " episode"]
    level_m: float


def occlusion_episodes(visible_views: Int[Array, "time joint"]) -> list[Episode]:
    """Find the occlusions that can be judged.

    A joint is hidden (fewer than two views truly see it) for six frames or more, and then seen for
    twenty frames without a break.
    """
    hidden = np.asarray(visible_views) < VISIBLE_VIEWS
    found = []
    for joint in range(hidden.shape[1]):
        for start, end in _runs(hidden[:, joint]):
            after = hidden[end : end + _SHORTEST_SEEN, joint]
            if end - start >= _SHORTEST_HIDDEN and len(after) == _SHORTEST_SEEN and not after.any():
                found.append(Episode(joint=joint, start=start, end=end))
    return found


def visible_level(
    error: Float[Array, "time joint"],
    visible_views: Int[Array, "time joint"],
    *,
    counts: Bool[Array, "time joint"],
) -> float:
    """Return the method's median error on joints that three views or more truly see; 0 without any."""
    seen = np.asarray(counts) & (np.asarray(visible_views) >= _LEVEL_VIEWS)
    return float(np.median(np.asarray(error)[seen])) if seen.any() else 0.0


def recovery_frames(
    error: Float[Array, "time joint"],
    visible_views: Int[Array, "time joint"],
    *,
    counts: Bool[Array, "time joint"],
    horizon: int = 60,
    level_m: float | None = None,
    wanted: Bool[Array, "time joint"] | None = None,
) -> Recovery:
    """Count frames from the end of each occlusion until the error is within a level.

    `level_m` is twice the method's own visible level unless given: an absolute one compares methods. 0 means
    that the joint was right at once. A frame without an answer is not right. An episode that never gets
    there within the horizon (or before the clip ends) counts the horizon. Where `wanted` says that a joint
    has no truth right after it came back, nobody can judge: such an episode is left out.
    """
    level = 2.0 * visible_level(error, visible_views, counts=counts) if level_m is None else level_m
    right = np.asarray(counts) & (np.asarray(error) <= level)
    frames = []
    for episode in occlusion_episodes(visible_views):
        if wanted is not None and not wanted[episode.end : episode.end + _SHORTEST_SEEN, episode.joint].all():
            continue
        after = right[episode.end : episode.end + horizon, episode.joint]
        frames.append(int(np.argmax(after)) if after.any() else horizon)
    return Recovery(frames=np.array(frames, dtype=np.int64), level_m=level)


def frames_unseen(visible_views: Int[Array, "time joint"]) -> Int[Array, "time joint"]:
    """Count how many frames ago two views or more last saw each joint (0: now); from the clip's start on."""
    hidden = np.asarray(visible_views) < VISIBLE_VIEWS
    ages = np.zeros(hidden.shape, dtype=np.int64)
    running = np.zeros(hidden.shape[1], dtype=np.int64)
    for frame, row in enumerate(hidden):
        running = np.where(row, running + 1, 0)
        ages[frame] = running
    return ages


def _runs(flags: Bool[Array, " time"]) -> Iterator[tuple[int, int]]:
    edges = np.diff(np.concatenate([[0], flags.astype(np.int64), [0]]))
    yield from zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True)
