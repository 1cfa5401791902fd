"""The synthetic rigs that ours and the peers calibrate, and boards that none of them saw."""

from dataclasses import dataclass, replace

import numpy as np

from mvmono3d.calibration.camera_model import cameras_from_lens
from mvmono3d.calibration.reprojection import Estimate
from mvmono3d.calibration.sightings import BoardSightings
from tests.benchmarks.calibration.exchange import Boards
from tests.calibration.boards import board_poses, make
from tests.calibration.rig_sets import (
    SIZE,
    Habits,
    World,
    clean,
    photographed,
    random_world,
    shown_boards,
)

COLUMNS = 6
_HELD_OUT_POSES = 40


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A rig, what it saw of the boards to calibrate with, and what it sees of others without noise."""

    truth: Estimate
    """Its boards are those to calibrate with."""
    sightings: BoardSightings
    columns: int
    held_out: Estimate
    held_out_pixels: np.ndarray
    held_out_seen: np.ndarray

    def boards(self):
        return Boards(
            corners=self.sightings.corners_m,
            columns=np.array(self.columns),
            size_px=self.sightings.size_px,
            pixels=self.sightings.pixels,
            seen=self.sightings.seen,
        )

    def camera(self):
        return cameras_from_lens(self.truth.lens, self.sightings.size_px)


def full_lenses(seed, *, poses, noise_px):
    """Every number of the lens differs from camera to camera: fx, fy, centre, k1 k2 p1 p2 k3."""
    made = make(seed=seed, poses=poses, noise_px=noise_px)
    return _scene(made.estimate, made.sightings, _middle(made.estimate, seed, made.sightings.corners_m))


def anipose_lenses(seed, *, poses, noise_px):
    """One focal length, the centre of the image, k1 alone: all that anipose's cameras can be."""
    made = make(seed=seed, poses=poses, noise_px=noise_px, distortion=(-0.12, 0.0, 0.0, 0.0, 0.0))
    lens = np.array(made.estimate.lens)
    lens[:, 1] = lens[:, 0]
    lens[:, 2:4] = (np.array(SIZE) - 1.0) / 2.0
    truth = replace(made.estimate, lens=lens)
    world = World(
        estimate=truth,
        corners=made.sightings.corners_m,
        columns=COLUMNS,
        generator=np.random.default_rng((79, seed)),
    )
    sightings = photographed(world, noise_px=noise_px, hidden=0.0)
    return _scene(truth, sightings, _middle(truth, seed, world.corners))


def full_images(seed, *, poses, noise_px):
    """Boards led out to the corners of every image, as a careful user does; four lenses of k1 k2 (p1 p2)."""
    world = random_world(seed, views=4, poses=poses)
    sightings = photographed(world, noise_px=noise_px, hidden=0.0)
    truth = world.estimate
    generator = np.random.default_rng((80, seed))
    boards = shown_boards(
        generator, truth.lens, truth.camera_from_world, world.corners, poses=_HELD_OUT_POSES, habits=Habits()
    )
    return _scene(truth, sightings, boards, columns=world.columns)


def _middle(truth, seed, corners):
    generator = np.random.default_rng((80, seed))
    return board_poses(generator, _HELD_OUT_POSES, corners, truth.camera_from_world)


def _scene(truth, sightings, boards, *, columns=COLUMNS):
    held_out = replace(truth, world_from_board=boards)
    pixels, seen = clean(held_out, sightings.corners_m)
    return Scene(
        truth=truth,
        sightings=sightings,
        columns=columns,
        held_out=held_out,
        held_out_pixels=pixels,
        held_out_seen=seen & (seen.sum(axis=1, keepdims=True) >= 2),
    )
