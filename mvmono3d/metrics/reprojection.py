"""How well 3D joints explain the pixels: needs no truth.

The plain reprojection distance flatters a method that bends its joints to wrong pixels. The prediction
of a view that the method did not get is the honest one.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, namespace
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.trajectory import PointSource, Trajectory
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


def leave_one_view_out_px(
    reconstruct: Callable[[Observations], Trajectory], observations: Observations, *, rig: Rig
) -> PixelDistance:
    """Return the distance from each detection to the joint reconstructed without that detection's view.

    Calls the method once per view. Numpy only.
    """
    distances, counts = [], []
    for view in range(len(rig.names)):
        kept = np.arange(len(rig.names))[:, None] != view
        without = replace(observations, detected=observations.detected & kept)
        trajectory = reconstruct(without)
        result = reprojection_px(
            trajectory.points_world,
            trajectory.source != PointSource.MISSING,
            pixels=observations.pixels,
            detected=observations.detected,
            lens=rig.camera.lens,
            camera_from_world=rig.camera_from_world,
        )
        distances.append(result.distance_px[:, view])
        counts.append(result.counts[:, view])
    return PixelDistance(distance_px=np.stack(distances, axis=1), counts=np.stack(counts, axis=1))
