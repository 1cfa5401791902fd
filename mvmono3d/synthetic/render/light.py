"""One moment before the cameras: rays cast, light gathered, shadows of the cameras' lights included."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.synthetic.render.optics import Optics, to_pixels
from mvmono3d.synthetic.render.ray_kernel import cast, shade
from mvmono3d.synthetic.render.surfaces import Shape, Surface

FAR_M = 1e6
"""Depth where nothing is hit."""
_SHADOW_BIAS_M = 0.006


@dataclass(frozen=True, slots=True, kw_only=True)
class LightSettings:
    """Infrared lights, one beside each camera, flashing together."""

    offset_m: tuple[float, float, float] = (0.0, -0.03, 0.0)
    """From the lens, in the camera's frame (+Y down)."""
    beam: float = 1.0
    """Off the axis it fades as the cosine to this power."""
    shininess: float = 12.0
    others: float = 1.0
    """How bright the other cameras' lights are, relative to the own one; 0: cameras flash in turn."""

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """The light's place, and the exponents of highlight and beam, as the kernels take them."""
        return np.array(self.offset_m), np.array([self.shininess, self.beam])


class Layer(NamedTuple):
    """What one camera's rays met."""

    depth: Float[Array, "height width"]
    """Along the optical axis, metres; `FAR_M` where nothing was."""
    hit: Int[Array, "height width"]
    """The triangle, -1 where it was none."""


class Seen(NamedTuple):
    """A surface as each camera has it."""

    points: Float[Array, "view vertex 3"]
    """In each camera's frame."""
    normals: Float[Array, "view vertex 3"]
    pixels: Float[Array, "view vertex 2"]


def see(shape: Shape, optics: Optics) -> Seen:
    """Transform a surface into every camera's frame and image."""
    rotation, shift = optics.camera_from_world[:, :, :3], optics.camera_from_world[:, None, :, 3]
    turn = np.swapaxes(rotation, 1, 2)
    points = shape.vertices_world.astype(np.float64) @ turn + shift
    pixels = [to_pixels(each, lens) for each, lens in zip(points, optics.lens, strict=True)]
    return Seen(points, shape.normals_world.astype(np.float64) @ turn, np.stack(pixels))


def fill_light(
    seen: Seen, depth: Float[Array, "view height width"], settings: LightSettings
) -> Float[Array, "view vertex"]:
    """Return what the other cameras' lights give each vertex, for every view.

    A camera's light reaches what the camera sees, so that its depth picture is the light's shadow.
    """
    views = len(seen.points)
    if settings.others == 0.0 or views == 1 or seen.points.shape[1] == 0:
        return np.zeros(seen.points.shape[:2], dtype=np.float32)
    each = np.stack([_light_of(seen, depth, view, settings) for view in range(views)])
    return (settings.others * (each.sum(axis=0) - each)).astype(np.float32)


def _light_of(seen: Seen, depth: np.ndarray, view: int, settings: LightSettings) -> np.ndarray:
    to_light = np.array(settings.offset_m) - seen.points[view]
    square = (to_light**2).sum(axis=1) + 1e-12
    distance = np.sqrt(square)
    facing = np.clip((seen.normals[view] * to_light).sum(axis=1) / distance, 0.0, None)
    fade = np.clip(-to_light[:, 2] / distance, 0.0, None) ** settings.beam
    height, width = depth.shape[1:]
    z = seen.points[view, :, 2]
    u, v = np.clip(np.rint(seen.pixels[view]), -1, [width, height]).astype(int).T
    inside = (u >= 0) & (v >= 0) & (u < width) & (v < height)
    nearest = depth[view, v.clip(0, height - 1), u.clip(0, width - 1)]
    lit = (~inside | (z <= nearest + _SHADOW_BIAS_M)) & (z > 0.0)
    return facing * fade / square * lit


def cast_view(
    surface: Surface, seen: Seen, optics: Optics, view: int, *, sample: int, region: Int[Array, "4"],
    depth: Float[Array, "height width"],
) -> Int[Array, "height width"]:  # fmt: skip
    """Lower one view's `depth` where the surface is nearer; return which triangle is there, -1 for none."""
    hit = np.full(depth.shape, -1, dtype=np.int32)
    pixels = seen.pixels[view] - optics.offset_px[sample]
    rays = optics.rays[sample, view]
    cast(seen.points[view], pixels, surface.triangles, rays, region, depth, hit)
    return hit


def light_view(
    surface: Surface, seen: Seen, view: int, rays: Float[Array, "height width 2"], *, region: Int[Array, "4"],
    layer: Layer, fill: Float[Array, " vertex"], settings: LightSettings, light: Float[Array, "height width"],
) -> None:  # fmt: skip
    """Add what one view's hit pixels send to its camera; 1 is a white surface at 1 m under its own light."""
    shade(
        seen.points[view],
        seen.normals[view],
        surface.albedo,
        surface.gloss,
        fill,
        surface.triangles,
        rays,
        region,
        layer.depth,
        layer.hit,
        *settings.arrays,
        light,
    )
