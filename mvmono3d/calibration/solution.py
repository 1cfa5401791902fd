"""What a calibration wants and what it found."""

from dataclasses import dataclass, field

from jaxtyping import Bool, Float

from mvmono3d.calibration.accuracy import Accuracy
from mvmono3d.calibration.board_shape import ShapeEvidence
from mvmono3d.calibration.camera_model import MODELS
from mvmono3d.calibration.held_out import HeldOut
from mvmono3d.calibration.parameter_covariance import ParameterCovariance
from mvmono3d.core.array import Array
from mvmono3d.core.rig import Rig


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSettings:
    """How to calibrate; every value has a default that suits boards of centimetres to metres."""

    models: tuple[str, ...] = field(default=tuple(model.name for model in MODELS))
    """Lens models that compete, the simplest first; one name leaves no choice."""
    solver: str = "schur"
    """"schur", "ceres" or "scipy": the same minimum by three implementations."""
    world_pose: str | None = None
    """Label of the board pose that is the world: the origin its first corner, +Z on the cameras' side.
    None takes the pose of which most corners were seen."""
    huber: float = 3.0
    """Residuals beyond this many sigmas count linearly."""
    outlier: float = 4.5
    """Corners beyond this many sigmas are left out."""
    measure_board: bool = True
    """Measure where the board's corners truly lie, if boards not used speak for it."""
    folds: int = 5
    """Parts of the boards, each held out once."""
    grid_steps: int = 5
    """Places along each axis of the working volume at which the expected error is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LensEvidence:
    """Why these lens models: errors at boards not used, of every model tried."""

    chosen: tuple[str, ...]
    """Per camera."""
    compared: tuple[str, ...]
    held_out_px: Float[Array, "view compared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A solved rig and everything that tells how far to trust it."""

    rig: Rig
    """Its `pose_sigma` is `effective_pose_sigma`: see there."""
    world_from_board: Float[Array, "pose 3 4"]
    """The identity where `placed` is false."""
    placed: Bool[Array, " pose"]
    """Poses of which a camera saw enough corners."""
    labels: tuple[str, ...]
    residual_px: Float[Array, "pose view corner 2"]
    """Expected less seen, also of outliers; 0 where not seen."""
    used: Bool[Array, "pose view corner"]
    outlier: Bool[Array, "pose view corner"]
    """Seen, but left out."""
    sigma_px: Float[Array, " view"]
    """Noise of each camera's corners per axis."""
    covariance: ParameterCovariance
    lens_evidence: LensEvidence
    held_out: HeldOut
    accuracy: Accuracy
    solver: str
    shape_m: Float[Array, "corner 3"] | None = None
    """By how far corners of the board lie from where they are drawn; None where nothing speaks against it."""
    shape_evidence: ShapeEvidence | None = None
