"""A ball before a rig with bent lenses: its depth and silhouettes in closed form."""

import numpy as np

from mvmono3d.core.camera import Camera
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.lens import undistort
from tests.geometry.rigs import FISHEYE, PINHOLE, looking_at

WIDTH, HEIGHT = 320, 200
CENTRE, RADIUS = np.array([0.01, -0.02, 0.03]), 0.05
SIDE = 0.16


def rig_round(views: int = 4, *, fisheye: tuple[int, ...] = (1,), distance: float = 0.55) -> Rig:
    """Cameras on a spiral over the ball, looking past its middle."""
    height = np.linspace(-0.55, 0.75, views)
    angle = 2.4 * np.arange(views)
    across = np.sqrt(1.0 - height**2)
    centres = distance * np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=-1)
    aims = 0.03 * np.stack([np.sin(3 * angle), np.cos(5 * angle), np.sin(7 * angle)], axis=-1)
    fish = np.array([view in fisheye for view in range(views)])
    return Rig(
        camera=Camera(
            focal_px=np.tile([260.0, 258.0], (views, 1)) + np.arange(views)[:, None],
            centre_px=np.tile([161.0, 97.5], (views, 1)),
            distortion=np.where(fish[:, None], FISHEYE, PINHOLE),
            fisheye=fish,
            size_px=np.tile([WIDTH, HEIGHT], (views, 1)),
        ),
        camera_from_world=np.stack([looking_at(each, aim) for each, aim in zip(centres, aims, strict=True)]),
        pose_sigma=np.zeros((views, 2)),
        names=tuple(f"cam{view}" for view in range(views)),
    )


def depth_of_ball(rig: Rig, *, centre: np.ndarray = CENTRE, radius: float = RADIUS) -> np.ndarray:
    """Depth along each optical axis, 0 beside the ball."""
    pixels = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1).reshape(-1, 2).astype(float)
    lens = np.asarray(rig.camera.lens)
    places = undistort(np.broadcast_to(pixels, (len(lens), *pixels.shape)), lens)
    rays = np.concatenate([places, np.ones_like(places[..., :1])], axis=-1)
    middle = rig.camera_from_world[:, :, :3] @ centre + rig.camera_from_world[:, :, 3]
    along = np.einsum("vpc,vc->vp", rays, middle)
    square = np.sum(rays * rays, axis=-1)
    spare = along**2 - square * (np.sum(middle * middle, axis=-1)[:, None] - radius**2)
    depth = np.where(spare > 0.0, (along - np.sqrt(np.maximum(spare, 0.0))) / square, 0.0)
    return depth.reshape(len(lens), HEIGHT, WIDTH).astype(np.float32)


def voxel_centres(volume) -> np.ndarray:
    """(x, y, z, 3) in the world."""
    places = np.stack(np.meshgrid(*[np.arange(size) for size in volume.distance.shape], indexing="ij"), -1)
    return volume.origin_m + volume.voxel_m * (places + 0.5)


def moved(rig: Rig, rotation: np.ndarray, shift: np.ndarray) -> Rig:
    """The rig after the world was turned and shifted with everything in it."""
    turned = rig.camera_from_world[:, :, :3] @ rotation.T
    pose = np.concatenate([turned, rig.camera_from_world[:, :, 3:] - (turned @ shift)[..., None]], axis=-1)
    return Rig(camera=rig.camera, camera_from_world=pose, pose_sigma=rig.pose_sigma, names=rig.names)


def check_ball(surface, *, voxel_m: float, centre: np.ndarray = CENTRE) -> None:
    """Points lie on the ball, all round it, and normals point away from its middle."""
    away = surface.points_m - centre
    reach = np.linalg.norm(away, axis=1)
    assert abs(np.median(reach) - RADIUS) < 0.15 * voxel_m
    assert np.quantile(np.abs(reach - RADIUS), 0.98) < 0.6 * voxel_m
    assert np.abs(reach - RADIUS).max() < voxel_m
    outward = away / reach[:, None]
    assert (outward.min(axis=0) < -0.98).all()
    assert (outward.max(axis=0) > 0.98).all()
    assert np.abs(np.linalg.norm(surface.normals, axis=1) - 1.0).max() < 1e-5
    facing = (surface.normals * outward).sum(axis=1)
    assert np.quantile(facing, 0.01) > 0.9
    assert facing.min() > 0.7
