"""Boards that are carried about, and boards that all face one way."""

from dataclasses import replace

import numpy as np

from mvmono3d.geometry.rigid import camera_centres, rotation_from_vector, transform_from
from tests.calibration.rig_sets import World


def filmed(world: World, at: np.ndarray) -> np.ndarray:
    """Boards (frame, view) between the world's poses, ten frames apart, by smooth interpolation."""
    key = world.estimate.world_from_board
    phase = np.clip(at / 10.0, 0.0, None) % (len(key) - 1)
    place, share = np.floor(phase).astype(int), phase - np.floor(phase)
    share = share * share * (3.0 - 2.0 * share)
    boards = np.empty((*at.shape, 3, 4))
    for index in np.ndindex(at.shape):
        first, then = key[place[index]], key[place[index] + 1]
        boards[index] = _between(first, then, float(share[index]))
    return boards


def _between(first: np.ndarray, then: np.ndarray, share: float) -> np.ndarray:
    turn = first[:, :3].T @ then[:, :3]
    angle = np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0))
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    axis = axis / max(float(np.linalg.norm(axis)), 1e-9)
    rotation = first[:, :3] @ rotation_from_vector(axis * angle * share)
    return transform_from(rotation, (1.0 - share) * first[:, 3] + share * then[:, 3])


def aligned(world: World, *, tilt: float, generator: np.random.Generator) -> World:
    """Turn every board to face the middle of the rig, but for its spin and a little tilt."""
    middle = camera_centres(world.estimate.camera_from_world).mean(axis=0)
    z = -(middle / np.linalg.norm(middle))
    x = np.cross([0.0, 0.0, 1.0], z)
    x /= np.linalg.norm(x)
    facing = np.stack([x, np.cross(z, x), z], axis=-1)
    centre = world.corners.mean(axis=0)
    boards = []
    for board in world.estimate.world_from_board:
        place = board[:, :3] @ centre + board[:, 3]
        lean = rotation_from_vector(np.append(generator.uniform(-tilt, tilt, 2), 0.0))
        spin = rotation_from_vector(np.array([0.0, 0.0, generator.uniform(-np.pi, np.pi)]))
        turned = facing @ lean @ spin
        boards.append(transform_from(turned, place - turned @ centre))
    estimate = replace(world.estimate, world_from_board=np.stack(boards))
    return replace(world, estimate=estimate)
