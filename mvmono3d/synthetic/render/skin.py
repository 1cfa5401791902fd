"""The skin of a jointed actor: a mesh made once, then carried along by its nodes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.synthetic.kinematic import KinematicModel, forward, local_rotations
from mvmono3d.synthetic.render.flesh import Flesh, capsule_distances, field_at, field_on_grid, shape_flesh
from mvmono3d.synthetic.render.isosurface import isosurface

_SPREAD = 0.6
"""Limbs are spread to this share of their limits while the skin is made, so that they don't grow together."""
_CARRIERS = 4
_PROJECTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin(Record):
    """A closed mesh in the pose it was made in, and what carries each vertex."""

    bound_m: Float[Array, "vertex 3"]
    normal: Float[Array, "vertex 3"]
    triangles: Int[Array, "triangle 3"]
    carrier: Int[Array, "vertex 4"]
    """Nodes whose motion a vertex follows."""
    weight: Float[Array, "vertex 4"]
    """Shares of that, 1 in all."""
    capsule: Int[Array, " vertex"]
    """The capsule that each vertex lies on."""
    along: Float[Array, " vertex"]
    """Where on it: 0 at its start, 1 at its end."""
    node_m: Float[Array, "node 3"]
    node_rotation: Float[Array, "node 3 3"]
    """The nodes in that pose."""


def make_skin(model: KinematicModel, *, step_m: float, girth: Float[Array, " node"] | None = None) -> Skin:
    """Grow the skin round a model's flesh, with edges of about `step_m`; `girth` widens it at nodes."""
    poses = forward(
        model,
        local_rotations(model, _spread(model)[None]),
        root_position=np.zeros((1, 3)),
        root_rotation=np.eye(3)[None],
    )
    points, rotations = poses.points_world[0], poses.world_from_node[0]
    widths = np.ones(len(points)) if girth is None else girth
    flesh = shape_flesh(points, model.capsule_nodes, model.radius_m, girth=widths)
    field, origin = field_on_grid(flesh, step=step_m)
    vertices, triangles = isosurface(field, origin=origin, step=step_m)
    for _ in range(_PROJECTIONS):
        distance, normal = field_at(flesh, vertices)
        vertices = vertices - np.clip(distance, -step_m, step_m)[:, None] * normal
    distance, _ = capsule_distances(flesh, vertices)
    carrier, weight = _carriers(model, flesh, vertices, distance)
    capsule = distance.argmin(axis=1)
    return Skin(
        bound_m=vertices,
        normal=field_at(flesh, vertices)[1],
        triangles=triangles,
        carrier=carrier,
        weight=weight,
        capsule=capsule,
        along=_shares(flesh, vertices)[np.arange(len(capsule)), capsule],
        node_m=points,
        node_rotation=rotations,
    )


def _spread(model: KinematicModel) -> np.ndarray:
    apart = [name.endswith("abduction") and not name.startswith("middle") for name in model.angles]
    return np.where(apart, _SPREAD * model.upper, 0.0)


def _shares(flesh: Flesh, points: np.ndarray) -> np.ndarray:
    along = flesh.end_m - flesh.start_m
    length2 = np.maximum((along**2).sum(axis=-1), 1e-18)
    return np.clip(((points[:, None] - flesh.start_m) * along).sum(axis=-1) / length2, 0.0, 1.0)


def _carriers(
    model: KinematicModel, flesh: Flesh, vertices: np.ndarray, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each capsule near a vertex, if it joins the nearest one, carries it through the nodes it hangs on."""
    nearest = distance.argmin(axis=1)
    joined = _joined(flesh)
    thickness = 0.5 * (flesh.start_radius_m + flesh.end_radius_m)
    excess = distance - distance.min(axis=1, keepdims=True)
    pull = np.exp(-((excess / (0.35 * thickness)) ** 2)) * joined[nearest]
    first, last = _hangs_on(model)
    share = _shares(flesh, vertices)
    total = np.zeros((len(vertices), len(model.names)))
    for capsule in range(len(first)):
        total[:, first[capsule]] += pull[:, capsule] * (1.0 - share[:, capsule])
        total[:, last[capsule]] += pull[:, capsule] * share[:, capsule]
    carrier = np.argsort(-total, axis=1)[:, :_CARRIERS]
    weight = np.take_along_axis(total, carrier, axis=1)
    return carrier, weight / weight.sum(axis=1, keepdims=True)


def _joined(flesh: Flesh) -> np.ndarray:
    """Which capsules share an end."""
    ends = np.stack([flesh.start_m, flesh.end_m], axis=1)
    apart = np.linalg.norm(ends[:, None, :, None] - ends[None, :, None, :], axis=-1)
    return apart.min(axis=(2, 3)) < 1e-6


def _hangs_on(model: KinematicModel) -> tuple[list[int], list[int]]:
    """The nodes that carry each capsule's start and end: one for a bone, two for flesh across a hinge."""
    first, last = [], []
    for start, end in model.capsule_nodes.tolist():
        above_end = max(int(model.parents[end]), 0)
        bone = start in _line(model, above_end)
        first.append(above_end if bone else max(int(model.parents[start]), 0))
        last.append(above_end)
    return first, last


def _line(model: KinematicModel, node: int) -> list[int]:
    line = [node]
    while line[-1] > 0:
        line.append(int(model.parents[line[-1]]))
    return line


def pose_skin(
    skin: Skin, points_world: Float[Array, "node 3"], world_from_node: Float[Array, "node 3 3"]
) -> tuple[Float[Array, "vertex 3"], Float[Array, "vertex 3"]]:
    """Return the vertices and unit normals in the world, in single precision."""
    turn = world_from_node @ np.swapaxes(skin.node_rotation, 1, 2)
    shift = points_world - (turn @ skin.node_m[:, :, None])[:, :, 0]
    moves = np.concatenate([turn, shift[:, :, None]], axis=2).astype(np.float32)
    blended = skin.weight[:, None].astype(np.float32) @ moves[skin.carrier].reshape(-1, _CARRIERS, 12)
    blended = blended.reshape(-1, 3, 4)
    vertices = (blended[:, :, :3] @ skin.bound_m[:, :, None].astype(np.float32))[:, :, 0] + blended[:, :, 3]
    normals = (blended[:, :, :3] @ skin.normal[:, :, None].astype(np.float32))[:, :, 0]
    return vertices, normals / np.sqrt((normals**2).sum(axis=1, keepdims=True))
