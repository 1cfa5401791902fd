"""Cameras: an OpenCV lens each, pinhole with five coefficients or fisheye with four."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array, namespace
from mvmono3d.core.record import Record

LENS_SIZE = 10
"""Numbers of a packed lens: fx fy cx cy, five distortion coefficients, 1 for fisheye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera(Record):
    """The lenses of a rig's cameras, without skew.

    `distortion` holds OpenCV's k1 k2 p1 p2 k3, or k1 k2 k3 k4 0 where `fisheye` is true.
    Pixels are (u, v) with the centre of the top-left pixel at (0, 0).
    """

    focal_px: Float[Array, "*batch view 2"]
    centre_px: Float[Array, "*batch view 2"]
    distortion: Float[Array, "*batch view 5"]
    fisheye: Bool[Array, "*batch view"]
    size_px: Int[Array, "*batch view 2"]
    """(width, height)"""

    @property
    def lens(self) -> Float[Array, "*batch view 10"]:
        """The packed form that geometry and the exported graph take: see `LENS_SIZE`."""
        xp = namespace(self.focal_px)
        flag = xp.astype(self.fisheye, self.focal_px.dtype)[..., None]
        return xp.concat([self.focal_px, self.centre_px, self.distortion, flag], axis=-1)
