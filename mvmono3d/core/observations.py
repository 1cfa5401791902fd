"""What a 2D detector saw."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations(Record):
    """2D joints of one actor in every view. Where `detected` is false the pixels are 0."""

    pixels: Float[Array, "*batch time view joint 2"]
    """(u, v), still distorted."""
    confidence: Float[Array, "*batch time view joint"]
    """In [0, 1]; how far it can be trusted differs from detector to detector."""
    detected: Bool[Array, "*batch time view joint"]
    time_ns: Int[Array, "*batch time"]
    """Start of exposure on the rig's clock."""
    sigma_px: Float[Array, "*batch time view joint"] | None = None
    """The detector's own standard deviation per axis, where it states one."""
