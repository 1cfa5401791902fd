"""Frames of a scene as triggered infrared cameras take them, with their truth."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.rig import Rig
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.actors import Staged
from mvmono3d.synthetic.render.backdrop import backdrop
from mvmono3d.synthetic.render.light import Layer, LightSettings, Seen, cast_view, fill_light, light_view, see
from mvmono3d.synthetic.render.look import Look
from mvmono3d.synthetic.render.optics import make_optics
from mvmono3d.synthetic.render.surfaces import Stage, Surface, join_surfaces
from mvmono3d.synthetic.render.truth import FrameTruth, SightLines, look_for

_MARGIN_PX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """How well a scene is rendered."""

    samples: int = 5
    """Moments of the exposure, each with its own ray per pixel; odd. 1: no motion blur, no smooth edges."""
    fineness: float = 1.0
    """2: edges of skins half as long."""
    blur_px: float = 0.5
    """Standard deviation of the lens's blur."""
    vignetting: float = 1.0
    """1: corners darken with the cosine's fourth power, 0: not at all."""
    light: LightSettings = field(default_factory=LightSettings)
    contact_tolerance_m: float = 0.012
    """How much of a prop that holds a joint doesn't hide it, as in `WorldSettings`."""
    threads: int = 1


class Picture(NamedTuple):
    """One frame of every camera."""

    light: Float[Array, "view height width"]
    """What reaches the sensor; 1 is a white surface at 1 m under its own light, in the image's middle."""
    depth: Float[Array, "view height width"]
    """Along the optical axis at the middle of the exposure, metres."""


def exposure_times(
    frames: int, *, rate_hz: float, exposure_s: float, samples: int
) -> Float[np.ndarray, " time"]:
    """Return the times to stage a scene at: `samples` in each exposure, which begins at the trigger."""
    if frames < 1 or not rate_hz > 0.0 or not 0.0 < exposure_s <= 1.0 / rate_hz:
        raise ConfigurationError(
            f"{frames} frames at {rate_hz:g} Hz, exposed for {exposure_s * 1e6:g} µs: expected at least one "
            "frame and an exposure that ends before the next trigger"
        )
    within = exposure_s * (np.arange(samples) + 0.5) / samples
    return (np.arange(frames)[:, None] / rate_hz + within).ravel()


