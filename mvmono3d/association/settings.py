"""How detections become people: gates, patience, motion."""

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

from mvmono3d.errors import ConfigurationError


class Numbers(NamedTuple):
    """The settings as the compiled kernels take them: `AssociationSettings` says what they mean."""

    gate: float
    least_gate: float
    swap_cost: float
    acceleration: float
    velocity_memory_s: float
    first_velocity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationSettings:
    """When detections belong to one actor. The defaults suit hands and bodies at 30 to 120 Hz."""

    sigma_share: float = 0.004
    """Standard deviation per axis of a good detection, calibration error included, as a share of the
    image's longer side: 5 px of 1280."""
    gate: float = 16.0
    """What a joint can say for an actor: a detection at squared distance d² (in variances) says gate - d²,
    less the logarithm of how uncertain the actor is, and never less than 0."""
    least_gate: float = 3.0
    """What is left of the gate where the actor is most uncertain."""
    accept: float = 0.3
    """A candidate belongs to an actor only if it says this share of what it could."""
    accept_birth: float = 0.5
    """The same in each view of a new actor."""
    swap_cost: float = 3.0
    """By how much a joint of a limb must say more as its mirror partner to be taken for it."""
    side_weight: float = 0.15
    """What a hand's stated side is worth, as a share of what its joints could say."""
    views_at_birth: int = 2
    """Views that must agree on a new actor."""
    confirm_frames: int = 3
    """Frames with two views or more until a new actor is reported."""
    tentative_s: float = 0.1
    """A new actor that nobody supports for longer, before it is reported, is dropped."""
    horizon_s: float = 1.5
    """An actor that no view shows for longer is lost: coming back, it is somebody new."""
    largest_sigma_m: float = 0.6
    """So is one whose joints are more uncertain than this, in the median."""
    merge_share: float = 0.3
    """Two actors whose joints lie nearer than this share of their own size are one."""
    acceleration: float = 30.0
    """Standard deviation of a joint's acceleration, m/s²."""
    velocity_memory_s: float = 0.4
    """Time constant with which a velocity fades."""
    first_velocity: float = 1.0
    """Standard deviation of a new joint's velocity, m/s."""
    sweeps: int = 3
    """How often the views are matched anew with what the other views say."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigurationError(f"AssociationSettings.{entry.name} = {value}, expected above 0")
        if self.views_at_birth < 2:
            raise ConfigurationError(
                f"AssociationSettings.views_at_birth = {self.views_at_birth}: one view has no 3D, expected 2 "
                "or more"
            )

    def numbers(self) -> Numbers:
        """Return what the kernels need."""
        return Numbers(*(getattr(self, name) for name in Numbers._fields))
