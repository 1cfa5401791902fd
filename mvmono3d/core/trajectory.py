"""3D joints over time, where each comes from, and how certain it is."""

from dataclasses import dataclass
from enum import IntEnum

from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record


class PointSource(IntEnum):
    """Whether a 3D joint rests on pixels of its own frame."""

    MISSING = 0
    MEASURED = 1
    IMPUTED = 2


class Decision(IntEnum):
    """Which part of the reconstructor stands behind a joint."""

    LEARNED = 0
    CONSENSUS = 1
    """The robust classical triangulation."""
    PREDICTED = 2
    """Motion and skeleton alone."""


class MissingReason(IntEnum):
    """Why there is no answer for a joint."""

    NONE = 0
    """It is not missing."""
    TOO_FEW_VIEWS = 1
    CONTRADICTION = 2
    """Its views disagree and no set of them is a consensus."""
    DEGENERATE = 3
    """The rays are too close to parallel, or meet behind a camera."""
    EXPIRED = 4
    """Unseen for longer than the horizon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory(Record):
    """3D joints with uncertainty. Where `source` is MISSING the numbers are 0."""

    points_world: Float[Array, "*batch time joint 3"]
    """Metres."""
    covariance_world: Float[Array, "*batch time joint 3 3"]
    """Square metres, symmetric, positive semi-definite."""
    source: Int[Array, "*batch time joint"]
    time_ns: Int[Array, "*batch time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction(Record):
    """A trajectory with the evidence it was made from: what `mvmono3d reconstruct` writes."""

    trajectory: Trajectory
    decided_by: Int[Array, "*batch time joint"]
    reason: Int[Array, "*batch time joint"]
    weights: Float[Array, "*batch time view joint"]
    """Share of a joint's information that each view contributed; sums to 1, or 0 without any view."""
    occlusion: Float[Array, "*batch time view joint 4"]
    """Probabilities of the four `OcclusionState`s."""
    reprojection_px: Float[Array, "*batch time view joint"]
    """Distance from the detection to the projected joint; 0 where either is missing."""
