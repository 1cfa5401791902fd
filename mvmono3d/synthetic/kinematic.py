"""Jointed models of actors: nodes in a tree, angles with limits, capsules of flesh.

A model's nodes are its joints, plus hidden ones that only hold flesh or an extra hinge. At rest every
node's frame is parallel to the root's; each angle turns its node, with all that hangs on it, about an
axis fixed in the node's frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.errors import InvalidRecordError, unknown_name
from mvmono3d.synthetic.kinematic_kernel import chain_rotations, turn_nodes
from mvmono3d.synthetic.scene import Capsules


class Node(NamedTuple):
    """A named point that hangs on its parent (None for the root) by an offset in the parent's frame."""

    name: str
    parent: str | None
    offset_m: tuple[float, float, float]


class Hinge(NamedTuple):
    """An angle of a node about an axis of its frame, between limits in degrees."""

    name: str
    node: str
    axis: tuple[float, float, float]
    lower_deg: float
    upper_deg: float


class Flesh(NamedTuple):
    """A capsule between two nodes."""

    start: str
    end: str
    radius_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KinematicModel(Record):
    """A jointed actor with its size: parents come before their children."""

    names: tuple[str, ...]
    parents: Int[Array, " node"]
    """The root, node 0, has -1."""
    offset_m: Float[Array, "node 3"]
    """From the parent, in the parent's frame; zero for the root."""
    angles: tuple[str, ...]
    angle_node: Int[Array, " angle"]
    """The node that each angle turns; several angles of a node apply in this order, outermost first."""
    axis: Float[Array, "angle 3"]
    """Unit, in the turned node's frame."""
    lower: Float[Array, " angle"]
    upper: Float[Array, " angle"]
    capsule_nodes: Int[Array, "capsule 2"]
    radius_m: Float[Array, " capsule"]

    def index(self, name: str) -> int:
        """Return the place of a node."""
        if name not in self.names:
            raise unknown_name("node", name, self.names, where="the kinematic model")
        return self.names.index(name)

    def indices(self, names: Sequence[str]) -> Int[Array, " node"]:
        """Return the places of several nodes."""
        return np.array([self.index(name) for name in names], dtype=np.int64)

    @property
    def moving(self) -> tuple[str, ...]:
        """The nodes that turn against their parent."""
        turned = set(self.angle_node.tolist())
        return tuple(name for place, name in enumerate(self.names) if place in turned)


class NodePoses(NamedTuple):
    """Where every node is over time."""

    points_world: Float[Array, "time node 3"]
    world_from_node: Float[Array, "time node 3 3"]
    """Rotations."""


def build_model(nodes: Sequence[Node], hinges: Sequence[Hinge], *, flesh: Sequence[Flesh]) -> KinematicModel:
    """Build a model from named parts; raises `InvalidRecordError` for a node before its parent."""
    names = tuple(node.name for node in nodes)
    for place, node in enumerate(nodes):
        if (node.parent is None) != (place == 0) or (place and node.parent not in names[:place]):
            raise InvalidRecordError(
                f"node {node.name!r} hangs on {node.parent!r}: expected the root first, "
                "then each node after its parent"
            )
    where = {name: place for place, name in enumerate(names)}
    axis = np.array([hinge.axis for hinge in hinges], dtype=np.float64).reshape(-1, 3)
    return KinematicModel(
        names=names,
        parents=np.array([-1 if node.parent is None else where[node.parent] for node in nodes]),
        offset_m=np.array([node.offset_m for node in nodes], dtype=np.float64),
        angles=tuple(hinge.name for hinge in hinges),
        angle_node=np.array([where[hinge.node] for hinge in hinges], dtype=np.int64),
        axis=axis / np.linalg.norm(axis, axis=1, keepdims=True),
        lower=np.deg2rad([float(hinge.lower_deg) for hinge in hinges]),
        upper=np.deg2rad([float(hinge.upper_deg) for hinge in hinges]),
        capsule_nodes=np.array([(where[part.start], where[part.end]) for part in flesh]).reshape(-1, 2),
        radius_m=np.array([part.radius_m for part in flesh], dtype=np.float64),
    )


