"""Rigs and points that geometry is tested with."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

SIZE = (1920, 1200)
PINHOLE = (-0.12, 0.03, 0.001, -0.0008, -0.004)
FISHEYE = (0.02, -0.01, 0.002, -0.0005, 0.0)


class Scene(NamedTuple):
    points: np.ndarray
    lens: np.ndarray
    camera_from_world: np.ndarray


def lenses(views: int, *, fisheye: tuple[int, ...] = ()) -> np.ndarray:
    """Slightly different lenses; the listed views are fisheyes."""
    lens = np.zeros((views, 10))
    for view in range(views):
        lens[view, :4] = 1400 + 10 * view, 1395 + 10 * view, 955 + view, 598 - view
        lens[view, 4:9] = FISHEYE if view in fisheye else PINHOLE
        lens[view, 9] = view in fisheye
    return lens


def looking_at(centre: np.ndarray, target: np.ndarray) -> np.ndarray:
    z = (target - centre) / np.linalg.norm(target - centre)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z])
    return np.concatenate([rotation, -(rotation @ centre)[:, None]], axis=1)


def ring(views: int, *, radius: float = 2.1) -> np.ndarray:
    angles = 2 * np.pi * (np.arange(views) + 0.3) / max(views, 3)
    centres = np.stack([radius * np.cos(angles), radius * np.sin(angles), 1.3 + 0.1 * np.sin(5 * angles)], -1)
    return np.stack([looking_at(centre, np.array([0.0, 0.0, 0.9])) for centre in centres])


def scene(
    views: int = 4,
    *,
    joints: int = 7,
    batch: tuple[int, ...] = (),
    fisheye: tuple[int, ...] = (),
    seed: int = 0,
) -> Scene:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(*batch, joints, 3)) * 0.2 + [0.0, 0.0, 0.9]
    return Scene(points, lenses(views, fisheye=fisheye), ring(views))


def random_pose(generator: np.random.Generator) -> np.ndarray:
    return np.concatenate([random_rotations(generator, 1)[0], generator.normal(size=(3, 1))], axis=1)


def random_rotations(generator: np.random.Generator, count: int) -> np.ndarray:
    """Uniform over all rotations."""
    return Rotation.from_quat(generator.normal(size=(count, 4))).as_matrix()


def gradients_are_finite(*leaves: torch.Tensor) -> bool:
    return all(leaf.grad is not None and bool(torch.isfinite(leaf.grad).all()) for leaf in leaves)


def to_torch(*arrays: np.ndarray, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    return [torch.tensor(array, dtype=dtype) for array in arrays]
