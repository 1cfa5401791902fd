"""Several actors in one scene: people who cross, two hands that grasp each other.

Each actor does what it would do alone, carried along a path of its own; its flesh hides the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.actors import make_scene
from mvmono3d.synthetic.hand import HAND_JOINTS, Side, hand_model
from mvmono3d.synthetic.occlusion import occluded_by
from mvmono3d.synthetic.processes import bursts
from mvmono3d.synthetic.props import NO_PROPS
from mvmono3d.synthetic.scene import Capsules, Scene
from mvmono3d.synthetic.streams import generator

ROOM_M = 1.3
"""People walk within this distance from the middle of the room."""
_SHOULDERS_M = 0.5
"""Two people keep this distance between their middles."""
_FOLLOW_S = 0.5


class Meeting(StrEnum):
    """What several actors do with each other."""

    CROSSING = "crossing"
    """Bodies walk through one room and pass each other at arm's length."""
    GRASPING = "grasping"
    """A left and a right hand come together, hold each other, and part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdSettings:
    """Who meets, and for how long each of them is there."""

    meeting: Meeting = Meeting.CROSSING
    actors: int = 2
    absent_share: float = 0.0
    """Share of the time in which an actor has left the room; the first one stays."""
    absent_s: float = 3.0
    """Mean length of an absence."""
    nearest_m: float = 0.05
    """Least distance of two grasping hands' wrists."""

    def __post_init__(self) -> None:
        if self.actors < 1 or (self.meeting is Meeting.GRASPING and self.actors != 2):
            raise ConfigurationError(
                f"CrowdSettings: {self.actors} actors for {self.meeting.value}, expected 2 hands, or 1 body "
                "or more"
            )


class Crowd(NamedTuple):
    """The scenes of all actors, each among the others."""

    scenes: tuple[Scene, ...]
    present: Bool[Array, "actor time"]
    """False while an actor has left."""
    right: Bool[Array, " actor"]
    """Which actors are right hands; false for bodies."""


def make_crowd(
    skeleton: Skeleton, settings: CrowdSettings, *, frames: int, rate_hz: float, seed: int
) -> Crowd:
    """Draw the actors' motion; equal arguments give equal scenes."""
    grasping = settings.meeting is Meeting.GRASPING
    if grasping and not set(skeleton.joints) <= set(HAND_JOINTS):
        raise ConfigurationError(f"skeleton {skeleton.name!r} can't grasp: expected a hand's joints")
    time_s = np.arange(frames) / rate_hz
    paths = _grasping(time_s, settings, seed) if grasping else _crossing(time_s, settings, seed)
    subjects = _subjects(settings, seed)
    scenes = []
    for actor, (subject, path) in enumerate(zip(subjects, paths, strict=True)):
        alone = make_scene(
            skeleton,
            frames=frames,
            rate_hz=rate_hz,
            seed=seed * 101 + actor,
            subject=subject,
            props=NO_PROPS,
        )
        scenes.append(_carried(alone, path, root=(skeleton.root,) if grasping else skeleton.torso))
    right = [grasping and _side(subject) is Side.RIGHT for subject in subjects]
    return Crowd(tuple(scenes), _present(settings, time_s, seed), np.array(right))


def hidden_in_crowd(
    crowd: Crowd, actor: int, centres_world: Float[Array, "view 3"], *, contact_tolerance_m: float
) -> Int[Array, "time view joint"]:
    """Return the occlusion states of an actor's joints: the others are objects to it, while present."""
    scene = crowd.scenes[actor]
    state = occluded_by(scene, centres_world, contact_tolerance_m=contact_tolerance_m)
    for other, flesh in enumerate(crowd.scenes):
        if other == actor:
            continue
        touches = np.zeros((scene.points_world.shape[1], len(flesh.capsules.radius_m)), dtype=bool)
        among = replace(scene, capsules=replace(flesh.capsules, touches=touches))
        behind = occluded_by(among, centres_world, contact_tolerance_m=contact_tolerance_m) != 0
        behind &= crowd.present[other][:, None, None]
        state = np.where((state == 0) & behind, np.int8(2), state)
    return state


