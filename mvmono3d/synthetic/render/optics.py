"""What a rig's lenses do: the ray of every pixel, where points appear, and how corners darken."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.lens import distort, undistort

_GOLDEN = (0.7548776662466927, 0.5698402909980532)
"""The most even steps over a square (Roberts 2018, "The unreasonable effectiveness of quasirandom
sequences")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Optics(Record):
    """A rig's cameras, ready to cast rays."""

    camera_from_world: Float[Array, "view 3 4"]
    lens: Float[Array, "view 10"]
    rays: Float[Array, "sample view height width 2"]
    """x and y at depth 1; the middle sample's go through the centres of pixels, the others beside them."""
    offset_px: Float[Array, "sample 2"]
    """Where in its pixel each sample's ray goes."""
    vignette: Float[Array, "view height width"]
    """Share of light that reaches the sensor."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width [px]."""
        return self.rays.shape[2:4]


def make_optics(rig: Rig, *, samples: int, vignetting: float) -> Optics:
    """Prepare a rig's rays; raises `InvalidRecordError` for cameras of different sizes.

    Args:
        rig: Cameras of one size.
        samples: Rays per pixel, odd.
        vignetting: 1 for the cosine's fourth power, 0 for none.
    """
    sizes = np.asarray(rig.camera.size_px)
    if (sizes != sizes[0]).any() or samples < 1 or samples % 2 == 0:
        raise InvalidRecordError(
            f"expected cameras of one size and an odd number of samples, got {sizes.tolist()} and {samples}"
        )
    width, height = sizes[0].tolist()
    lens = np.asarray(rig.camera.lens, dtype=np.float64)
    v, u = np.mgrid[:height, :width].astype(np.float64)
    pixels = np.stack([u, v], axis=-1).reshape(-1, 2)
    rays = np.empty((samples, len(lens), height, width, 2), dtype=np.float32)
    offsets = sample_offsets(samples)
    for sample, offset in enumerate(offsets):
        for view in range(len(lens)):
            straight = undistort((pixels + offset)[None], lens[view : view + 1])
            rays[sample, view] = straight.reshape(height, width, 2)
    cosine2 = 1.0 / (1.0 + (rays[samples // 2] ** 2).sum(axis=-1))
    return Optics(
        camera_from_world=np.asarray(rig.camera_from_world, dtype=np.float64),
        lens=lens,
        rays=rays,
        offset_px=offsets,
        vignette=(cosine2 ** np.float32(2.0 * vignetting)).astype(np.float32),
    )


def sample_offsets(samples: int) -> Float[np.ndarray, "sample 2"]:
    """Return where in its pixel each sample's ray goes, within ± 0.5; the middle one's through the centre."""
    steps = np.arange(samples)[:, None] - samples // 2
    return (0.5 + steps * np.array(_GOLDEN)) % 1.0 - 0.5


def to_pixels(points_camera: Float[Array, "vertex 3"], lens: Float[Array, "10"]) -> Float[Array, "vertex 2"]:
    """Return where points appear in one camera; of no meaning for points behind it."""
    depth = np.maximum(points_camera[:, 2:], 1e-3)
    return distort((points_camera[:, :2] / depth)[None], lens[None])[0]
