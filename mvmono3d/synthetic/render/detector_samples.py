"""Labelled crops of the rendered world, for training a detector of 2D joints.

Everything that could be learned by heart varies: shape, skin, clothes, props, room, light, lens, exposure,
noise. All of it is drawn from numbers that belong to one split alone (`splits.split_of`), so that a test
shows shapes, looks, rooms and lights that no training sample had.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from mvmono3d.core.array import Array
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.record import Record
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.crop import carry_pixels, crop_from_image, similarity_scale
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.synthetic.actors import stage, workspace_of_actor
from mvmono3d.synthetic.render.light import LightSettings
from mvmono3d.synthetic.render.look import draw_look
from mvmono3d.synthetic.render.renderer import Renderer, RenderSettings, exposure_times
from mvmono3d.synthetic.render.sensor import Exposure, SensorSettings, noise_key, take_picture
from mvmono3d.synthetic.render.truth import FrameTruth
from mvmono3d.synthetic.rigs import make_rig
from mvmono3d.synthetic.settings import RigSettings
from mvmono3d.synthetic.splits import ClipSeeds, Split, clip_seeds
from mvmono3d.synthetic.streams import generator

_SPACING_HZ = 0.9
"""Frames of one scene lie so far apart that their poses differ."""
_FEWEST_JOINTS = 5
"""Crops with fewer joints inside the image are left out."""
_SMALLEST_PX = 24.0
_BACKGROUND = (0.02, 6.0)
"""How bright the walls are; light falls off towards them, so that 1 is white, and several times darker than
skin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """What samples of one data set have in common."""

    skeleton: str = "hand21"
    size: int = 192
    """Height and width of a crop [px]."""
    margin: tuple[float, float] = (1.15, 1.7)
    """Side of the crop's window, in sides of the square round the joints."""
    shift: float = 0.12
    """How far the window's centre is off, in sides of that square."""
    frames: int = 6
    """Frames per scene; each gives a crop per view."""
    samples: int = 3
    """As in `RenderSettings`."""
    sensor_px: tuple[int, int] = (640, 400)
    subjects: int = 400
    """Of each split."""

    def __post_init__(self) -> None:
        if self.size < 16 or self.frames < 1 or not 1.0 <= self.margin[0] <= self.margin[1] or self.shift < 0:
            raise ConfigurationError(
                f"{self}: expected size >= 16, frames >= 1, 1 <= margins, narrow first, and shift >= 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSample(Record):
    """A monochrome crop with its joints."""

    image: UInt8[Array, "height width"]
    pixels: Float[Array, "joint 2"]
    """(u, v) in the crop, exact at the middle of the exposure; the top-left pixel's centre is (0, 0)."""
    state: Int[Array, " joint"]
    """`OcclusionState`; UNKNOWN outside the camera's image."""
    sigma_px: Float[Array, " joint"]
    """Standard deviation of the joint's place while the shutter was open."""
    depth_m: Float[Array, " joint"]
    seeds: ClipSeeds
    """What it was drawn from; the split that each number belongs to is `splits.split_of` of it."""
    frame: int
    view: int


class Picture(NamedTuple):
    """What one camera of a scene shows, whole."""

    image: UInt8[np.ndarray, "height width"]
    truth: FrameTruth
    seeds: ClipSeeds
    frame: int
    view: int


def detector_samples(
    split: Split, scenes: int, *, settings: SampleSettings, first: int = 0
) -> Iterator[DetectorSample]:
    """Yield the samples of scenes `first` to `first + scenes` of a split, always the same.

    A scene gives up to `frames` times four crops: views with too little in them are left out.
    """
    for seeds in clip_seeds(split, scenes, first=first, subjects=settings.subjects, rigs=10**6):
        yield from scene_samples(seeds, settings=settings)


def scene_samples(seeds: ClipSeeds, *, settings: SampleSettings) -> Iterator[DetectorSample]:
    """Yield the samples of one scene."""
    for picture in scene_pictures(seeds, settings=settings):
        sample = actor_sample(picture, settings=settings)
        if sample is not None:
            yield sample


def actor_sample(picture: Picture, *, settings: SampleSettings) -> DetectorSample | None:
    """Return a crop round the actor; None where too little of it is in the picture."""
    key = noise_key(picture.seeds.seed, frame=picture.frame, view=picture.view)
    window = _window(picture.truth, picture.view, settings, generator(key, "sample window"))
    return None if window is None else _cut(picture, window, settings.size)


def whole_sample(picture: Picture, *, size: int) -> DetectorSample:
    """Return the whole picture as a square crop, black above and below it, or at its sides."""
    height, width = picture.image.shape
    centre = np.array([0.5 * (width - 1), 0.5 * (height - 1)])
    window = crop_from_image(centre, np.asarray(float(max(height, width))), size=size)
    return _cut(picture, window, size)


def scene_pictures(seeds: ClipSeeds, *, settings: SampleSettings) -> Iterator[Picture]:
    """Yield every view of every frame of one scene."""
    draw = generator(seeds.seed, "sample conditions")
    skeleton = _skeleton(settings.skeleton)
    workspace = workspace_of_actor(skeleton)
    layouts = ("ring", "arc", "corners", "random")
    rig = make_rig(
        RigSettings(layouts=layouts, sensors_px=(settings.sensor_px,), fill=(0.6, 1.1)),
        workspace=workspace,
        seed=seeds.rig_seed,
    )
    exposure_s = float(np.exp(draw.uniform(np.log(2e-4), np.log(5e-3))))
    times = exposure_times(
        settings.frames, rate_hz=_SPACING_HZ, exposure_s=exposure_s, samples=settings.samples
    )
    staged = stage(skeleton, times, seed=seeds.seed, subject=seeds.subject)
    # Behind the actor there may be lamps, windows, white walls: as bright as it, or brighter.
    background = float(np.exp(draw.uniform(np.log(_BACKGROUND[0]), np.log(_BACKGROUND[1]))))
    look = replace(draw_look(seeds.seed), background=background)
    renderer = Renderer([staged], rig, looks=[look], settings=_draw_rendering(draw, samples=settings.samples))
    apart = camera_centres(rig.camera_from_world) - workspace.centre_world
    bright = look.skin * (1.0 + renderer.settings.light.others) / np.mean(apart**2, axis=0).sum()
    sensor, exposure = _draw_sensor(draw, exposure_s=exposure_s, bright=float(bright))
    for frame in range(settings.frames):
        light, truth = renderer.frame(frame).light, renderer.truth(frame)[0]
        for view in range(renderer.views):
            key = noise_key(seeds.seed, frame=frame, view=view)
            image = take_picture(light[view], exposure, sensor, key=key)
            yield Picture(image, truth, seeds, frame, view)


def _draw_rendering(draw: np.random.Generator, *, samples: int) -> RenderSettings:
    return RenderSettings(
        samples=samples,
        fineness=0.8,
        blur_px=float(draw.uniform(0.3, 1.1)),
        vignetting=float(draw.uniform(0.5, 2.0)),
        light=LightSettings(
            offset_m=tuple(draw.uniform(-0.06, 0.06, 3).tolist()),
            beam=float(draw.uniform(0.0, 4.0)),
            shininess=float(np.exp(draw.uniform(np.log(4.0), np.log(40.0)))),
            others=float(draw.choice([0.0, draw.uniform(0.2, 1.5)], p=[0.25, 0.75])),
        ),
    )


def _draw_sensor(
    draw: np.random.Generator, *, exposure_s: float, bright: float
) -> tuple[SensorSettings, Exposure]:
    """Draw how bright skin is, from dim to glaring, and how much of that is gain; `bright`: its light."""
    level, gain = (
        float(np.exp(draw.uniform(np.log(0.08), np.log(1.3)))),
        10.0 ** float(draw.uniform(0.0, 0.9)),
    )
    full_well = float(np.exp(draw.uniform(np.log(4e3), np.log(2e4))))
    rate = level * full_well / gain / exposure_s / bright
    sensor = SensorSettings(
        full_well=full_well,
        read_noise=float(draw.uniform(2.0, 9.0)),
        black_level=float(draw.uniform(0.0, 12.0)),
        white_rate=rate,
    )
    return sensor, Exposure(exposure_s=exposure_s, gain=gain)


def _window(
    truth: FrameTruth, view: int, settings: SampleSettings, draw: np.random.Generator
) -> Float[np.ndarray, "2 3"] | None:
    inside = truth.state[view] != OcclusionState.UNKNOWN
    stretch, off = draw.uniform(*settings.margin), draw.uniform(-1.0, 1.0, 2)
    if inside.sum() < _FEWEST_JOINTS:
        return None
    pixels = truth.pixels[view][inside]
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    side = float((high - low).max())
    if side < _SMALLEST_PX:
        return None
    centre = 0.5 * (low + high) + settings.shift * side * off
    return crop_from_image(centre, np.asarray(stretch * side), size=settings.size)


def _cut(picture: Picture, window: Float[np.ndarray, "2 3"], size: int) -> DetectorSample:
    image, truth, seeds, frame, view = picture
    scale = float(similarity_scale(window))
    # Shrinking averages pixels; a plain interpolation would skip some of them.
    soft = cv2.GaussianBlur(image, (0, 0), 0.4 / scale) if scale < 0.8 else image
    crop = cv2.warpAffine(soft, window, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    pixels = carry_pixels(window, np.where(truth.depth[view][:, None] > 0.0, truth.pixels[view], 0.0))
    return DetectorSample(
        image=crop,
        pixels=pixels.astype(np.float32),
        state=truth.state[view],
        # A place that moves evenly over a length has this standard deviation.
        sigma_px=(truth.smear_px[view] * scale / np.sqrt(12.0)).astype(np.float32),
        depth_m=truth.depth[view].astype(np.float32),
        seeds=seeds,
        frame=frame,
        view=view,
    )


@lru_cache(maxsize=8)
def _skeleton(name: str) -> Skeleton:
    return load_skeleton(name)
