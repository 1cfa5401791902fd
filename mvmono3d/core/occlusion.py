"""Why a joint is seen or not seen by a view."""

from dataclasses import dataclass
from enum import IntEnum

from jaxtyping import Bool, Int

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record


class OcclusionState(IntEnum):
    """The state of one joint in one view; the value is its place on the `state` axis."""

    VISIBLE = 0
    SELF = 1
    """Hidden by the actor itself."""
    OBJECT = 2
    """Hidden by something else in the scene."""
    UNKNOWN = 3
    """Not observed for another reason: outside the image, view dropped, detector silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OcclusionLabels(Record):
    """True occlusion states. Where `labelled` is false, the state beneath means nothing."""

    state: Int[Array, "*batch time view joint"]
    labelled: Bool[Array, "*batch time view joint"]
