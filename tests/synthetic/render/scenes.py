"""Small rendered scenes that several tests share."""

from functools import lru_cache

import numpy as np

from mvmono3d.core.camera import Camera
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.synthetic.actors import stage
from mvmono3d.synthetic.props import NO_PROPS, PropSettings
from mvmono3d.synthetic.render.look import draw_look
from mvmono3d.synthetic.render.renderer import Renderer, RenderSettings, exposure_times
from mvmono3d.synthetic.rigs import look_at

PINHOLE = (-0.1, 0.05, 0.0005, -0.0004, 0.0)
FISHEYE = (0.02, -0.004, 0.0006, -0.0001, 0.0)


def ring_rig(
    *,
    views: int = 3,
    size: tuple[int, int] = (160, 100),
    distance: float = 0.7,
    focal: float = 120.0,
    fisheye: bool = False,
    distortion: tuple[float, ...] | None = None,
) -> Rig:
    angle = 2.0 * np.pi * np.arange(views) / views + 0.3
    places = distance * np.stack([np.cos(angle), np.sin(angle), np.full(views, 0.4)], axis=1)
    bend = (FISHEYE if fisheye else PINHOLE) if distortion is None else distortion
    return Rig(
        camera=Camera(
            focal_px=np.tile([focal, 1.01 * focal], (views, 1)),
            centre_px=np.tile([0.5 * size[0] + 1.3, 0.5 * size[1] - 0.7], (views, 1)),
            distortion=np.tile(bend, (views, 1)).astype(np.float64),
            fisheye=np.full(views, fisheye),
            size_px=np.tile(size, (views, 1)),
        ),
        camera_from_world=look_at(places, np.zeros((views, 3)), roll=np.zeros(views)),
        pose_sigma=np.zeros((views, 2)),
        names=tuple(f"cam{view}" for view in range(views)),
    )


@lru_cache(maxsize=16)
def hand_renderer(
    *,
    seed: int = 1,
    frames: int = 2,
    exposure_s: float = 0.001,
    samples: int = 3,
    threads: int = 1,
    props: PropSettings = NO_PROPS,
    rate_hz: float = 4.0,
) -> Renderer:
    times = exposure_times(frames, rate_hz=rate_hz, exposure_s=exposure_s, samples=samples)
    staged = stage(load_skeleton("hand21"), times, seed=seed, subject=seed, props=props)
    settings = RenderSettings(samples=samples, fineness=0.7, threads=threads)
    return Renderer([staged], ring_rig(), looks=[draw_look(seed)], settings=settings)
