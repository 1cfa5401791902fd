"""Small clips made by hand: exact projections of a moving skeleton into a ring of cameras."""

from dataclasses import dataclass

import numpy as np

from mvmono3d.core.camera import Camera
from mvmono3d.core.clip import Clip
from mvmono3d.core.observations import Observations
from mvmono3d.core.occlusion import OcclusionLabels
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton_file import parse_skeleton
from mvmono3d.core.trajectory import Trajectory
from mvmono3d.data.augment import Augmentation

STICK = parse_skeleton(
    {
        "name": "stick",
        "torso": ["hip"],
        "frame": {"kind": "heading", "lateral": ["left_hand", "right_hand"]},
        "joints": {
            "hip": {"parent": None, "rest_m": [0, 0, 0]},
            "chest": {"parent": "hip", "rest_m": [0, 0, 0.5], "flexible": True},
            "left_hand": {"parent": "chest", "rest_m": [0, 0.5, 0.5]},
            "right_hand": {"parent": "chest", "rest_m": [0, -0.5, 0.5]},
        },
    },
    where="stick",
)
STRONG = Augmentation(
    view_loss=0.9,
    joint_loss=0.2,
    joint_loss_frames=3,
    rig_error_share=1.0,
    rig_rotation_rad=0.01,
    rig_translation_m=0.01,
    turn_world=True,
    shift_world_m=1.0,
    confidence_noise=0.2,
)


def ring(views: int = 4, *, seed: int = 0) -> Rig:
    random = np.random.default_rng(seed)
    poses = []
    for angle in 2 * np.pi * np.arange(views) / views + random.normal(scale=0.05, size=views):
        centre = np.array([3 * np.cos(angle), 3 * np.sin(angle), 1.0])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        poses.append(np.concatenate([rotation, -(rotation @ centre)[:, None]], axis=1))
    return Rig(
        camera=Camera(
            focal_px=np.full((views, 2), 800.0),
            centre_px=np.tile([640.0, 400.0], (views, 1)),
            distortion=np.zeros((views, 5)),
            fisheye=np.zeros(views, dtype=bool),
            size_px=np.tile(np.array([1280, 800]), (views, 1)),
        ),
        camera_from_world=np.stack(poses),
        pose_sigma=np.zeros((views, 2)),
        names=tuple(f"cam_{view:02d}" for view in range(views)),
        metadata=(("seed", str(seed)),),
    )


def project(points: np.ndarray, rig: Rig) -> np.ndarray:
    pose = rig.camera_from_world
    camera = np.einsum("vij,tkj->tvki", pose[:, :, :3], points) + pose[:, None, :, 3]
    return camera[..., :2] / camera[..., 2:] * rig.camera.focal_px[:, None] + rig.camera.centre_px[:, None]


def clip(*, frames: int = 8, views: int = 4, seed: int = 0, labelled: bool = True, gone: float = 0.1) -> Clip:
    random = np.random.default_rng(seed)
    rig = ring(views, seed=seed)
    sway = 0.2 * np.cumsum(random.normal(scale=0.1, size=(frames, 1, 3)), axis=0)
    points = np.array(STICK.rest_m) + np.array([0, 0, 1.0]) + sway
    detected = random.random((frames, views, 4)) > gone
    time_ns = np.arange(frames) * 16_666_667
    return Clip(
        skeleton=STICK,
        rig=rig,
        observations=Observations(
            pixels=project(points, rig) * detected[..., None],
            confidence=random.uniform(0.5, 1.0, size=detected.shape) * detected,
            detected=detected,
            time_ns=time_ns,
        ),
        truth=Trajectory(
            points_world=points,
            covariance_world=np.zeros((frames, 4, 3, 3)),
            source=np.ones((frames, 4), dtype=np.int64),
            time_ns=time_ns,
        )
        if labelled
        else None,
        occlusion=OcclusionLabels(
            state=np.where(detected, 0, random.integers(0, 4, size=detected.shape)),
            labelled=np.ones(detected.shape, dtype=bool),
        )
        if labelled
        else None,
    )


def truth(made: Clip) -> Trajectory:
    assert made.truth is not None
    return made.truth


def labels(made: Clip) -> OcclusionLabels:
    assert made.occlusion is not None
    return made.occlusion


@dataclass(frozen=True, kw_only=True)
class StickWorld:
    """Settings of a world that costs nothing."""

    frames: int = 16
    rate_hz: float = 60.0
    gone: float = 0.1


def make_stick_clip(world: StickWorld, *, seed: int, subject: int, rig_seed: int) -> Clip:
    return clip(frames=world.frames, gone=world.gone, seed=(seed + subject + rig_seed) % 2**32)


def refuse_to_make(world: StickWorld, *, seed: int, subject: int, rig_seed: int) -> Clip:
    raise AssertionError("this clip was made before")
