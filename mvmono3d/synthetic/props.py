"""Things that hide the actor: held by it, moving round it, or standing about.

No prop ever holds a joint inside: whoever is hidden is hidden from some side only.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.synthetic.hand import FINGERS
from mvmono3d.synthetic.kinematic import KinematicModel, rotation_zyx
from mvmono3d.synthetic.motion import (
    DRAWS_PER_MOVE,
    Pace,
    draw_noise,
    moves_needed,
    plan_moves,
    sample_moves,
    sample_noise,
)
from mvmono3d.synthetic.performance import Held, Performance
from mvmono3d.synthetic.scene import Props, PropShape
from mvmono3d.synthetic.streams import generator


@dataclass(frozen=True, slots=True, kw_only=True)
class PropSettings:
    """How many things there are."""

    held: float = 0.5
    """Chance that the actor holds a thing (hands and bodies)."""
    moving: int = 2
    """At most this many move round the actor, close to it."""
    standing: int = 2
    """At most this many stand about beyond its workspace."""


NO_PROPS = PropSettings(held=0.0, moving=0, standing=0)

_ROUND = Pace(slow=0.3, fast=2.0, quick=4.0, acceleration=30.0, shortest_s=0.4)
_LARGEST_ACTOR_M = 0.6
"""Things that move round larger actors are not larger than round this one."""
_PALM_GAP_M = 0.002
_CLEARANCE = 0.95
"""Share of the free room between the fingers that a held thing takes: they tremble."""


class _Fit(NamedTuple):
    """The largest round thing that fits between the digits, in the wrist's frame."""

    centre_m: Float[Array, "3"]
    radius_m: float


def make_props(
    performance: Performance, time_s: Float[Array, " time"], *, settings: PropSettings, seed: int
) -> Props:
    """Draw the things round an actor; the held one, if any, comes first."""
    rng = generator(seed, "props")
    moving, standing = (int(rng.integers(most + 1)) for most in (settings.moving, settings.standing))
    solids = [] if performance.held is None else [performance.held]
    for place in range(moving):
        solids.append(_moving(performance, time_s, rng=generator(seed, f"prop moving {place}")))
    for place in range(standing):
        solids.append(_standing(performance, len(time_s), rng=generator(seed, f"prop standing {place}")))
    poses = [solid.world_from_prop for solid in solids]
    return Props(
        shape=np.array([int(solid.shape) for solid in solids], dtype=np.int64),
        size_m=np.array([solid.size_m for solid in solids], dtype=np.float64).reshape(-1, 3),
        world_from_prop=np.stack(poses, axis=1) if poses else np.zeros((len(time_s), 0, 3, 4)),
    )


def hold_in_hand(
    model: KinematicModel,
    *,
    grasp: str,
    grip: Float[Array, "node 3"],
    world_from_wrist: Float[Array, "time 3 4"],
    rng: np.random.Generator,
) -> Held:
    """Put a thing between the fingers of a gripping hand: as large as they leave room for."""
    fit = _fit_pinch(model, grip) if grasp == "pinch" else _fit_palm(model, grip, across=grasp == "cylinder")
    radius, length = _CLEARANCE * fit.radius_m, rng.uniform(0.035, 0.11)
    half = radius / np.sqrt(3.0)
    if grasp != "cylinder":
        round_one = rng.random() < 0.5
        shape = PropShape.SPHERE if round_one else PropShape.BOX
        size = np.full(3, radius if round_one else half)
    elif rng.random() < 0.6:
        shape, size = PropShape.CYLINDER, np.array([radius, radius, length])
    else:
        shape, size = PropShape.BOX, np.array([radius / np.sqrt(2.0), radius / np.sqrt(2.0), length])
    axis = _knuckle_line(model, grip)
    side = np.cross(axis, np.array([0.0, 0.0, 1.0]))
    side /= np.linalg.norm(side)
    lying = np.stack((side, np.cross(axis, side), axis), axis=1)
    wrist_from_prop = np.concatenate((lying, fit.centre_m[:, None]), axis=1)
    return Held(shape, size, attach(world_from_wrist, wrist_from_prop))


def hold_as_tool(world_from_hand: Float[Array, "time 3 4"], *, rng: np.random.Generator) -> Held:
    """Put a stick or a parcel into a body's hand, across it."""
    across = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    hand_from_prop = np.concatenate((across, np.zeros((3, 1))), axis=1)
    if rng.random() < 0.6:
        radius = rng.uniform(0.012, 0.045)
        shape, size = PropShape.CYLINDER, np.array([radius, radius, rng.uniform(0.06, 0.35)])
    else:
        shape, size = PropShape.BOX, rng.uniform((0.02, 0.02, 0.05), (0.05, 0.05, 0.2))
    return Held(shape, size, attach(world_from_hand, hand_from_prop))


def attach(
    world_from_holder: Float[Array, "time 3 4"], holder_from_prop: Float[Array, "3 4"]
) -> Float[Array, "time 3 4"]:
    """Return the poses of a thing that is fixed to its holder."""
    rotation = world_from_holder[:, :, :3]
    moved = rotation @ holder_from_prop
    moved[:, :, 3] += world_from_holder[:, :, 3]
    return moved


