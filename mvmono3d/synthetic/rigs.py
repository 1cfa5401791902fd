"""Rigs round a workspace: the true one, and the one that a calibration with errors would give."""

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.core.camera import Camera
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.rigid import compose, rotation_from_vector, transform_from
from mvmono3d.synthetic.layouts import place_cameras
from mvmono3d.synthetic.settings import CalibrationSettings, RigSettings
from mvmono3d.synthetic.streams import generator
from mvmono3d.synthetic.workspace import Workspace


def make_rig(settings: RigSettings, *, workspace: Workspace, seed: int) -> Rig:
    """Draw a true rig (its `pose_sigma` is 0) whose cameras all see the workspace's centre."""
    draw = generator(seed, "rig")
    layout = settings.layouts[draw.integers(len(settings.layouts))]
    views = int(draw.integers(settings.views[0], settings.views[1] + 1))
    size = settings.sensors_px[draw.integers(len(settings.sensors_px))]
    radius = max(workspace.radius_m, settings.minimum_radius_m)
    stand = place_cameras(
        layout,
        views=views,
        distance=draw.uniform(*settings.distance_radii),
        aim=settings.aim_radii,
        generator=draw,
    )
    share = settings.headset_fisheye_share if layout == "headset" else settings.fisheye_share
    fisheye = bool(draw.random() < share)
    fill = draw.uniform(*settings.fill) * (0.5 if layout == "headset" else 1.0)
    distance = np.linalg.norm(stand.positions, axis=1)
    camera = _draw_camera(settings, size, fisheye=fisheye, fill=fill, distance=distance, draw=draw)
    centre = np.array(workspace.centre_world)
    portrait = draw.random(views) < settings.portrait_share
    roll = draw.uniform(-1, 1, views) * settings.roll_rad + portrait * np.pi / 2
    return Rig(
        camera=camera,
        camera_from_world=look_at(centre + radius * stand.positions, centre + radius * stand.aims, roll=roll),
        pose_sigma=np.zeros((views, 2)),
        names=tuple(f"cam{view}" for view in range(views)),
    )


def calibrate_with_errors(rig: Rig, settings: CalibrationSettings, *, workspace: Workspace, seed: int) -> Rig:
    """Return the rig that its user would have: poses and focal lengths off, by `pose_sigma` as stated.

    `pose_sigma` covers the error of rotation and translation, each drawn about the camera's own axes;
    the error of the focal length has no place in a rig and stays unstated.
    """
    draw, views = generator(seed, "calibration"), len(rig.names)
    rotation_sigma = draw.uniform(*settings.rotation_rad)
    reach = (
        rig.camera_from_world[:, :, :3] @ np.array(workspace.centre_world) + rig.camera_from_world[:, :, 3]
    )
    distance = np.linalg.norm(reach, axis=1, keepdims=True)
    translation_sigma = draw.uniform(*settings.translation_share) * distance
    focal_sigma = draw.uniform(*settings.focal_share)
    turn = rotation_sigma * draw.standard_normal((views, 3))
    shift = translation_sigma * draw.standard_normal((views, 3))
    focal = rig.camera.focal_px * (1.0 + focal_sigma * draw.standard_normal((views, 1)))
    lens = rig.camera
    return Rig(
        camera=Camera(
            focal_px=focal,
            centre_px=lens.centre_px,
            distortion=lens.distortion,
            fisheye=lens.fisheye,
            size_px=lens.size_px,
        ),
        camera_from_world=compose(transform_from(rotation_from_vector(turn), shift), rig.camera_from_world),
        pose_sigma=np.concatenate([np.full((views, 1), rotation_sigma), translation_sigma], axis=1),
        names=rig.names,
    )


def look_at(
    positions_world: Float[Array, "view 3"],
    targets_world: Float[Array, "view 3"],
    *,
    roll: Float[Array, " view"],
) -> Float[Array, "view 3 4"]:
    """Return `camera_from_world` of cameras that look from position to target, upright but for `roll`."""
    forward = targets_world - positions_world
    forward = forward / np.linalg.norm(forward, axis=1, keepdims=True)
    # Straight up or down there is no upright: take +Y for up.
    steep = np.abs(forward[:, 2:]) > 0.999
    right = np.cross(forward, np.where(steep, [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]))
    right = right / np.linalg.norm(right, axis=1, keepdims=True)
    down = np.cross(forward, right)
    cosine, sine = np.cos(roll)[:, None], np.sin(roll)[:, None]
    rotation = np.stack([cosine * right + sine * down, cosine * down - sine * right, forward], axis=1)
    return transform_from(rotation, -(rotation @ positions_world[:, :, None])[:, :, 0])


def _draw_camera(
    settings: RigSettings,
    size: tuple[int, int],
    *,
    fisheye: bool,
    fill: float,
    distance: np.ndarray,
    draw: np.random.Generator,
) -> Camera:
    views = len(distance)
    half_short = 0.5 * min(size)
    angle = np.arctan(1.0 / distance)
    focal = fill * half_short / (angle if fisheye else np.tan(angle)) * draw.uniform(0.98, 1.02, views)
    centre = (np.array(size) - 1) / 2 + draw.uniform(-0.01, 0.01, (views, 2)) * size[0]
    corner = np.hypot(*(np.array(size) / 2)) / focal
    distort = _fisheye_distortion if fisheye else _pinhole_distortion
    return Camera(
        focal_px=focal[:, None] * draw.uniform(0.998, 1.002, (views, 2)),
        centre_px=centre,
        distortion=distort(settings, corner, draw),
        fisheye=np.full(views, fisheye),
        size_px=np.tile(np.array(size), (views, 1)),
    )


def _pinhole_distortion(settings: RigSettings, corner: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    views = len(corner)
    first = draw.uniform(*settings.corner_distortion, views)
    # 1 + 3 a r² + 5 b r⁴ > 0 for b > 0.45 a²: the lens never folds, so that nothing outside comes back in.
    second = 0.45 * first**2 + draw.uniform(0.002, 0.02, views)
    tangential = draw.uniform(-4e-4, 4e-4, (2, views))
    return np.stack([first / corner**2, second / corner**4, *tangential, np.zeros(views)], axis=1)


def _fisheye_distortion(_settings: RigSettings, corner: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    limits = np.array([0.04, 0.01, 1e-3, 3e-4, 0.0])
    return draw.uniform(-1, 1, (len(corner), 5)) * limits
