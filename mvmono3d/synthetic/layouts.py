"""Where cameras stand and what they aim at: ring, arc, corners, headset, random."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array


class Stand(NamedTuple):
    """Camera positions and aims relative to the workspace's centre, in units of its radius."""

    positions: Float[Array, "view 3"]
    aims: Float[Array, "view 3"]


def place_cameras(
    layout: str, *, views: int, distance: float, aim: float, generator: np.random.Generator
) -> Stand:
    """Place cameras about `distance` from the centre, each aiming at most `aim` past it.

    `layout` is one of `settings.LAYOUTS`.
    """
    if layout == "headset":
        return _headset(views, distance, generator)
    azimuth, elevation = _ANGLES[layout](views, generator)
    reach = distance * generator.uniform(0.92, 1.08, views)
    aims = generator.uniform(-1, 1, (views, 3)) * (aim / np.sqrt(3.0))
    return Stand(reach[:, None] * _on_sphere(azimuth, elevation), aims)


Angles = tuple[np.ndarray, np.ndarray]


def _ring(views: int, generator: np.random.Generator) -> Angles:
    places = (np.arange(views) + generator.uniform(-0.2, 0.2, views)) / views
    return 2 * np.pi * (places + generator.random()), np.radians(generator.uniform(8, 38, views))


def _arc(views: int, generator: np.random.Generator) -> Angles:
    span = np.radians(generator.uniform(80, 130))
    places = (np.arange(views) + generator.uniform(0.3, 0.7, views)) / views - 0.5
    return span * places + generator.uniform(0, 2 * np.pi), np.radians(generator.uniform(0, 30, views))


def _corners(views: int, generator: np.random.Generator) -> Angles:
    # Under the ceiling of a room that is not quite square: its corners, then its walls, then lower.
    side, number = generator.uniform(0.75, 1.33), np.arange(views)
    turn = 0.25 * np.pi * (1 + number // 4 % 2) + 0.5 * np.pi * (number % 4)
    azimuth = np.arctan2(np.sin(turn), side * np.cos(turn)) + generator.uniform(-0.08, 0.08, views)
    elevation = generator.uniform(30, 42) - 14 * (number // 8) + generator.uniform(-4, 4, views)
    return azimuth + generator.uniform(0, 2 * np.pi), np.radians(elevation)


def _random(views: int, generator: np.random.Generator) -> Angles:
    # Of several candidates take the one farthest from its neighbours: no two cameras coincide.
    azimuth = generator.uniform(0, 2 * np.pi, (views, 6))
    elevation = np.radians(generator.uniform(-5, 65, (views, 6)))
    candidates = _on_sphere(azimuth, elevation)
    chosen = [0]
    for view in range(1, views):
        taken = np.array([candidates[other, chosen[other]] for other in range(view)])
        chosen.append(int(np.argmin((candidates[view] @ taken.T).max(axis=1))))
    rows = np.arange(views)
    return azimuth[rows, chosen], elevation[rows, chosen]


_ANGLES: dict[str, Callable[[int, np.random.Generator], Angles]] = {
    "ring": _ring,
    "arc": _arc,
    "corners": _corners,
    "random": _random,
}


def _headset(views: int, distance: float, generator: np.random.Generator) -> Stand:
    """Cameras on the rim of a visor that looks down at the workspace, splayed outwards."""
    azimuth, elevation = generator.uniform(0, 2 * np.pi), np.radians(generator.uniform(20, 60))
    head = distance * _on_sphere(azimuth, elevation)
    across = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    above = np.cross(head / distance, across)
    turn = 2 * np.pi * (np.arange(views) / views + generator.random()) + generator.uniform(-0.2, 0.2, views)
    rim = np.cos(turn)[:, None] * across + 0.6 * np.sin(turn)[:, None] * above
    half_width = distance * generator.uniform(0.12, 0.22)
    return Stand(head + half_width * rim, generator.uniform(0.2, 0.6, (views, 1)) * rim)


def _on_sphere(azimuth: np.ndarray | float, elevation: np.ndarray | float) -> np.ndarray:
    flat = np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=-1)