def _fit_palm(model: KinematicModel, grip: Float[Array, "node 3"], *, across: bool) -> _Fit:
    """Find the largest cylinder across the palm, or sphere in it, that lies on the palm."""
    flesh = _node_flesh(model)
    knuckles = model.indices([f"{finger}_mcp" for finger in FINGERS])
    knuckle = grip[model.index("middle_mcp")]
    palm = float((flesh[knuckles] - grip[knuckles, 2]).max()) + _PALM_GAP_M
    radius, along = np.meshgrid(np.linspace(0.004, 0.05, 47), np.linspace(0.6, 1.1, 11), indexing="ij")
    centre = np.stack((np.full_like(radius, knuckle[0]), along * knuckle[1], -(palm + radius)), axis=-1)
    apart = centre[:, :, None, :] - grip[1:]
    if across:
        axis = _knuckle_line(model, grip)
        apart = apart - (apart @ axis)[..., None] * axis
    room = (np.linalg.norm(apart, axis=-1) - flesh[1:]).min(axis=-1)
    best = int(np.argmax(np.where(room >= radius, radius, -radius)))
    place = np.unravel_index(best, radius.shape)
    return _Fit(centre[place], float(min(radius[place], max(room[place], 0.003))))


def _knuckle_line(model: KinematicModel, grip: Float[Array, "node 3"]) -> Float[Array, "3"]:
    """Return the unit vector across the palm, along the knuckles: what lies in a fist lies like it."""
    line = grip[model.index("pinky_mcp")] - grip[model.index("index_mcp")]
    return line / np.linalg.norm(line)


def _fit_pinch(model: KinematicModel, grip: Float[Array, "node 3"]) -> _Fit:
    thumb, index = model.indices(("thumb_tip", "index_tip"))
    centre = 0.5 * (grip[thumb] + grip[index])
    room = np.linalg.norm(grip - centre, axis=1) - _node_flesh(model)
    return _Fit(centre, float(max(room.min(), 0.003)))


def _node_flesh(model: KinematicModel) -> Float[Array, " node"]:
    """Return each node's thinnest capsule's radius: how near a thing can come; 0 without flesh."""
    thin = np.full(len(model.names), np.inf)
    for end in range(2):
        np.minimum.at(thin, model.capsule_nodes[:, end], model.radius_m)
    return np.where(np.isfinite(thin), thin, 0.0)


def _solid(scale_m: float, rng: np.random.Generator) -> tuple[PropShape, Float[Array, "3"]]:
    shape = PropShape(int(rng.integers(3)))
    half = scale_m * rng.uniform((0.2, 0.2, 0.25), (0.5, 0.5, 0.7))
    if shape is PropShape.BOX:
        return shape, half
    radius = half[0]
    return shape, np.array([radius, radius, half[2] if shape is PropShape.CYLINDER else radius])


def _moving(performance: Performance, time_s: Float[Array, " time"], *, rng: np.random.Generator) -> Held:
    shape, size = _solid(min(performance.reach_m, _LARGEST_ACTOR_M), rng)
    spin, first = draw_noise(rng, np.full(3, 2.0), band_hz=(0.05, 0.6)), rng.uniform(-np.pi, np.pi, 3)
    gap = rng.uniform(0.02, 0.3) * performance.reach_m + float(np.linalg.norm(size))
    lowest = 0.05 if performance.on_floor else -0.6
    draws = rng.random((moves_needed(float(time_s[-1]), _ROUND) + 1, DRAWS_PER_MOVE + 2))
    turn = first[0] + np.cumsum((draws[:, -2] - 0.5) * 4.0)
    target = np.stack((turn, lowest + draws[:, -1] * (0.7 - lowest)), axis=1)
    far = np.abs(np.diff(target, axis=0)).max(axis=1)
    around, above = sample_moves(plan_moves(target, far, draws=draws[:-1, :-2], pace=_ROUND), time_s).T
    direction = np.stack(
        (np.cos(around) * np.cos(above), np.sin(around) * np.cos(above), np.sin(above)), axis=1
    )
    place = performance.centre_world + (_extent(performance, direction) + gap)[:, None] * direction
    rotation = rotation_zyx(first + sample_noise(spin, time_s))
    return Held(shape, size, np.concatenate((rotation, place[:, :, None]), axis=2))


def _extent(performance: Performance, direction: Float[Array, "time 3"]) -> Float[Array, " time"]:
    """Return how far the joints reach from the centre in a direction, never less, smooth over time."""
    apart = performance.points_world[:, performance.joints] - performance.centre_world[:, None]
    along = (apart @ direction[:, :, None])[:, :, 0]
    soft = 0.03 * performance.reach_m
    largest = along.max(axis=1)
    return largest + soft * np.log(np.exp((along - largest[:, None]) / soft).sum(axis=1))


def _standing(performance: Performance, frames: int, *, rng: np.random.Generator) -> Held:
    shape, size = _solid(performance.reach_m, rng)
    around, turn = rng.uniform(-np.pi, np.pi), rng.uniform(-np.pi, np.pi)
    clear = performance.workspace_m + performance.reach_m + float(np.linalg.norm(size))
    clear += rng.uniform(0.0, 0.3) * performance.reach_m
    height = float(size[2]) if performance.on_floor else rng.uniform(-1.0, 1.0) * performance.workspace_m
    tilt = np.zeros(2) if performance.on_floor else rng.uniform(-np.pi, np.pi, 2)
    place = np.array([clear * np.cos(around), clear * np.sin(around), height])
    pose = np.concatenate((rotation_zyx(np.array([[turn, *tilt]]))[0], place[:, None]), axis=1)
    return Held(shape, size, np.broadcast_to(pose, (frames, 3, 4)))
