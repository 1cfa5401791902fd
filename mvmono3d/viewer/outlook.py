"""Where to look from at first: so that the actor is in the middle and no camera stands before it."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mvmono3d.core.rig import Rig
from mvmono3d.geometry.rigid import camera_centres

FIELD_RAD = 0.75
"""Vertical."""
_ELEVATION_RAD = 0.42
_WIDTH = 1.25
"""A browser's picture is at least so much wider than high."""
_MARGIN = 1.2
"""A camera may stand a little outside: what it looks at is inside."""
_AZIMUTH_RAD = -0.86
"""Taken where there are no cameras to look past."""
_RAISE = 0.22
"""So far from the actor towards the cameras' middle is what one looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A place to look from, and what at."""

    position: Float[np.ndarray, " 3"]
    aim: Float[np.ndarray, " 3"]


def watched_point(rig: Rig) -> Float[np.ndarray, " 3"]:
    """Return the point nearest to all optical axes; of parallel ones, the one nearest to the origin."""
    poses = np.asarray(rig.camera_from_world)
    axes = poses[:, 2, :3]
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    right = np.einsum("vij,vj->i", across, camera_centres(poses))
    return np.linalg.lstsq(across.sum(axis=0), right, rcond=1e-6)[0]


def outlook(actor_world: Float[np.ndarray, " 3"], *, extent_m: float, rig: Rig | None) -> Outlook:
    """Return where an actor of some size and all cameras are in the picture."""
    if rig is None:
        aim, places, azimuth = actor_world, np.zeros((0, 3)), _AZIMUTH_RAD
    else:
        centres = camera_centres(np.asarray(rig.camera_from_world))
        aim = actor_world + _RAISE * (centres.mean(axis=0) - actor_world)
        places, azimuth = centres - aim, _widest_gap(centres[:, :2] - actor_world[:2])
    away = _direction(azimuth)
    distance = max([1.2 * extent_m / math.tan(0.5 * FIELD_RAD), *_distances(places, away)])
    return Outlook(position=aim + distance * away, aim=aim)


def _direction(azimuth_rad: float) -> Float[np.ndarray, " 3"]:
    flat = math.cos(_ELEVATION_RAD)
    return np.array([flat * math.cos(azimuth_rad), flat * math.sin(azimuth_rad), math.sin(_ELEVATION_RAD)])


def _distances(places: Float[np.ndarray, "item 3"], away: Float[np.ndarray, " 3"]) -> list[float]:
    """Return how far along `away` one has to stand for each place to be in the picture."""
    right = np.cross([0.0, 0.0, 1.0], away)
    right /= np.linalg.norm(right)
    up = np.cross(away, right)
    half = _MARGIN * math.tan(0.5 * FIELD_RAD)
    sideways, upwards = np.abs(places @ right) / (_WIDTH * half), np.abs(places @ up) / half
    return (places @ away + np.maximum(sideways, upwards)).tolist()


def _widest_gap(flat: Float[np.ndarray, "view 2"]) -> float:
    """Return the azimuth in the middle of the widest gap between cameras; the southernmost of equal ones."""
    azimuths = np.sort(np.arctan2(flat[:, 1], flat[:, 0]))
    gaps = np.diff(azimuths, append=azimuths[0] + 2.0 * math.pi)
    middles = azimuths + 0.5 * gaps
    widest = middles[gaps > gaps.max() - 1e-3]
    return float(widest[np.argmin(np.sin(widest))])