def mirrored(model: KinematicModel) -> KinematicModel:
    """Return the model seen in the mirror plane x = 0: equal angles give the mirrored pose."""
    # A reflection turns the sense of rotations: an axis keeps its part across the plane only.
    return KinematicModel(
        names=model.names,
        parents=model.parents,
        offset_m=model.offset_m * np.array([-1.0, 1.0, 1.0]),
        angles=model.angles,
        angle_node=model.angle_node,
        axis=model.axis * np.array([1.0, -1.0, -1.0]),
        lower=model.lower,
        upper=model.upper,
        capsule_nodes=model.capsule_nodes,
        radius_m=model.radius_m,
    )


def local_rotations(
    model: KinematicModel, angles: Float[Array, "time angle"]
) -> Float[Array, "time node 3 3"]:
    """Return each node's rotation against its parent, from the model's angles (rad)."""
    return turn_nodes(angles, model.angle_node, model.axis, len(model.names))


def forward(
    model: KinematicModel,
    local: Float[Array, "time node 3 3"],
    *,
    root_position: Float[Array, "time 3"],
    root_rotation: Float[Array, "time 3 3"],
    stretch: Float[Array, "time node"] | None = None,
) -> NodePoses:
    """Place every node: the root as given, each other at its parent's pose, offset and rotation.

    The root's own local rotation applies after `root_rotation`. `stretch` scales each node's offset.
    """
    factor = np.ones((1, len(model.names))) if stretch is None else stretch
    points, rotations = chain_rotations(
        local, model.parents, model.offset_m, root_position, root_rotation, factor
    )
    return NodePoses(points, rotations)


def rotation_zyx(angles_zyx: Float[Array, "time 3"]) -> Float[Array, "time 3 3"]:
    """Return R_z(first) R_y(second) R_x(third)."""
    (cz, cy, cx), (sz, sy, sx) = np.cos(angles_zyx.T), np.sin(angles_zyx.T)
    rows = (
        (cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx),
        (sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx),
        (-sy, cy * sx, cy * cx),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def rest_points(model: KinematicModel) -> Float[Array, "node 3"]:
    """Return the nodes with all angles zero and the root at the origin, unturned."""
    points = np.zeros_like(model.offset_m)
    for node, parent in enumerate(model.parents[1:].tolist(), start=1):
        points[node] = points[parent] + model.offset_m[node]
    return points


def capsules_of(
    model: KinematicModel, points: Float[Array, "time node 3"], *, joints: Int[Array, " joint"]
) -> Capsules:
    """Return the model's flesh over time; `joints` are the nodes whose contact with it is asked for."""
    return Capsules(
        start_world=points[:, model.capsule_nodes[:, 0]],
        end_world=points[:, model.capsule_nodes[:, 1]],
        radius_m=model.radius_m,
        touches=touching(model, joints),
    )


def touching(model: KinematicModel, joints: Int[Array, " joint"]) -> Bool[Array, "joint capsule"]:
    """Return the capsules that end in a joint or, at rest, hold it: it can't be hidden by them alone.

    A joint that lies on the skin (an eye) is held by none, so that the head hides it from behind.
    """
    rest = rest_points(model)
    start, end = rest[model.capsule_nodes[:, 0]], rest[model.capsule_nodes[:, 1]]
    along = end - start
    to_joint = rest[joints][:, None] - start
    square = np.maximum((along**2).sum(axis=-1), 1e-18)
    place = np.clip((to_joint * along).sum(axis=-1) / square, 0.0, 1.0)[..., None]
    inside = np.linalg.norm(to_joint - place * along, axis=-1) < model.radius_m
    ends = (model.capsule_nodes[None] == joints[:, None, None]).any(axis=-1)
    return inside | ends
