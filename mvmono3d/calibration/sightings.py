"""What cameras saw of a calibration board: the record between finding corners and solving for the rig."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.errors import InvalidRecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSightings:
    """Board corners seen by cameras; one pose of the board per row: the cameras' frames of one instant."""

    cameras: tuple[str, ...]
    size_px: Int[Array, "view 2"]
    """(width, height)"""
    corners_m: Float[Array, "corner 3"]
    """Board coordinates, z = 0: +X along the columns, +Y along the rows of the printed board."""
    pixels: Float[Array, "pose view corner 2"]
    """0 where not seen."""
    seen: Bool[Array, "pose view corner"]
    labels: tuple[str, ...]
    """Name of each pose: the number its files end in, or a frame index."""
    time_ns: Int[Array, "pose view"] | None = None
    """Where the recording has timestamps; 0 where that camera has no frame."""
    two_sided: bool = False
    """Whether the back carries the front's mirror image, so that both are seen."""

    def __post_init__(self) -> None:
        poses, views, corners = self.seen.shape
        for name, got, expected in (
            ("camera names", len(self.cameras), views),
            ("pose labels", len(self.labels), poses),
            ("image sizes", len(self.size_px), views),
            ("board corners", len(self.corners_m), corners),
        ):
            if got != expected:
                raise InvalidRecordError(
                    f"sightings of shape {self.seen.shape} with {got} {name}, not {expected}"
                )
        if len(set(self.cameras)) != views:
            raise InvalidRecordError(f"sightings with camera names that repeat: {', '.join(self.cameras)}")
