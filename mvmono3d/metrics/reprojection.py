"""How well 3D joints explain the pixels: needs no truth.

This distance flatters a method that bends its joints to wrong pixels. `pipeline.leave_one_out` measures
the honest one: the prediction of a view that the method did not get.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, namespace
from mvmono3d.geometry.projection import project


class PixelDistance(NamedTuple):
    """Distance between a detection and the projected joint, where both exist; 0 elsewhere."""

    distance_px: Float[Array, "*batch view joint"]
    counts: Bool[Array, "*batch view joint"]


def reprojection_px(
    points_world: Float[Array, "*batch joint 3"],
    answered: Bool[Array, "*batch joint"],
    *,
    pixels: Float[Array, "*batch view joint 2"],
    detected: Bool[Array, "*batch view joint"],
    lens: Float[Array, "view 10"],
    camera_from_world: Float[Array, "view 3 4"],
) -> PixelDistance:
    """Return the distance in distorted pixels from each detection to its joint."""
    xp = namespace(points_world, pixels)
    projection = project(points_world, lens=lens, camera_from_world=camera_from_world)
    counts = detected & answered[..., None, :] & projection.in_front
    distance = xp.sqrt(xp.sum((projection.pixels - pixels) ** 2, axis=-1))
    return PixelDistance(distance_px=xp.where(counts, distance, xp.zeros_like(distance)), counts=counts)
