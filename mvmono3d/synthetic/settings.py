"""What a synthetic world is made of: plain values, so that YAML can hold them and a hash can name them."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

from mvmono3d.core.schema import sha256_of_bytes, sha256_of_file
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import ConfigurationError, InvalidFileError, unknown_name
from mvmono3d.synthetic.props import PropSettings

WORLD_VERSION = 1
"""Raise it whenever equal settings begin to give other clips: stored clips then no longer match."""

LAYOUTS = ("ring", "arc", "corners", "headset", "random")

Range: TypeAlias = tuple[float, float]
"""Lowest and highest value; drawn uniformly between."""


@dataclass(frozen=True, kw_only=True)
class RigSettings:
    """How cameras stand round the workspace. The workspace's radius is the unit of length."""

    layouts: tuple[str, ...] = ("ring", "arc", "corners", "random")
    """One is drawn per rig: see `LAYOUTS`."""
    views: tuple[int, int] = (4, 4)
    """Fewest and most cameras, 2 to 16."""
    sensors_px: tuple[tuple[int, int], ...] = ((1280, 800), (1280, 1024), (1920, 1200))
    """(width, height); one is drawn per rig."""
    distance_radii: Range = (2.4, 3.6)
    """Camera to workspace centre, in workspace radii: about 0.6 m for a hand, 3 m for a body."""
    minimum_radius_m: float = 0.0
    """The workspace's radius is at least this."""
    fill: Range = (0.75, 0.95)
    """Share of half the image's short side that the workspace's radius fills; a headset takes half of it."""
    aim_radii: float = 0.15
    """How far past the workspace's centre a camera may aim, in workspace radii."""
    corner_distortion: Range = (-0.12, 0.03)
    """Radial displacement at the image's corner, relative to its distance from the centre."""
    fisheye_share: float = 0.0
    """Share of rigs with fisheye lenses."""
    headset_fisheye_share: float = 0.5
    """The same among headsets."""
    roll_rad: float = 0.1
    """Largest roll about the optical axis."""
    portrait_share: float = 0.1
    """Share of cameras mounted on their side."""

    def __post_init__(self) -> None:
        for layout in self.layouts:
            if layout not in LAYOUTS:
                raise unknown_name("rig layout", layout, LAYOUTS, where="RigSettings.layouts")
        if not 2 <= self.views[0] <= self.views[1] <= 16:
            raise ConfigurationError(f"RigSettings.views {self.views}: expected 2 <= fewest <= most <= 16")
        if not self.layouts or not self.sensors_px:
            raise ConfigurationError("RigSettings: expected at least one layout and one sensor")
        _check_shares(self)


@dataclass(frozen=True, kw_only=True)
class CalibrationSettings:
    """How far the rig that the user has lies from the true one; drawn per rig, constant in time."""

    rotation_rad: Range = (0.0, 6e-4)
    """Standard deviation per axis of a camera's rotation; stated in the rig's `pose_sigma`."""
    translation_share: Range = (0.0, 5e-4)
    """The same of its translation, relative to its distance from the workspace."""
    focal_share: Range = (0.0, 4e-4)
    """Standard deviation of the relative error of the focal length; a rig has no place to state it."""


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    """What a 2D detector makes of the truth. Pixels are those of an image 1920 wide; others scale.

    Shares and ranges marked "per clip" differ from clip to clip, as detectors and scenes do.
    """

    white_px: float = 2.2
    """Standard deviation per axis, of the part without memory."""
    tail_freedom: float = 5.0
    """Degrees of freedom of its Student-t tails, above 2; 0 is Gaussian."""
    slow_px: float = 2.0
    """Standard deviation per axis, of the part that drifts."""
    slow_s: float = 0.16
    """Correlation time of that drift."""
    bias_px: float = 2.1
    """Standard deviation per axis of each view's and joint's own constant error."""
    view_spread: Range = (0.7, 1.5)
    """Factor on white and slow noise per view, log-uniform per clip."""
    joint_spread: Range = (0.7, 1.6)
    """The same per joint."""
    sigma_wobble: float = 0.35
    """Standard deviation of the logarithm of the noise's size over time."""

    drift_px: float = 27.0
    """Standard deviation per axis of a hidden joint's drift: the detector guesses."""
    drift_floor_px: float = 4.0
    """Least length of that drift."""
    drift_s: float = 0.4
    """Its correlation time."""
    coherent_share: float = 0.1
    """Share of guesses on which all views agree in 3D."""

    missing_hidden: Range = (0.25, 0.45)
    """Share of hidden joints without detection, per clip."""
    missing_visible: Range = (0.0, 0.03)
    """Share of visible joints without detection, per clip."""
    missing_s: float = 0.12
    """Mean length of a gap; 0 is independent frames."""
    overconfident: Range = (0.25, 0.40)
    """Share of guesses that score like seen joints, per clip."""
    overconfident_s: float = 0.3
    """Mean length of an over-confident stretch."""

    outlier_share: float = 0.01
    """Share of detections that land anywhere, frame by frame."""
    outlier_px: Range = (30.0, 200.0)
    """How far away an outlier lands."""
    swap_share: float = 0.012
    """Share of time that a limb is taken for its mirror partner, per view."""
    swap_s: float = 0.1
    """Mean length of a swap."""
    dropout_share: float = 0.01
    """Share of time that a view gives nothing at all."""
    dropout_s: float = 0.15
    """Mean length of a dropout."""

    blocked_clip_share: float = 1.0
    """Share of clips in which what follows happens."""
    blocked_view_share: float = 0.0
    """Share of time that something unmodelled stands before a view."""
    blocked_joint_share: float = 0.0
    """Share of joints it then hides: they become OBJECT."""
    blocked_s: float = 0.7
    """Mean length of such a block."""

    score_gap: float = 3.2
    """Distance of the mean score of seen joints from that of guesses, in standard deviations."""
    score_noise_weight: float = 1.0
    """How much the score falls with the logarithm of the noise's size: 0 says nothing of precision."""
    score_gain: Range = (0.7, 1.5)
    """Gain of the score's logit, per clip: detectors differ in calibration."""
    score_offset: Range = (-0.7, 0.7)
    """Offset of the score's logit, per clip."""
    states_sigma: bool = False
    """Whether the detector states a standard deviation of each detection."""
    stated_sigma_wobble: float = 0.25
    """Standard deviation of the logarithm of stated over true."""

    def __post_init__(self) -> None:
        _check_shares(self)
        if 0 < self.tail_freedom <= 2:
            raise ConfigurationError(
                f"DetectorSettings.tail_freedom {self.tail_freedom}: expected 0 (Gaussian) or above 2"
            )


