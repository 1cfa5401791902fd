"""A bright ball in the dark before the virtual rig: its images, and answers that say where it is."""

from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from mvmono3d.deploy.ring.reader import RingSet
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.geometry.projection import rays
from tests.deploy.live.small_site import small_rig
from tests.deploy.server.streams import random_frame

RIG = small_rig()
VIEWS = len(RIG.names)
RADIUS_M = 0.05
_BRIGHT, _DARK, _NOISE = 120.0, 10.0, 1.0


def images_of(centre: np.ndarray, *, seed: int = 0) -> UInt8[np.ndarray, "view height width"]:
    """Draw the ball: a pixel is bright where its ray meets it."""
    width, height = np.asarray(RIG.camera.size_px)[0].tolist()
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    pixels = np.broadcast_to(grid, (VIEWS, *grid.shape)).astype(np.float64)
    found = rays(pixels, lens=RIG.camera.lens, camera_from_world=RIG.camera_from_world)
    away = np.cross(centre - found.origin_world, found.direction_world)
    hit = (np.linalg.norm(away, axis=-1) < RADIUS_M).reshape(VIEWS, height, width)
    noise = np.random.default_rng(seed).normal(scale=_NOISE, size=hit.shape)
    return np.clip(np.where(hit, _BRIGHT, _DARK) + noise, 0, 255).astype(np.uint8)


def set_of(images: np.ndarray, number: int, *, exposure_ns: int = 1000, blind: int | None = None) -> RingSet:
    """Return the images as a frame set; `blind` is a view that did not deliver."""
    present = np.arange(VIEWS) != blind
    ones = np.ones(VIEWS, dtype=np.int64)
    return RingSet(
        number=number,
        time_ns=number,
        spread_ns=0,
        present=present,
        frame_id=number * ones,
        device_ns=number * ones,
        host_ns=number * ones,
        exposure_ns=exposure_ns * ones,
        gain=np.ones(VIEWS),
        strobe=np.ones(VIEWS),
        images=np.where(present[:, None, None], images, 0).astype(images.dtype),
    )


def answer_of(centre: np.ndarray, number: int) -> PoseFrame:
    """Return an answer whose joints lie round the ball's middle."""
    frame = random_frame(number)
    actor = frame.actors[0]
    joints = len(actor.source)
    spread = np.random.default_rng(number).uniform(-0.02, 0.02, (joints, 3))
    spread -= 0.5 * (spread.min(axis=0) + spread.max(axis=0))
    seen = replace(
        actor, points_world=centre + spread, source=np.ones(joints, dtype=np.int64),
        reason=np.zeros(joints, dtype=np.int64),
    )  # fmt: skip
    return replace(frame, time_ns=number, actors=(seen,))
