"""Two actors before the virtual rig. Imports the renderer: for the virtual rig's own process alone.

Each does what it would do alone, carried along a path of its own: two hands come together, overlap and part,
two people walk past each other.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from mvmono3d.core.npz import write_npz
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.cameras.sources import MEETINGS, VirtualSource
from mvmono3d.deploy.cameras.virtual_truth import ARRAYS, OTHERS_FILE, rig_path, take_folder
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.actors import Staged, stage
from mvmono3d.synthetic.props import NO_PROPS
from mvmono3d.synthetic.render.look import draw_look
from mvmono3d.synthetic.render.renderer import Picture, Renderer, RenderSettings, exposure_times
from mvmono3d.synthetic.render.take import Pictures, Take, write_take
from mvmono3d.synthetic.render.truth import FrameTruth

_NEAR_M, _FAR_M, _BEAT_S = 0.05, 0.26, 3.0
"""Between the middles of two hands, and how long they take to come together and part."""
_ASIDE_M, _ALONG_M, _WALK_S = 0.35, 0.9, 6.0
"""Half the distance at which people pass each other, how far they walk to either side, and for how long."""


def meeting_pictures(source: VirtualSource, *, rate_hz: float, exposure_ns: int) -> Pictures:
    """Return the renderer of a scene of `MEETINGS`; raises `ConfigurationError` where no camera sees it."""
    frames = max(2, round(source.seconds * rate_hz))
    settings = RenderSettings(
        samples=1 if source.live else 3, fineness=0.6 if source.live else 0.75, threads=2
    )
    times = exposure_times(frames, rate_hz=rate_hz, exposure_s=exposure_ns * 1e-9, samples=settings.samples)
    skeleton = load_skeleton(source.skeleton or MEETINGS[source.scene])
    looks = [
        replace(draw_look(seed), skin=0.55, background=0.06, sleeve=0.7)
        for seed in (source.seed, source.seed + 1)
    ]
    staged = stage_meeting(skeleton, times, scene=source.scene, seed=source.seed)
    made = Renderer(staged, read_rig(rig_path(source)), looks=looks, settings=settings)
    if any(each.state.min() == 3 for each in made.truth(0)):
        raise ConfigurationError(
            f"virtual scene {source.scene!r} is not seen whole by the rig: expected a rig round the world's "
            "origin; scene 'people' needs one of the size of a room"
        )
    return made


def rendered_meeting(
    source: VirtualSource,
    *,
    rate_hz: float,
    exposure_ns: int,
    progress: Callable[[int, int], None] | None = None,
) -> Take:
    """Return the take of a meeting from the user's cache, rendered first where it isn't there."""
    folder = take_folder(source, rate_hz=rate_hz, exposure_ns=exposure_ns)
    if (folder / "index.npz").is_file() and (folder / OTHERS_FILE).is_file():
        return Take(folder)
    pictures = _Remembered(meeting_pictures(source, rate_hz=rate_hz, exposure_ns=exposure_ns))
    take = write_take(folder, pictures, progress=progress)
    write_npz(folder / OTHERS_FILE, pictures.others)
    return take


def stage_meeting(
    skeleton: Skeleton, time_s: Float[np.ndarray, " time"], *, scene: str, seed: int
) -> list[Staged]:
    """Return both actors of a scene of `MEETINGS`, at any times from 0 on [s]."""
    level = scene == "people"
    paths = _passing(time_s) if level else _touching(time_s, seed)
    staged = []
    for actor, path in enumerate(paths):
        own = seed * 2 + actor
        alone = stage(skeleton, time_s, seed=own, subject=own, props=NO_PROPS)
        staged.append(_carried(alone, path, level=level))
    return staged


def _touching(time_s: np.ndarray, seed: int) -> Float[np.ndarray, "actor time 3"]:
    apart = _NEAR_M + (_FAR_M - _NEAR_M) * (0.5 + 0.5 * np.cos(2.0 * np.pi * time_s / _BEAT_S))
    turn = 0.7 * seed + 0.4 * np.sin(0.7 * time_s)
    half = 0.5 * apart[:, None] * np.stack([np.cos(turn), np.sin(turn), 0.2 * np.sin(0.9 * time_s)], axis=-1)
    return np.stack([-half, half])


def _passing(time_s: np.ndarray) -> Float[np.ndarray, "actor time 3"]:
    along = _ALONG_M * np.cos(2.0 * np.pi * time_s / _WALK_S)
    one = np.stack([along, np.full_like(along, _ASIDE_M), np.zeros_like(along)], axis=-1)
    return np.stack([one, -one])


def _carried(alone: Staged, path: Float[np.ndarray, "time 3"], *, level: bool) -> Staged:
    """Put an actor's middle on a path; `level` keeps its height."""
    shift = (path - alone.performance.centre_world) * np.array([1.0, 1.0, 0.0 if level else 1.0])
    scene, flesh, moved = alone.scene, alone.scene.capsules, shift[:, None]
    capsules = replace(flesh, start_world=flesh.start_world + moved, end_world=flesh.end_world + moved)
    performance = alone.performance._replace(
        points_world=alone.performance.points_world + moved,
        centre_world=alone.performance.centre_world + shift,
    )
    return Staged(replace(scene, points_world=scene.points_world + moved, capsules=capsules), performance)


class _Remembered:
    """Pictures, and what was true of all actors but the first in each frame that was asked about in order."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures, self._told = pictures, list[tuple[FrameTruth, ...]]()
        self.frames, self.empty = pictures.frames, pictures.empty

    def frame(self, index: int) -> Picture:
        """See `Pictures`."""
        return self._pictures.frame(index)

    def truth(self, index: int) -> tuple[FrameTruth, ...]:
        """See `Pictures`."""
        found = self._pictures.truth(index)
        self._told.append(found[1:])
        return found

    @property
    def others(self) -> dict[str, np.ndarray]:
        """Return the arrays of a truth, with a first axis of actors."""
        return {
            name: np.stack([[getattr(one, name) for one in told] for told in self._told], axis=1)
            for name in ARRAYS
        }
