"""One actor's motion, as props and scenes see it."""

from typing import NamedTuple

from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.synthetic.kinematic import KinematicModel
from mvmono3d.synthetic.scene import PropShape


class Held(NamedTuple):
    """A solid that moves with the actor."""

    shape: PropShape
    size_m: Float[Array, "3"]
    world_from_prop: Float[Array, "time 3 4"]


class Performance(NamedTuple):
    """A model's nodes over time, and the room it takes."""

    model: KinematicModel
    points_world: Float[Array, "time node 3"]
    world_from_node: Float[Array, "time node 3 3"]
    """Each node's rotation; what hangs on a node turns with it."""
    joints: Int[Array, " joint"]
    """The skeleton's joints among the nodes."""
    centre_world: Float[Array, "time 3"]
    reach_m: float
    """No joint is farther than this from the centre."""
    workspace_m: float
    """The centre is never farther than this from the origin, seen from above."""
    on_floor: bool
    """Whether the actor stands on the plane z = 0."""
    held: Held | None = None
