"""What association remembers from frame to frame."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks(Record):
    """The actors that are followed, oldest first. Where `known` is false a joint was never found."""

    identity: Int[Array, " actor"]
    """Never given twice."""
    confirmed: Bool[Array, " actor"]
    """False while a new actor still has to show that it is one."""
    points_world: Float[Array, "actor joint 3"]
    spread_world: Float[Array, "actor joint 3 3"]
    """Covariance, m²."""
    velocity_world: Float[Array, "actor joint 3"]
    velocity_variance: Float[Array, "actor joint"]
    """Per axis, m²/s²."""
    known: Bool[Array, "actor joint"]
    hits: Int[Array, " actor"]
    """Frames with two views or more."""
    unseen_s: Float[Array, " actor"]
    """Time since any view showed the actor."""
    right: Float[Array, " actor"]
    """Logarithm of the odds that it is a right hand; 0 says nothing."""
    next_identity: int
    time_ns: int
    """Of the last frame set; -1 before the first."""


def no_tracks(joints: int) -> Tracks:
    """Return the state before the first frame set."""
    return Tracks(
        identity=np.zeros(0, dtype=np.int64),
        confirmed=np.zeros(0, dtype=bool),
        points_world=np.zeros((0, joints, 3)),
        spread_world=np.zeros((0, joints, 3, 3)),
        velocity_world=np.zeros((0, joints, 3)),
        velocity_variance=np.zeros((0, joints)),
        known=np.zeros((0, joints), dtype=bool),
        hits=np.zeros(0, dtype=np.int64),
        unseen_s=np.zeros(0),
        right=np.zeros(0),
        next_identity=0,
        time_ns=-1,
    )
