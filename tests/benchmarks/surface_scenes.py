"""Rendered hands with their true surface, depth and pictures: what surfaces are measured on."""

from dataclasses import dataclass, replace

import numpy as np

from mvmono3d.core.rig import Rig
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.cameras.virtual_scene import pictures_of
from mvmono3d.geometry.projection import unproject
from mvmono3d.pointcloud.silhouette import boxes_of, learn, silhouette
from mvmono3d.synthetic.render.light import FAR_M, cast_view, see
from mvmono3d.synthetic.render.optics import make_optics
from mvmono3d.synthetic.render.renderer import Renderer
from mvmono3d.synthetic.render.sensor import Exposure, SensorSettings, noise_key, take_picture

RATE_HZ, EXPOSURE_NS, SECONDS = 60.0, 1_000_000, 4.0
_LEARNED = 30
"""Pictures of the empty room that a background is learned from."""

_UNUSED = 1_000_000
"""Numbers of frames that no scene has: noise of their own."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment. Depth is that of what moves alone, 0 elsewhere."""

    depths: np.ndarray
    straight: np.ndarray
    """The same as cameras without lens distortion would see it."""
    masks: np.ndarray
    """Silhouettes found in pictures with noise."""
    true_masks: np.ndarray
    centre: np.ndarray
    """Of the cube: the middle of the true joints [m]."""
    vertices: np.ndarray
    """Of the true surface: skin and whatever prop moves."""
    normals: np.ndarray
    triangles: np.ndarray


def straight_rig(rig: Rig) -> Rig:
    """The rig with lenses that don't bend."""
    return replace(rig, camera=replace(rig.camera, distortion=np.zeros_like(rig.camera.distortion)))


def scene_renderer(seed: int, *, seconds: float = SECONDS) -> Renderer:
    made = pictures_of(
        VirtualSource(scene="hand", seed=seed, seconds=seconds), rate_hz=RATE_HZ, exposure_ns=EXPOSURE_NS
    )
    if not isinstance(made, Renderer):
        raise TypeError(f"scene 'hand' is drawn by {type(made).__name__}: expected Renderer")
    return made


def frames_of(seed: int, rig: Rig, *, count: int, side_m: float) -> list[Frame]:
    """Moments of one scene, evenly spread over it."""
    renderer = scene_renderer(seed)
    looked = Looker(renderer, rig, seed=seed, side_m=side_m)
    return [looked.frame(int(index)) for index in np.linspace(0, renderer.frames - 1, count)]


class Looker:
    """Takes a renderer's frames apart."""

    def __init__(self, renderer: Renderer, rig: Rig, *, seed: int, side_m: float) -> None:
        self._renderer, self._rig, self._seed, self._side_m = renderer, rig, seed, side_m
        self._bent = MovingDepth(renderer, rig)
        self._straight = MovingDepth(renderer, straight_rig(rig))
        self._backgrounds = [None] * len(rig.names)
        for number in range(_LEARNED):
            empty = self._picture(renderer.empty, _UNUSED + number)
            pairs = zip(empty, self._backgrounds, strict=True)
            self._backgrounds = [learn(image, before) for image, before in pairs]

    def frame(self, index: int) -> Frame:
        renderer = self._renderer
        time = index * renderer.settings.samples + renderer.settings.samples // 2
        shape, centre = renderer.stage.shape(time), renderer.truth(index)[0].points_world.mean(axis=0)
        depths = self._bent.of(index)
        boxes = boxes_of(self._rig, centre_m=centre, side_m=self._side_m)
        images = self._picture(renderer.frame(index).light, index)
        looked = zip(images, self._backgrounds, boxes.tolist(), strict=True)
        return Frame(
            depths=within(depths, self._rig, centre, self._side_m),
            straight=within(self._straight.of(index), straight_rig(self._rig), centre, self._side_m),
            masks=np.stack([silhouette(image, before, tuple(box)) for image, before, box in looked]),
            true_masks=depths > 0.0,
            centre=centre,
            vertices=shape.vertices_world.astype(np.float64),
            normals=shape.normals_world.astype(np.float64),
            triangles=renderer.stage.surface.triangles,
        )

    def _picture(self, light: np.ndarray, number: int) -> list[np.ndarray]:
        exposure = Exposure(exposure_s=EXPOSURE_NS * 1e-9, gain=1.0)
        return [
            take_picture(each, exposure, SensorSettings(), key=noise_key(self._seed, frame=number, view=view))
            for view, each in enumerate(light)
        ]


class MovingDepth:
    """Depth of what moves in a renderer's scene, before any rig, without lighting it."""

    def __init__(self, renderer: Renderer, rig: Rig) -> None:
        self._renderer = renderer
        self._optics = make_optics(rig, samples=1, vignetting=0.0)

    def of(self, index: int) -> np.ndarray:
        """(view, height, width) [m] at the middle of a frame's exposure; 0 where nothing moves."""
        samples = self._renderer.settings.samples
        seen = see(self._renderer.stage.shape(index * samples + samples // 2), self._optics)
        height, width = self._optics.shape
        depths = np.full((len(self._optics.lens), height, width), FAR_M, dtype=np.float32)
        for view, depth in enumerate(depths):
            region = np.array([0, 0, width, height])
            cast_view(
                self._renderer.stage.surface, seen, self._optics, view, sample=0, region=region, depth=depth
            )
        return np.where(depths < FAR_M, depths, np.float32(0.0))


def within(depths: np.ndarray, rig: Rig, centre: np.ndarray, side_m: float) -> np.ndarray:
    """The depths of what lies in a cube; 0 elsewhere."""
    cut = np.zeros_like(depths)
    for view, depth in enumerate(depths):
        rows, columns = np.nonzero(depth > 0.0)
        places = unproject(
            np.stack([columns, rows], axis=-1).astype(np.float64)[None],
            depth[rows, columns].astype(np.float64)[None],
            lens=rig.camera.lens[view : view + 1],
            camera_from_world=rig.camera_from_world[view : view + 1],
        )[0]
        kept = (np.abs(places - centre) < 0.5 * side_m).all(axis=1)
        cut[view, rows[kept], columns[kept]] = depth[rows[kept], columns[kept]]
    return cut
