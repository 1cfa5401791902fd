"""Random rigs before which a board is shown well: what a careful user records, with its truth."""

from dataclasses import dataclass

import numpy as np

from mvmono3d.calibration.reprojection import Estimate
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.geometry.projection import inside_image, project
from mvmono3d.geometry.rigid import camera_centres, rotation_from_vector, transform_from, transform_points
from tests.calibration.boards import ring

SIZE = (1280, 1024)
DISTANCE_M = 1.1
_CELLS = (5, 4)
_MOST_TILT = np.radians(40.0)
_GRAZING = np.sin(np.radians(15.0))


@dataclass(frozen=True)
class World:
    """A rig, a board and its poses: what could be seen without noise."""

    estimate: Estimate
    corners: np.ndarray
    columns: int
    generator: np.random.Generator


@dataclass(frozen=True)
class Habits:
    """How a board is shown; the values are of a good set."""

    tilt: float = _MOST_TILT
    depth: float = 0.3
    reach: float = 0.45
    """Half of the share of the image, about its middle, that board centres are led to."""


def good_set(seed: int) -> BoardSightings:
    """15 to 60 poses, 2 to 8 cameras, 0.1 to 0.5 px of noise, 10 to 50 % of the corners hidden."""
    world = random_world(seed)
    return photographed(world)


def random_world(
    seed: int, *, habits: Habits | None = None, views: int | None = None, poses: int | None = None
) -> World:
    generator = np.random.default_rng((77, seed))
    views = int(generator.integers(2, 9)) if views is None else views
    poses = int(generator.integers(15, 61)) if poses is None else poses
    camera_from_world = ring(views, arc_rad=(views - 1) * generator.uniform(0.4, 0.75), radius=DISTANCE_M)
    lens = _lenses(generator, views)
    columns, rows = ((6, 8), (7, 10), (5, 7))[int(generator.integers(3))]
    corners = _board(columns, rows, span_m=generator.uniform(0.3, 0.45) * SIZE[0] / lens[0, 0] * DISTANCE_M)
    boards = shown_boards(generator, lens, camera_from_world, corners, poses=poses, habits=habits or Habits())
    estimate = Estimate(lens=lens, camera_from_world=camera_from_world, world_from_board=boards)
    return World(estimate=estimate, corners=corners, columns=columns, generator=generator)


def photographed(
    world: World,
    *,
    noise_px: float | None = None,
    hidden: float | None = None,
    shown: np.ndarray | None = None,
) -> BoardSightings:
    """What the cameras see; `shown` may be boards per camera (pose, view, 3, 4), of another instant each."""
    generator, estimate = world.generator, world.estimate
    noise_px = generator.uniform(0.1, 0.5) if noise_px is None else noise_px
    hidden = generator.uniform(0.1, 0.5) if hidden is None else hidden
    pixels, seen = clean(estimate, world.corners, shown)
    seen = seen & ~_covered(generator, pixels, hidden)
    pixels = pixels + generator.normal(scale=noise_px, size=pixels.shape)
    views, poses = len(estimate.lens), len(estimate.world_from_board)
    return BoardSightings(
        cameras=tuple(f"cam{view}" for view in range(views)),
        size_px=np.tile(np.array(SIZE), (views, 1)),
        corners_m=world.corners,
        pixels=np.where(seen[..., None], pixels, 0.0),
        seen=seen,
        labels=tuple(f"{pose:03d}" for pose in range(poses)),
    )


def clean(estimate: Estimate, corners: np.ndarray, shown: np.ndarray | None = None):
    """Pixels (pose, view, corner, 2), and which lie in the image with the print towards the camera."""
    views, poses = len(estimate.lens), len(estimate.world_from_board)
    boards = np.repeat(estimate.world_from_board[:, None], views, axis=1) if shown is None else shown
    pixels, seen = (
        np.zeros((poses, views, len(corners), 2)),
        np.zeros((poses, views, len(corners)), dtype=bool),
    )
    centres = camera_centres(estimate.camera_from_world)
    for view in range(views):
        at = project(
            transform_points(boards[:, view], corners),
            lens=estimate.lens[view : view + 1],
            camera_from_world=estimate.camera_from_world[view : view + 1],
        )
        inside = inside_image(at.pixels, np.array([SIZE])) & at.in_front
        towards = centres[view] - boards[:, view, :, 3]
        towards = towards / np.linalg.norm(towards, axis=-1, keepdims=True)
        faces = -np.sum(towards * boards[:, view, :, 2], axis=-1) > _GRAZING
        pixels[:, view], seen[:, view] = at.pixels[:, 0], inside[:, 0] & faces[:, None]
    return pixels, seen


