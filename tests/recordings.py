"""A recording made by hand: a moving actor before a ring of cameras, projected by OpenCV."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np

from mvmono3d.core.camera import Camera
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton

SIZE = (1280, 1024)


@dataclass(frozen=True)
class Recording:
    points: np.ndarray
    rig: Rig
    observations: Observations
    skeleton: Skeleton


def ring(views: int = 4, *, radius: float = 3.0) -> Rig:
    poses = []
    for angle in 2 * np.pi * (np.arange(views) + 0.2) / max(views, 3):
        centre = np.array([radius * np.cos(angle), radius * np.sin(angle), 1.5])
        z = np.array([0.0, 0.0, 1.0]) - centre
        z /= np.linalg.norm(z)
        x = np.cross(z, [0.0, 0.0, 1.0])
        x /= np.linalg.norm(x)
        rotation = np.stack([x, np.cross(z, x), z])
        poses.append(np.concatenate([rotation, -(rotation @ centre)[:, None]], axis=1))
    return Rig(
        camera=Camera(
            focal_px=np.full((views, 2), 900.0),
            centre_px=np.tile([639.0, 511.0], (views, 1)),
            distortion=np.tile([-0.1, 0.02, 0.001, -0.001, 0.0], (views, 1)),
            fisheye=np.zeros(views, dtype=bool),
            size_px=np.tile(np.array(SIZE), (views, 1)),
        ),
        camera_from_world=np.stack(poses),
        pose_sigma=np.zeros((views, 2)),
        names=tuple(f"cam_{view + 1:02d}" for view in range(views)),
    )


def recording(
    *, frames: int = 20, views: int = 4, skeleton: str = "body17", noise_px: float = 0.0, seed: int = 0
) -> Recording:
    generator = np.random.default_rng(seed)
    chosen, rig = load_skeleton(skeleton), ring(views)
    joints = len(chosen.joints)
    shape = generator.normal(scale=0.25, size=(joints, 3)) + np.array([0.0, 0.0, 1.0])
    turn = 0.05 * np.arange(frames)[:, None]
    x, y = shape[:, 0], shape[:, 1]
    points = np.stack(
        [np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y, shape[:, 2] + 0 * turn],
        axis=-1,
    )
    pixels = np.stack([see(points, rig, view) for view in range(views)], axis=1)
    pixels = pixels + generator.normal(scale=noise_px or 1e-12, size=pixels.shape)
    return Recording(
        points=points,
        rig=rig,
        observations=Observations(
            pixels=pixels,
            confidence=generator.uniform(0.4, 0.9, pixels.shape[:-1]),
            detected=np.ones(pixels.shape[:-1], dtype=bool),
            time_ns=np.arange(frames, dtype=np.int64) * 10_000_000,
        ),
        skeleton=chosen,
    )


def see(points: np.ndarray, rig: Rig, view: int) -> np.ndarray:
    fx, fy = rig.camera.focal_px[view]
    cx, cy = rig.camera.centre_px[view]
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    pose = np.asarray(rig.camera_from_world[view])
    flat = np.ascontiguousarray(points.reshape(-1, 1, 3))
    vector, distortion = cv2.Rodrigues(np.ascontiguousarray(pose[:, :3]))[0], rig.camera.distortion[view]
    pixels, _ = cv2.projectPoints(
        flat, vector, np.ascontiguousarray(pose[:, 3]), matrix, np.asarray(distortion)
    )
    return pixels.reshape(*points.shape[:-1], 2)


def write_openpose(folder: Path, made: Recording, *, people: int = 1, suffix: str = "_json") -> None:
    """Write the tree OpenPose writes; undetected joints are zeros, frames without any are empty."""
    seen = made.observations
    for view, name in enumerate(made.rig.names):
        place = folder / f"{name.replace('_', '')}{suffix}"
        place.mkdir(parents=True)
        for frame in range(len(seen.time_ns)):
            detected = seen.detected[frame, view]
            values = np.concatenate(
                [seen.pixels[frame, view], seen.confidence[frame, view, :, None]], axis=-1
            )
            person = {"pose_keypoints_2d": np.where(detected[:, None], values, 0.0).ravel().tolist()}
            content = {"version": 1.3, "people": [person] * people if detected.any() else []}
            file = place / f"{place.name}_{frame:012d}_keypoints.json"
            file.write_bytes(msgspec.json.encode(content))