@dataclass(frozen=True, kw_only=True)
class WorldSettings:
    """Everything that decides a clip besides its seeds."""

    skeleton: str = "body25b"
    """Name of a skeleton, or path of its YAML."""
    frames: int = 300
    rate_hz: float = 60.0
    motion_file: str | None = None
    """Recorded motion of people, as datasets/cmu_mocap/prepare.py writes it."""
    motion_share: float = 0.0
    """Share of scenes in which a body moves as recorded; in the others it moves by rules."""
    contact_tolerance_m: float = 0.01
    """A joint in a prop counts as hidden by it past this depth along the ray."""
    rig: RigSettings = field(default_factory=RigSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    props: PropSettings = field(default_factory=PropSettings)

    def __post_init__(self) -> None:
        if self.frames < 1 or self.rate_hz <= 0:
            raise ConfigurationError(
                f"WorldSettings: {self.frames} frames at {self.rate_hz} Hz, expected at least 1 above 0 Hz"
            )
        _check_shares(self)
        if self.motion_share > 0 and self.motion_file is None:
            raise ConfigurationError(
                f"WorldSettings.motion_share {self.motion_share} without motion_file: name a file of "
                "recorded motion, as datasets/cmu_mocap/prepare.py writes it"
            )


def settings_hash(settings: WorldSettings) -> str:
    """Return the SHA-256 of all that decides clips but the seeds.

    That is settings, skeleton, `WORLD_VERSION`, and the content of the motion file, wherever it lies.
    """
    skeleton = asdict(load_skeleton(settings.skeleton))
    content = [WORLD_VERSION, asdict(with_motion_hash(settings)), skeleton]
    return sha256_of_bytes(json.dumps(content, sort_keys=True).encode())


def with_motion_hash(settings: WorldSettings) -> WorldSettings:
    """Return the settings with the motion file's SHA-256 in place of its path, for names of what they make.

    Raises `InvalidFileError` when there is no such file; one that no scene uses is left out.
    """
    if settings.motion_file is None or settings.motion_share == 0:
        return replace(settings, motion_file=None)
    path = Path(settings.motion_file)
    if not path.is_file():
        raise no_motion_file(path)
    return replace(settings, motion_file=sha256_of_file(path))


def no_motion_file(path: Path) -> InvalidFileError:
    """Build the error for a motion file that is not there."""
    return InvalidFileError(
        f"no motion file {path}: make it with `python datasets/cmu_mocap/prepare.py RAW {path.parent}`, "
        "or set motion_share to 0"
    )


def _check_shares(settings: Any) -> None:
    kind = type(settings).__name__
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        shared = (
            entry.name.endswith("_share")
            or entry.name.startswith("missing_")
            or entry.name == "overconfident"
        )
        if not shared or entry.name.endswith("_s"):
            continue
        values = value if isinstance(value, (tuple, list)) else (value,)
        if not all(0 <= each <= 1 for each in values):
            raise ConfigurationError(f"{kind}.{entry.name} {value}: expected shares within [0, 1]")
