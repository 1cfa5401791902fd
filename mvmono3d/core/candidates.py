"""What a 2D detector saw of any number of actors, before anybody knows who is who."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates(Record):
    """2D skeletons in every view, in no order: candidate 0 of one view and of another may be two people.

    Views with fewer candidates than others are filled up with ones without any detection. Where
    `detected` is false the pixels are 0. A frame set has no batch axis, a recording has `time`.
    """

    pixels: Float[Array, "*batch view candidate joint 2"]
    """(u, v), still distorted."""
    confidence: Float[Array, "*batch view candidate joint"]
    """In [0, 1]."""
    detected: Bool[Array, "*batch view candidate joint"]
    time_ns: Int[Array, "*batch"]
    """Start of exposure on the rig's clock."""
    right: Float[Array, "*batch view candidate"] | None = None
    """Of hands: how likely it is a right one, in [0, 1]; 0.5 says nothing. A hint, never a command."""
