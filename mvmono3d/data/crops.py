"""Labelled crops of images: what a 2D joint network learns from."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, UInt8

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops(Record):
    """Square monochrome crops and the joints in them. Numbers beneath a false mask are finite."""

    images: UInt8[Array, "*batch 1 height width"]
    pixels: Float[Array, "*batch joint 2"]
    """(u, v) in the crop; the centre of its top-left pixel is (0, 0)."""
    labelled: Bool[Array, "*batch joint"]
    """Where a joint's place is known, also of hidden joints."""
    visible: Bool[Array, "*batch joint"]
    """Whether nothing hides it."""
    visible_known: Bool[Array, "*batch joint"]
    """Whether that is known: labels made from 3D don't know it."""