class Renderer:
    """Renders a scene before a rig; equal arguments give equal light, with any number of threads."""

    def __init__(
        self,
        staged: Sequence[Staged],
        rig: Rig,
        *,
        looks: Sequence[Look],
        settings: RenderSettings | None = None,
    ) -> None:
        """Grow skins and light the empty room.

        Args:
            staged: Actors, each staged at `exposure_times` of the same settings.
            rig: The true rig; cameras of one size.
            looks: One per actor; the first one's room.
            settings: How well.
        """
        self.settings = settings or RenderSettings()
        self.stage = Stage(staged, looks, fineness=self.settings.fineness)
        self.optics = make_optics(rig, samples=self.settings.samples, vignetting=self.settings.vignetting)
        self.frames = self.stage.times // self.settings.samples
        floor = any(each.performance.on_floor for each in staged)
        light, depth = backdrop(self.optics, looks[0], self.settings.light, floor=floor)
        self._still_seen = see(self.stage.still_shape(), self.optics)
        self._pool = ThreadPoolExecutor(self.settings.threads)
        self._light, self._depth = self._furnish(light, depth)
        self.empty = self._finish(self._light, self._whole_image())
        self._touches = [np.ascontiguousarray(each.scene.capsules.touches, dtype=np.bool_) for each in staged]

    @property
    def views(self) -> int:
        """How many cameras there are."""
        return len(self.optics.lens)

    def frame(self, index: int) -> Picture:
        """Render one frame, counted from 0."""
        samples = self.settings.samples
        seen = [see(self.stage.shape(index * samples + sample), self.optics) for sample in range(samples)]
        regions = self._regions(seen)
        light, depth = self._expose(self.stage.surface, seen, regions, self._light, self._depth)
        picture = self.empty.copy()
        self._finish_into(picture, light, regions)
        return Picture(picture, depth)

    def truth(self, index: int) -> tuple[FrameTruth, ...]:
        """Return the truth of one frame, of each actor."""
        samples = slice(index * self.settings.samples, (index + 1) * self.settings.samples)
        time = samples.start + self.settings.samples // 2
        moving = see(self.stage.shape(time), self.optics)
        lines = SightLines(
            seen=Seen(*(np.concatenate(pair, axis=1) for pair in zip(moving, self._still_seen, strict=True))),
            surface=join_surfaces([self.stage.surface, self.stage.still_surface]),
            props=len(self.stage.props.shape),
            contact_m=self.settings.contact_tolerance_m,
        )
        return tuple(
            look_for(
                each.scene.points_world[samples],
                self.optics,
                lines,
                actor=actor,
                touches=self._touches[actor],
                skin_m=float(each.scene.capsules.radius_m.min()),
            )
            for actor, each in enumerate(self.stage.staged)
        )

    def _furnish(self, light: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put what never moves into the empty room."""
        seen = [self._still_seen] * self.settings.samples
        return self._expose(self.stage.still_surface, seen, self._whole_image(), light, depth)

    def _expose(
        self,
        surface: Surface,
        seen: list[Seen],
        regions: Int[Array, "view 4"],
        behind: Float[Array, "view height width"],
        behind_depth: Float[Array, "view height width"],
    ) -> tuple[Float[Array, "view height width"], Float[Array, "view height width"]]:
        """Return the mean light over the samples, and the middle sample's depth."""
        total = np.zeros_like(behind)
        depth = behind_depth
        for sample, each in enumerate(seen):
            layers = self._cast(surface, each, sample, regions, behind_depth)
            if sample == len(seen) // 2:
                depth = np.stack([layer.depth for layer in layers])
            fill = fill_light(each, np.stack([layer.depth for layer in layers]), self.settings.light)

            def add(view: int, each: Seen = each, sample: int = sample, layers: list[Layer] = layers,
                    fill: np.ndarray = fill) -> None:  # fmt: skip
                left, top, right, bottom = regions[view].tolist()
                box = (slice(top, bottom), slice(left, right))
                total[view][box] += np.where(layers[view].hit[box] < 0, behind[view][box], 0.0)
                light_view(
                    surface, each, view, self.optics.rays[sample, view], region=regions[view],
                    layer=layers[view], fill=fill[view], settings=self.settings.light, light=total[view],
                )  # fmt: skip

            list(self._pool.map(add, range(self.views)))
        total /= np.float32(len(seen))
        return total, depth

    def _cast(
        self, surface: Surface, seen: Seen, sample: int, regions: np.ndarray, behind: np.ndarray
    ) -> list[Layer]:
        def one(view: int) -> Layer:
            depth = behind[view].copy()
            hit = cast_view(
                surface, seen, self.optics, view, sample=sample, region=regions[view], depth=depth
            )
            return Layer(depth, hit)

        return list(self._pool.map(one, range(self.views)))

    def _finish(self, light: np.ndarray, regions: np.ndarray) -> np.ndarray:
        finished = np.zeros_like(light)
        self._finish_into(finished, light, regions)
        return finished

    def _finish_into(self, picture: np.ndarray, light: np.ndarray, regions: np.ndarray) -> None:
        """Blur and vignette the regions."""
        for view, (left, top, right, bottom) in enumerate(regions.tolist()):
            box = (slice(top, bottom), slice(left, right))
            if right <= left or bottom <= top:
                continue
            patch = light[view][box]
            if self.settings.blur_px > 0.0:
                patch = cv2.GaussianBlur(
                    patch, (0, 0), self.settings.blur_px, borderType=cv2.BORDER_REPLICATE
                )
            picture[view][box] = patch * self.optics.vignette[view][box]

    def _whole_image(self) -> np.ndarray:
        height, width = self.optics.shape
        return np.tile([0, 0, width, height], (self.views, 1))

    def _regions(self, seen: list[Seen]) -> np.ndarray:
        """Return what the moving surface may cover in each view, over all samples."""
        height, width = self.optics.shape
        regions = []
        for view in range(self.views):
            ahead = [each.pixels[view][each.points[view][:, 2] > 0.0] for each in seen]
            pixels = np.concatenate(ahead)
            if not len(pixels):
                regions.append([0, 0, 0, 0])
                continue
            low, high = pixels.min(axis=0) - _MARGIN_PX, pixels.max(axis=0) + _MARGIN_PX + 1
            left, top = np.clip(low, 0, [width, height]).astype(int).tolist()
            right, bottom = np.clip(high, 0, [width, height]).astype(int).tolist()
            regions.append([left, top, max(right, left), max(bottom, top)])
        return np.array(regions)
