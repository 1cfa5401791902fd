"""From joints to what is drawn: bones, spheres, ellipsoids, frusta, colours."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from mvmono3d.core.rig import Rig
from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.server.pose_frame import ActorPose

MEASURED_RGB, IMPUTED_RGB, MISSING_RGB = (0, 114, 178), (230, 159, 0), (120, 120, 120)
"""Colours that the colour-blind can tell apart."""
STATE_RGB = ((0, 158, 115), (240, 228, 66), (213, 94, 0), (150, 150, 150))
"""Visible, hidden by the actor, hidden by an object, unknown."""
COVERED = 0.9
_SIGMAS = 2.5003
"""Radius that holds 90 % of a normal distribution in three dimensions."""
_NOTHING_M = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipsoids:
    """Where the stated 90 % of each joint lie; vanishingly small where there is no joint."""

    position: Float[np.ndarray, "joint 3"]
    wxyz: Float[np.ndarray, "joint 4"]
    radius_m: Float[np.ndarray, "joint 3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frustum:
    """A camera as it stands in the world."""

    name: str
    wxyz: Float[np.ndarray, " 4"]
    position: Float[np.ndarray, " 3"]
    fov_rad: float
    """Vertical."""
    aspect: float


def joint_colours(actor: ActorPose) -> UInt8[np.ndarray, "joint 3"]:
    """Return a colour for the source of each joint."""
    palette = np.array([MISSING_RGB, MEASURED_RGB, IMPUTED_RGB], dtype=np.uint8)
    return palette[np.clip(actor.source, PointSource.MISSING, PointSource.IMPUTED)]


def as_light(colours: UInt8[np.ndarray, "*item 3"]) -> UInt8[np.ndarray, "*item 3"]:
    """Return colours of the screen (sRGB) as the light they stand for: shapes are coloured with that.

    IEC 61966-2-1.
    """
    shares = colours / 255.0
    light = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return np.round(255.0 * light).astype(np.uint8)


def bone_segments(
    actor: ActorPose, parents: list[int]
) -> tuple[Float[np.ndarray, "bone 2 3"], UInt8[np.ndarray, "bone 2 3"]]:
    """Return the ends of every bone and their colours; a bone without both ends has no length."""
    bones = np.array([(parent, child) for child, parent in enumerate(parents) if parent >= 0])
    ends = actor.points_world[bones]
    whole = np.asarray(actor.present[bones].all(axis=1)).reshape(-1, 1, 1)
    ends = np.where(whole, ends, 0.0)
    return ends, joint_colours(actor)[bones]


def ellipsoids(actor: ActorPose, *, least_m: float) -> Ellipsoids:
    """Return the ellipsoids of a pose; none is thinner than `least_m`, so that it can be seen."""
    variances, axes = np.linalg.eigh(actor.covariance_world)
    axes = axes * np.where(np.linalg.det(axes) < 0, -1.0, 1.0)[:, None, None]
    radius = np.maximum(_SIGMAS * np.sqrt(np.maximum(variances, 0.0)), least_m)
    return Ellipsoids(
        position=actor.points_world,
        wxyz=quaternions_wxyz(axes),
        radius_m=hide(radius, actor.present),
    )


def ball(
    rings: int = 10, sectors: int = 16
) -> tuple[Float[np.ndarray, "corner 3"], Int[np.ndarray, "face 3"]]:
    """Return corners and triangles of a sphere of radius 1, turned outwards."""
    tilt = np.repeat(np.linspace(0.0, math.pi, rings + 1), sectors)
    turn = np.tile(np.arange(sectors) * 2.0 * math.pi / sectors, rings + 1)
    corners = np.stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)], axis=-1)
    ring, sector = np.divmod(np.arange(rings * sectors), sectors)
    here, beside = ring * sectors + sector, ring * sectors + (sector + 1) % sectors
    below, across = here + sectors, beside + sectors
    faces = np.concatenate(
        [np.stack([here, below, across], axis=-1), np.stack([here, across, beside], axis=-1)]
    )
    # At the poles every other triangle has no area.
    area = np.linalg.norm(
        np.cross(corners[faces[:, 1]] - corners[faces[:, 0]], corners[faces[:, 2]] - corners[faces[:, 0]]),
        axis=-1,
    )
    return corners, faces[area > 1e-9]


def hide(radius_m: np.ndarray, present: Bool[np.ndarray, " joint"]) -> np.ndarray:
    """Shrink what is not there to nothing (joints on the first axis): the number of shapes stays the same."""
    return np.where(present.reshape(-1, *[1] * (radius_m.ndim - 1)), radius_m, _NOTHING_M)


def quaternions_wxyz(rotations: Float[np.ndarray, "item 3 3"]) -> Float[np.ndarray, "item 4"]:
    """Return unit quaternions of rotation matrices.

    The eigenvector of the greatest eigenvalue of Bar-Itzhack's symmetric matrix (New Method for Extracting
    the Quaternion from a Rotation Matrix, 2000), which has no special cases.
    """
    m = rotations
    matrix = np.empty((len(m), 4, 4))
    matrix[:, 0] = np.stack(
        [m[:, 0, 0] + m[:, 1, 1] + m[:, 2, 2], m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0],
         m[:, 1, 0] - m[:, 0, 1]], axis=-1,
    )  # fmt: skip
    matrix[:, 1:, 0] = matrix[:, 0, 1:]
    trace = np.trace(m, axis1=1, axis2=2)[:, None, None]
    matrix[:, 1:, 1:] = m + m.swapaxes(1, 2) - trace * np.eye(3)
    return np.linalg.eigh(matrix)[1][:, :, -1]


def frusta(rig: Rig) -> list[Frustum]:
    """Return every camera of a rig."""
    rotations = rig.camera_from_world[:, :, :3].swapaxes(1, 2)
    centres = -np.einsum("vij,vj->vi", rotations, rig.camera_from_world[:, :, 3])
    turns = quaternions_wxyz(rotations)
    return [
        Frustum(
            name=name,
            wxyz=turns[view],
            position=centres[view],
            fov_rad=2.0 * math.atan(0.5 * float(rig.camera.size_px[view, 1] / rig.camera.focal_px[view, 1])),
            aspect=float(rig.camera.size_px[view, 0] / rig.camera.size_px[view, 1]),
        )
        for view, name in enumerate(rig.names)
    ]


def bone_length_m(actor: ActorPose, parents: list[int]) -> float:
    """Return the median length of the bones that are there; a finger's 3 cm where none is."""
    bones = [(parent, child) for child, parent in enumerate(parents) if parent >= 0]
    lengths = [
        float(np.linalg.norm(actor.points_world[one] - actor.points_world[other]))
        for one, other in bones
        if actor.present[one] and actor.present[other]
    ]
    return float(np.median(lengths)) if lengths else 0.03


def box_edges(size: tuple[float, float, float]) -> Float[np.ndarray, "edge 2 3"]:
    """Return the twelve edges of a box round the origin."""
    corners = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))
    pairs = [
        (one, other) for one, other in itertools.combinations(range(8), 2) if (one ^ other).bit_count() == 1
    ]
    return (corners * np.array(size))[pairs]