def _carried(scene: Scene, path: Float[Array, "time 3"], *, root: Sequence[int]) -> Scene:
    """Put the scene's root on a path; a path without height keeps the scene's own."""
    middle = scene.points_world[:, list(root)].mean(axis=1)
    shift = path - np.where(np.isfinite(path), middle, 0.0)
    shift = np.where(np.isfinite(shift), shift, 0.0)[:, None]
    flesh = scene.capsules
    return replace(
        scene,
        points_world=scene.points_world + shift,
        capsules=Capsules(
            start_world=flesh.start_world + shift,
            end_world=flesh.end_world + shift,
            radius_m=flesh.radius_m,
            touches=flesh.touches,
        ),
    )


def _crossing(
    time_s: Float[Array, " time"], settings: CrowdSettings, seed: int
) -> Float[Array, "actor time 3"]:
    rng = generator(seed, "crowd paths")
    period = rng.uniform(5.0, 9.0, (settings.actors, 2, 1))
    phase = rng.uniform(0.0, 2.0 * np.pi, (settings.actors, 2, 1))
    wanted = ROOM_M / np.sqrt(2.0) * np.sin(2.0 * np.pi * time_s / period + phase)
    place = _walked(np.moveaxis(wanted, -1, 0), time_s)
    height = np.full((*place.shape[:2], 1), np.inf)
    return np.moveaxis(np.concatenate([place, height], axis=2), 1, 0)


def _walked(wanted: Float[Array, "time actor 2"], time_s: Float[Array, " time"]) -> Array:
    """Follow the wanted places, but step aside for each other."""
    place, now = np.empty_like(wanted), wanted[0]
    keep = np.exp(-np.diff(time_s, prepend=time_s[0] - 1.0) / _FOLLOW_S)
    for frame, there in enumerate(wanted):
        now = there + (now - there) * keep[frame]
        for _ in range(6):
            now = _apart(now)
        place[frame] = now
    return place


def _apart(place: Float[Array, "actor 2"]) -> Float[Array, "actor 2"]:
    """Push people who are too near to each other apart."""
    between = place[:, None] - place
    far = np.linalg.norm(between, axis=-1, keepdims=True)
    push = 0.5 * np.maximum(_SHOULDERS_M - far, 0.0) * between / np.maximum(far, 1e-6)
    return place + push.sum(axis=1)


def _grasping(
    time_s: Float[Array, " time"], settings: CrowdSettings, seed: int
) -> Float[Array, "actor time 3"]:
    rng = generator(seed, "crowd paths")
    near, far = settings.nearest_m, rng.uniform(0.25, 0.4)
    beat = 2.0 * np.pi * time_s / rng.uniform(1.5, 3.5) + rng.uniform(0.0, 2.0 * np.pi)
    # A cosine with a flat bottom: the hands stay together for about a third of the time.
    apart = near + (far - near) * np.maximum(0.5 - 0.8 * np.cos(beat), 0.0) / 1.3
    turn = rng.uniform(0.0, 2.0 * np.pi) + 0.4 * np.sin(0.7 * time_s)
    axis = np.stack([np.cos(turn), np.sin(turn), 0.2 * np.sin(0.9 * time_s)], axis=-1)
    sway = 0.04 * np.sin(time_s[:, None] * np.array([1.1, 0.8, 1.3]))
    half = 0.5 * apart[:, None] * axis
    return np.stack([sway - half, sway + half])


def _subjects(settings: CrowdSettings, seed: int) -> list[int]:
    rng = generator(seed, "crowd subjects")
    if settings.meeting is Meeting.CROSSING:
        return [int(subject) for subject in rng.choice(10_000, settings.actors, replace=False)]
    drawn = [int(subject) for subject in rng.choice(10_000, 64, replace=False)]
    return [next(each for each in drawn if _side(each) is side) for side in (Side.LEFT, Side.RIGHT)]


def _side(subject: int) -> Side:
    """Say which hand is drawn for a subject: the right hand's thumb points to -X."""
    model = hand_model(subject)
    return Side.RIGHT if model.offset_m[model.index("thumb_cmc"), 0] < 0 else Side.LEFT


def _present(settings: CrowdSettings, time_s: Float[Array, " time"], seed: int) -> Bool[Array, "actor time"]:
    shape = (len(time_s), settings.actors)
    step = time_s[1] - time_s[0] if len(time_s) > 1 else 1.0
    away = bursts(
        generator(seed, "crowd absences"),
        shape,
        share=settings.absent_share,
        mean_frames=settings.absent_s / step,
    )
    away[:, 0] = False
    return ~away.T
