"""Everything in a scene that can be hit by a ray, as one mesh that moves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.synthetic.actors import Staged
from mvmono3d.synthetic.render.look import Look, skin_albedo
from mvmono3d.synthetic.render.skin import Skin, make_skin, pose_skin
from mvmono3d.synthetic.render.solids import Solid, solid
from mvmono3d.synthetic.scene import Props, PropShape
from mvmono3d.synthetic.streams import generator

PROP = -1
_FINENESS = 0.45
"""Edges of a skin, in radii of its thinnest flesh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface(Record):
    """A mesh's parts that never change."""

    triangles: Int[Array, "triangle 3"]
    albedo: Float[Array, " vertex"]
    gloss: Float[Array, " vertex"]
    actor: Int[Array, " triangle"]
    """Whose skin a triangle is, or `PROP`."""
    part: Int[Array, " triangle"]
    """The capsule of the actor, or the number of the prop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Record):
    """Where the vertices are at one moment."""

    vertices_world: Float[Array, "vertex 3"]
    normals_world: Float[Array, "vertex 3"]


class Stage:
    """Actors with their skins, and props: a surface, and its shape at each of the scene's times.

    All actors share the times; the props are those of all.
    """

    def __init__(self, staged: Sequence[Staged], looks: Sequence[Look], *, fineness: float = 1.0) -> None:
        """Grow skins; `fineness` 2 halves their edges."""
        self.staged = tuple(staged)
        self.skins = tuple(
            make_skin(
                each.performance.model,
                step_m=_FINENESS * float(each.performance.model.radius_m.min()) / fineness,
                girth=_girth(each, look),
            )
            for each, look in zip(staged, looks, strict=True)
        )
        self.props = _all_props(staged)
        self._solids = [
            solid(PropShape(int(shape)), size)
            for shape, size in zip(self.props.shape, self.props.size_m, strict=True)
        ]
        still = [_stands(self.props.world_from_prop[:, prop]) for prop in range(len(self._solids))]
        self._moving = [prop for prop, stands in enumerate(still) if not stands]
        self._standing = [prop for prop, stands in enumerate(still) if stands]
        actors = [
            _skin_surface(skin, each, look, actor)
            for actor, (skin, each, look) in enumerate(zip(self.skins, staged, looks, strict=True))
        ]
        seed = looks[0].seed
        self.surface = join_surfaces(
            [*actors, *(_prop_surface(self._solids[p], p, seed) for p in self._moving)]
        )
        self.still_surface = join_surfaces([_prop_surface(self._solids[p], p, seed) for p in self._standing])

    @property
    def times(self) -> int:
        """How many moments the scene has."""
        return len(self.staged[0].scene.time_ns)

    def shape(self, time: int) -> Shape:
        """Return what moves, at one of the scene's times."""
        posed = [
            pose_skin(skin, each.performance.points_world[time], each.performance.world_from_node[time])
            for skin, each in zip(self.skins, self.staged, strict=True)
        ]
        return _shape([*posed, *(self._place(prop, time) for prop in self._moving)])

    def still_shape(self) -> Shape:
        """Return the props that never move."""
        return _shape([self._place(prop, 0) for prop in self._standing])

    def _place(self, prop: int, time: int) -> tuple[np.ndarray, np.ndarray]:
        pose = self.props.world_from_prop[time, prop]
        mesh = self._solids[prop]
        return mesh.vertices @ pose[:, :3].T + pose[:, 3], mesh.normals @ pose[:, :3].T


def _all_props(staged: Sequence[Staged]) -> Props:
    each = [one.scene.props for one in staged]
    return Props(
        shape=np.concatenate([props.shape for props in each]),
        size_m=np.concatenate([props.size_m for props in each]),
        world_from_prop=np.concatenate([props.world_from_prop for props in each], axis=1),
    )


def _stands(poses: np.ndarray) -> bool:
    return bool((poses == poses[0]).all())


def _girth(staged: Staged, look: Look) -> np.ndarray:
    draw = generator(look.seed, "girth")
    return np.exp(draw.normal(0.0, 0.06, len(staged.performance.model.names)).clip(-0.12, 0.12))


def _skin_surface(skin: Skin, staged: Staged, look: Look, actor: int) -> Surface:
    count = len(skin.bound_m)
    return Surface(
        triangles=skin.triangles,
        albedo=skin_albedo(skin, staged.performance.model, look),
        gloss=np.full(count, look.gloss, dtype=np.float32),
        actor=np.full(len(skin.triangles), actor),
        part=skin.capsule[skin.triangles[:, 0]],
    )


def _prop_surface(mesh: Solid, prop: int, seed: int) -> Surface:
    draw = generator(seed, f"prop look {prop}")
    albedo, gloss = draw.uniform(0.04, 0.75), draw.uniform(0.0, 0.5)
    return Surface(
        triangles=mesh.triangles,
        albedo=np.full(len(mesh.vertices), albedo, dtype=np.float32),
        gloss=np.full(len(mesh.vertices), gloss, dtype=np.float32),
        actor=np.full(len(mesh.triangles), PROP),
        part=np.full(len(mesh.triangles), prop),
    )


def join_surfaces(parts: list[Surface]) -> Surface:
    """Put surfaces together, in this order."""
    starts = np.cumsum([0, *(len(part.albedo) for part in parts[:-1])])
    moved = [part.triangles + start for part, start in zip(parts, starts, strict=False)]
    return Surface(
        triangles=np.concatenate([np.zeros((0, 3), dtype=np.int64), *moved]).astype(np.int32),
        albedo=np.concatenate([np.zeros(0, dtype=np.float32), *(part.albedo for part in parts)]),
        gloss=np.concatenate([np.zeros(0, dtype=np.float32), *(part.gloss for part in parts)]),
        actor=np.concatenate([np.zeros(0, dtype=np.int64), *(part.actor for part in parts)]),
        part=np.concatenate([np.zeros(0, dtype=np.int64), *(part.part for part in parts)]),
    )


def _shape(parts: list[tuple[np.ndarray, np.ndarray]]) -> Shape:
    empty = np.zeros((0, 3), dtype=np.float32)
    return Shape(
        vertices_world=np.concatenate([empty, *(vertices for vertices, _ in parts)]).astype(np.float32),
        normals_world=np.concatenate([empty, *(normals for _, normals in parts)]).astype(np.float32),
    )
