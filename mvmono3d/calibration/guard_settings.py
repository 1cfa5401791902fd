"""How watchful the guard of a calibration is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """Every value has a default that suits people and hands before a rig of three cameras or more."""

    horizon_s: float = 10.0
    """Time that one judgement looks back."""
    step_s: float = 1.0
    """Time between judgements."""
    rate_hz: float = 60.0
    """Most frames used per second."""
    bias_change_px: float = 0.1
    """How much each joint's bias may have changed since the baseline (standard deviation per axis), besides
    what it wanders with the pose."""
    least_bias_px: float = 0.25
    """Without a baseline, biases are taken to be no smaller than this."""
    false_alarms_per_day: float = 0.03
    """Sets the threshold of the live test, for independent noise and all cameras together."""
    false_alarm_rate: float = 1e-4
    """Sets the threshold for a recording without a baseline: per recording and camera."""
    least_support: float = 0.5
    """A camera of whose detections less than this share agrees with the others doesn't fit, however it
    moved; with a baseline, less than this times the share then."""
    least_consensus: float = 0.3
    """Where fewer joints than this have an answer that the cameras agree on, no camera can be trusted."""
    tolerance_px: float = 0.05
    """With a baseline: a camera counts as moved if that explains more of its residuals than this (RMS)."""
    tolerance_share: float = 0.015
    """Without a baseline, of the image's diagonal: what detectors get wrong in the same way in every frame
    can't be told from a small motion, so less than this is only suspected."""
    refuse_px: float | None = None
    """The same in pixels, where it is given."""
    rival_margin: float = 13.8
    """Another camera that explains the evidence almost as well, up to this difference of χ² (a likelihood
    ratio of 1000), is a rival: it may be that one."""
    board_tolerance_px: float = 5.0
    """Boards: a camera further than this from where the rig says (RMS over the corners) is refused."""
    board_suspicion_px: float = 1.0
    """Boards: beyond this it is suspected, where it is certain."""
