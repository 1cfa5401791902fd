"""Boards before a ring of cameras, with perfect truth: projected by OpenCV's model, with noise."""

from dataclasses import dataclass

import numpy as np

from mvmono3d.calibration.camera_model import cameras_from_lens
from mvmono3d.calibration.reprojection import Estimate
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.projection import inside_image, project
from mvmono3d.geometry.rigid import camera_centres, rotation_from_vector, transform_from, transform_points

SIZE = (1280, 1024)
SQUARE_M = 0.03
FULL_LENS = (-0.12, 0.05, 0.0008, -0.0006, -0.01)


@dataclass(frozen=True)
class Truth:
    estimate: Estimate
    sightings: BoardSightings
    rig: Rig


def corner_grid(columns: int = 6, rows: int = 8) -> np.ndarray:
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    return SQUARE_M * np.stack([x.ravel(), y.ravel(), np.zeros(columns * rows)], axis=-1)


def make(
    *,
    seed: int = 0,
    views: int = 4,
    poses: int = 40,
    noise_px: float = 0.2,
    distortion: tuple[float, ...] = FULL_LENS,
    fisheye: bool = False,
    outliers: float = 0.0,
    arc_rad: float = 2.0,
    grid: tuple[int, int] = (6, 8),
) -> Truth:
    generator = np.random.default_rng(seed)
    camera_from_world = ring(views, arc_rad=arc_rad)
    lens = np.zeros((views, 10))
    lens[:, :2] = generator.uniform(980.0, 1050.0, (views, 1)) * generator.uniform(0.998, 1.002, (views, 2))
    lens[:, 2:4] = np.array([639.5, 511.5]) + generator.uniform(-12.0, 12.0, (views, 2))
    lens[:, 4:9] = np.array(distortion) * generator.uniform(0.8, 1.2, (views, 1))
    lens[:, 9] = float(fisheye)
    corners = corner_grid(*grid)
    world_from_board = board_poses(generator, poses, corners, camera_from_world)
    points = transform_points(world_from_board, corners)
    seen_at = project(points, lens=lens, camera_from_world=camera_from_world)
    camera = cameras_from_lens(lens, np.tile(np.array(SIZE), (views, 1)))
    facing = board_faces(world_from_board, camera_from_world)
    seen = inside_image(seen_at.pixels, camera.size_px) & seen_at.in_front & facing[..., None]
    pixels = seen_at.pixels + generator.normal(scale=noise_px, size=seen_at.pixels.shape)
    wrong = generator.random(seen.shape) < outliers
    pixels = pixels + wrong[..., None] * generator.uniform(-40.0, 40.0, pixels.shape)
    names = tuple(f"cam{view}" for view in range(views))
    return Truth(
        estimate=Estimate(lens=lens, camera_from_world=camera_from_world, world_from_board=world_from_board),
        sightings=BoardSightings(
            cameras=names,
            size_px=camera.size_px,
            corners_m=corners,
            pixels=np.where(seen[..., None], pixels, 0.0),
            seen=seen,
            labels=tuple(f"{pose:03d}" for pose in range(poses)),
        ),
        rig=Rig(
            camera=camera,
            camera_from_world=camera_from_world,
            pose_sigma=np.zeros((views, 2)),
            names=names,
        ),
    )


def ring(views: int, *, arc_rad: float, radius: float = 1.1) -> np.ndarray:
    poses = []
    for angle in arc_rad * np.linspace(-0.5, 0.5, views):
        centre = np.array([radius * np.sin(angle), -radius * np.cos(angle), 0.5])
        z = np.array([0.0, 0.0, 0.1]) - centre
        z /= np.linalg.norm(z)
        x = np.cross(z, [0.0, 0.0, 1.0])
        x /= np.linalg.norm(x)
        rotation = np.stack([x, np.cross(z, x), z])
        poses.append(np.concatenate([rotation, -(rotation @ centre)[:, None]], axis=1))
    return np.stack(poses)


def board_poses(
    generator: np.random.Generator, poses: int, corners: np.ndarray, camera_from_world: np.ndarray
) -> np.ndarray:
    """Boards that roughly face the middle of the rig, tilted up to 40 degrees, in a volume of 0.5 m."""
    middle = camera_centres(camera_from_world).mean(axis=0)
    z = -(middle / np.linalg.norm(middle))
    x = np.cross([0.0, 0.0, 1.0], z)
    x /= np.linalg.norm(x)
    facing = np.stack([x, np.cross(z, x), z], axis=-1)
    rotation = rotation_from_vector(generator.uniform(-0.7, 0.7, (poses, 3))) @ facing
    shift = generator.uniform(-0.25, 0.25, (poses, 3)) + np.array([0.0, 0.0, 0.1])
    return transform_from(rotation, shift - rotation @ corners.mean(axis=0))


def board_faces(world_from_board: np.ndarray, camera_from_world: np.ndarray) -> np.ndarray:
    """Printed on one side: seen only from there, at no less than 15 degrees."""
    towards = camera_centres(camera_from_world)[None] - world_from_board[:, None, :, 3]
    towards = towards / np.linalg.norm(towards, axis=-1, keepdims=True)
    return -np.sum(towards * world_from_board[:, None, :, 2], axis=-1) > np.sin(np.radians(15.0))
