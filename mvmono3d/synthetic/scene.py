"""What stands in front of the cameras: an actor's joints and capsules, and props, over time."""

from dataclasses import dataclass
from enum import IntEnum

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record


class PropShape(IntEnum):
    """A prop's solid, centred on its own origin."""

    BOX = 0
    """`size_m` holds the half edges."""
    CYLINDER = 1
    """`size_m` holds radius, radius, half height; its axis is +Z."""
    SPHERE = 2
    """`size_m` holds the radius, three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capsules(Record):
    """The actor's flesh: each capsule is a segment with a radius."""

    start_world: Float[Array, "time capsule 3"]
    end_world: Float[Array, "time capsule 3"]
    radius_m: Float[Array, " capsule"]
    touches: Bool[Array, "joint capsule"]
    """Capsules that a joint lies in or next to by anatomy: they never count as hiding it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Props(Record):
    """Solids that move on their own or with the actor."""

    shape: Int[Array, " prop"]
    size_m: Float[Array, "prop 3"]
    world_from_prop: Float[Array, "time prop 3 4"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene(Record):
    """One actor's motion with everything that can hide it."""

    points_world: Float[Array, "time joint 3"]
    """The skeleton's joints, metres."""
    capsules: Capsules
    props: Props
    time_ns: Int[Array, " time"]
