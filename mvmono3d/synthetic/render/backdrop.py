"""The room: a ball of dark walls round everything, and a floor where actors stand on one."""

import cv2
import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.synthetic.render.light import LightSettings
from mvmono3d.synthetic.render.look import Look, ripple
from mvmono3d.synthetic.render.optics import Optics
from mvmono3d.synthetic.render.ray_kernel import light_up

_ROOM = 2.5
"""The walls' distance from the origin, in distances of the farthest camera."""
_DETAILS = (0.35, 0.06, 0.012)
"""Sizes of the walls' pattern, in the walls' distance."""


def room_radius(optics: Optics) -> float:
    """Return the walls' distance from the origin [m]."""
    return _ROOM * float(np.linalg.norm(camera_centres(optics.camera_from_world), axis=1).max())


def backdrop(
    optics: Optics, look: Look, settings: LightSettings, *, floor: bool
) -> tuple[Float[Array, "view height width"], Float[Array, "view height width"]]:
    """Return the light and depth of the empty room, in single precision."""
    light, depth = zip(
        *(_of_view(optics, view, look, settings, floor) for view in range(len(optics.lens))), strict=True
    )
    return np.stack(light), np.stack(depth)


def _of_view(
    optics: Optics, view: int, look: Look, settings: LightSettings, floor: bool
) -> tuple[np.ndarray, np.ndarray]:
    # Walls are smooth: every other pixel is enough.
    rays = optics.rays[len(optics.rays) // 2, view, ::2, ::2].reshape(-1, 2).astype(np.float64)
    pose = optics.camera_from_world[view]
    direction = np.concatenate([rays, np.ones((len(rays), 1))], axis=1) @ pose[:, :3]
    centre = -pose[:, :3].T @ pose[:, 3]
    radius = room_radius(optics)
    square, towards = (direction**2).sum(axis=1), direction @ centre
    root = np.sqrt(towards**2 - square * (centre @ centre - radius**2))
    depth = (root - towards) / square
    if floor:
        down = np.where(direction[:, 2] < 0.0, -centre[2] / np.minimum(direction[:, 2], -1e-9), np.inf)
        depth = np.where((down > 0.0) & (down < depth), down, depth)
    points = centre + depth[:, None] * direction
    onto_floor = points[:, 2] < 1e-9 if floor else np.zeros(len(points), dtype=bool)
    normal = np.where(onto_floor[:, None], [0.0, 0.0, 1.0], -points / radius)
    light = np.zeros(len(points))
    turn = np.ascontiguousarray(pose[:, :3].T)
    seen, facing = points @ turn + pose[:, 3], normal @ turn
    light_up(seen, facing, _pattern(points, radius, look), *settings.arrays, light)
    return _enlarge(light, optics.shape), _enlarge(depth, optics.shape)


def _enlarge(coarse: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    height, width = shape
    rows, columns = -(-height // 2), -(-width // 2)
    u, v = np.meshgrid(np.arange(width, dtype=np.float32) / 2, np.arange(height, dtype=np.float32) / 2)
    half = coarse.reshape(rows, columns).astype(np.float32)
    return cv2.remap(half, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _pattern(points: np.ndarray, radius: float, look: Look) -> np.ndarray:
    waves = [
        ripple(points, length_m=size * radius, seed=look.seed + 7919 * place)
        for place, size in enumerate(_DETAILS)
    ]
    # Steps as well as slopes: walls have edges.
    steps = np.sign(waves[0]) * 0.5 + 0.5 * np.sign(waves[1]) + 0.3 * waves[2]
    return look.background * np.clip(1.0 + look.clutter * steps, 0.05, 3.0)
