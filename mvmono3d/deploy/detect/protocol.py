"""What finds joints in crops, and what finds the crops while nobody is followed.

The loop cuts one window out of every view (`crop.cut_windows`), asks a `Detector` for the joints in them,
and carries the answer back into the images (`joints.in_images`). While it follows nobody it asks a `Finder`
for windows first. Both are asked by one thread of one process, and never share state.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int64, Integer, UInt8

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.detect.windows import Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops(Record):
    """One square crop of every view, of one frame set. Where `known` is false it is black."""

    images: UInt8[Array, "view height width"]
    known: Bool[Array, " view"]
    crop_from_image: Float[Array, "view 2 3"]
    """How pixels got there."""
    frame_id: Int64[Array, " view"]
    """As each camera counts: for detectors that look their answer up. A network has no use for it."""
    time_ns: int
    """Start of exposure on the rig's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CropJoints(Record):
    """What a detector says of every joint, also of one it can't see: finite everywhere."""

    pixels: Float[Array, "view joint 2"]
    """(u, v) in the crop; the centre of its top-left pixel is (0, 0)."""
    sigma_px: Float[Array, "view joint"]
    """Standard deviation of that place per axis, in the crop's pixels, above 0."""
    confidence: Float[Array, "view joint"]
    """In [0, 1]: how far the place can be used; 0 where there is nothing, and in views that aren't known."""
    visible: Float[Array, "view joint"]
    """Probability that nothing stands between joint and camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeImages(Record):
    """The whole images of one frame set, as a finder sees them; zeros where a camera delivered none."""

    images: Integer[Array, "view height width"]
    """uint8, or uint16 with the signal in its `bits` low bits."""
    bits: int
    present: Bool[Array, " view"]
    frame_id: Int64[Array, " view"]
    time_ns: int


@runtime_checkable
class Detector(Protocol):
    """Joints of one actor in a batch of crops, one crop per view."""

    @property
    def skeleton(self) -> Skeleton:
        """The joints, in the order of the answer."""
        ...

    @property
    def size(self) -> int:
        """Height and width of the crops it takes [px]."""
        ...

    def detect(self, crops: Crops) -> CropJoints:
        """Find the joints; the same crops give the same answer.

        Raises `EngineError` where the network fails; the loop then says so and goes on without.
        """
        ...


@runtime_checkable
class Finder(Protocol):
    """Where actors may be in whole images."""

    def find(self, images: WholeImages) -> tuple[Windows, ...]:
        """Return windows of candidates, the likeliest first; empty where there is nothing.

        The n-th record holds the n-th candidate of each view. Those of different views need not be the same
        actor, and a view with fewer candidates than others is not `known` there.
        """
        ...