def shown_boards(
    generator: np.random.Generator,
    lens: np.ndarray,
    camera_from_world: np.ndarray,
    corners: np.ndarray,
    *,
    poses: int,
    habits: Habits,
) -> np.ndarray:
    """Lead the board, again and again, to what the camera that is filled least has not seen."""
    views = len(lens)
    filled = np.zeros((views, *_CELLS))
    boards = []
    for _ in range(poses):
        tried = []
        for _ in range(6):
            view = int(np.argmin((filled > 0).mean(axis=(1, 2)) + 0.02 * generator.random(views)))
            board = _before(generator, lens, camera_from_world, corners, view=view, habits=habits)
            more = _filled(lens, camera_from_world, corners, board)
            new = float(((more > 0) & (filled == 0)).sum(axis=(1, 2)).sum())
            new += 0.1 * float((more.sum(axis=(1, 2)) > 0).sum())
            tried.append((new, board, more))
        _, board, more = max(tried, key=lambda one: one[0])
        boards.append(board)
        filled += more
    return np.stack(boards)


def _before(generator, lens, camera_from_world, corners, *, view: int, habits: Habits) -> np.ndarray:
    """One board before a camera: its middle at a random place of the image, tilted to some side."""
    depth = DISTANCE_M * generator.uniform(1.0 - habits.depth, 1.0 + habits.depth)
    place = generator.uniform(-habits.reach, habits.reach, 2) * np.array(SIZE)
    middle = np.append(place / lens[view, :2], 1.0) * depth
    centres = camera_centres(camera_from_world)
    mate = int(np.clip(view + generator.choice([-1, 1]), 0, len(lens) - 1))
    rotation, shift = camera_from_world[view, :, :3], camera_from_world[view, :, 3]
    world_middle = rotation.T @ (middle - shift)
    # The print looks between the camera and a neighbour, then is tilted.
    z = world_middle - (0.7 * centres[view] + 0.3 * centres[mate])
    z = z / np.linalg.norm(z)
    x = np.cross([0.0, 0.0, 1.0], z)
    x = x / np.linalg.norm(x)
    facing = np.stack([x, np.cross(z, x), z], axis=-1)
    tilt = np.append(generator.uniform(-habits.tilt, habits.tilt, 2), 0.0)
    spin = np.array([0.0, 0.0, generator.uniform(-np.pi, np.pi)])
    turned = facing @ rotation_from_vector(tilt) @ rotation_from_vector(spin)
    return transform_from(turned, world_middle - turned @ corners.mean(axis=0))


def _filled(lens, camera_from_world, corners, board) -> np.ndarray:
    estimate = Estimate(lens=lens, camera_from_world=camera_from_world, world_from_board=board[None])
    pixels, seen = clean(estimate, corners)
    cells = np.zeros((len(lens), *_CELLS))
    for view in range(len(lens)):
        mine = pixels[0, view][seen[0, view]]
        x, y = (mine / np.array(SIZE) * np.array(_CELLS)).astype(int).T
        np.add.at(cells[view], (np.clip(x, 0, _CELLS[0] - 1), np.clip(y, 0, _CELLS[1] - 1)), 1.0)
    return cells


def _covered(generator, pixels: np.ndarray, share: float) -> np.ndarray:
    """Hands and glare: of each picture a share of the corners, nearest to some place, and single ones."""
    poses, views, count, _ = pixels.shape
    near = np.take_along_axis(pixels, generator.integers(0, count, (poses, views, 1, 1)), axis=2)
    order = np.linalg.norm(pixels - near, axis=-1).argsort(axis=-1).argsort(axis=-1)
    patch = order < generator.uniform(0.0, share, (poses, views, 1)) * count
    return patch | (generator.random(pixels.shape[:-1]) < share / 2.0)


def _lenses(generator, views: int) -> np.ndarray:
    lens = np.zeros((views, 10))
    lens[:, :2] = generator.uniform(0.7, 1.4) * SIZE[0] * generator.uniform(0.97, 1.03, (views, 1))
    lens[:, 2:4] = np.array(SIZE) / 2.0 - 0.5 + generator.uniform(-15.0, 15.0, (views, 2))
    lens[:, 4] = generator.uniform(-0.25, 0.05, views)
    lens[:, 5] = -0.3 * lens[:, 4]
    lens[:, 6:8] = generator.uniform(-1e-3, 1e-3, (views, 2)) * (generator.random() < 0.3)
    return lens


def _board(columns: int, rows: int, *, span_m: float) -> np.ndarray:
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    side = round(span_m / (max(columns, rows) - 1), 3)
    return side * np.stack([x.ravel(), y.ravel(), np.zeros(columns * rows)], axis=-1)
