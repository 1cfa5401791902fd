"""What is true of a frame: where the joints are, and which camera sees them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.record import Record
from mvmono3d.geometry.projection import Projection, inside_image, project
from mvmono3d.synthetic.render.label_kernel import hidden_along
from mvmono3d.synthetic.render.light import Seen
from mvmono3d.synthetic.render.optics import Optics
from mvmono3d.synthetic.render.surfaces import Surface


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTruth(Record):
    """One actor at the middle of an exposure."""

    points_world: Float[Array, "joint 3"]
    pixels: Float[Array, "view joint 2"]
    depth: Float[Array, "view joint"]
    """Along the optical axis, metres."""
    smear_px: Float[Array, "view joint"]
    """How far it moves in the image while the shutter is open."""
    state: Int[Array, "view joint"]
    """`OcclusionState`; UNKNOWN where the joint is outside the image or behind the camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightLines(Record):
    """Everything that can lie between a camera and a joint, in each camera's frame."""

    seen: Seen
    surface: Surface
    props: int
    contact_m: float
    """How much of a prop that holds a joint doesn't hide it."""


def project_joints(points_world: Float[Array, "joint 3"], optics: Optics) -> Projection:
    """Return where joints appear in every view."""
    return project(
        np.asarray(points_world, dtype=np.float64),
        lens=optics.lens,
        camera_from_world=optics.camera_from_world,
    )


def look_for(
    points_world: Float[Array, "sample joint 3"],
    optics: Optics,
    lines: SightLines,
    *,
    actor: int,
    touches: Bool[Array, "joint capsule"],
    skin_m: float,
) -> FrameTruth:
    """Return the truth of one actor's joints.

    Args:
        points_world: Its joints at each of the exposure's samples.
        optics: The cameras.
        lines: What can hide them.
        actor: Its number among the actors.
        touches: Its flesh that never hides a joint, by anatomy.
        skin_m: Skin so near to a joint doesn't hide it: joints lie in flesh.
    """
    middle = np.asarray(points_world[len(points_world) // 2], dtype=np.float64)
    where = project_joints(middle, optics)
    height, width = optics.shape
    inside = inside_image(where.pixels, np.tile([width, height], (len(optics.lens), 1))) & where.in_front
    state = np.full(inside.shape, int(OcclusionState.UNKNOWN), dtype=np.int8)
    turn = optics.camera_from_world
    for view, joint in np.argwhere(inside).tolist():
        state[view, joint] = hidden_along(
            turn[view, :, :3] @ middle[joint] + turn[view, :, 3],
            lines.seen.points[view],
            lines.surface.triangles,
            lines.surface.actor,
            lines.surface.part,
            actor,
            touches[joint],
            lines.props,
            skin_m,
            lines.contact_m,
        )
    return FrameTruth(
        points_world=middle,
        pixels=where.pixels,
        depth=where.depth,
        smear_px=smear(points_world, optics),
        state=state,
    )


def smear(points_world: Float[Array, "sample joint 3"], optics: Optics) -> Float[Array, "view joint"]:
    """Return how far points move in each image while the shutter is open [px]."""
    samples = len(points_world)
    first, last = (project_joints(points_world[sample], optics).pixels for sample in (0, -1))
    # The samples lie in the middles of equal parts of the exposure.
    return np.linalg.norm(last - first, axis=-1) * samples / max(samples - 1, 1)
