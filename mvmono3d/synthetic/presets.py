"""Worlds by name: the realistic one, and five regimes that make triangulators comparable.

The regimes stand on one rig: four 1920x1200 cameras of f = 1400 px on a ring 2.1 m from the centre.
A: 1 px noise. B: and 8 % outliers of 20-100 px, 20 % missing, each frame on its own. C: hidden joints are
missing (60 %) or guessed 15-60 px away, 5 % outliers, about 20 % missing. D: noise of unknown size per
view, 0.6-2.5 px, 12 % outliers of 4-60 px. E: bursts as in a grasp take about 45 % of all joints; a
third of these is guessed, half of that alike in all views.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from mvmono3d.errors import unknown_name
from mvmono3d.synthetic.props import NO_PROPS
from mvmono3d.synthetic.settings import (
    CalibrationSettings,
    DetectorSettings,
    RigSettings,
    WorldSettings,
)

_RING = RigSettings(
    layouts=("ring",),
    sensors_px=((1920, 1200),),
    distance_radii=(2.8, 2.8),
    minimum_radius_m=0.75,
    fill=(0.83, 0.83),
    aim_radii=0.1,
    corner_distortion=(-0.08, -0.04),
    roll_rad=0.0,
    portrait_share=0.0,
)
_EXACT = CalibrationSettings(rotation_rad=(0.0, 0.0), translation_share=(0.0, 0.0), focal_share=(0.0, 0.0))
_PLAIN = DetectorSettings(
    white_px=1.0,
    tail_freedom=0.0,
    slow_px=0.0,
    bias_px=0.0,
    view_spread=(1.0, 1.0),
    joint_spread=(1.0, 1.0),
    sigma_wobble=0.0,
    drift_px=0.0,
    coherent_share=0.0,
    missing_hidden=(0.0, 0.0),
    missing_visible=(0.0, 0.0),
    missing_s=0.0,
    overconfident=(1.0, 1.0),
    outlier_share=0.0,
    swap_share=0.0,
    dropout_share=0.0,
    score_gain=(1.0, 1.0),
    score_offset=(0.0, 0.0),
)
_REALISTIC = DetectorSettings()
_BLOCKED = replace(_REALISTIC, blocked_view_share=0.5, blocked_joint_share=0.5)
_STRUCTURED = replace(
    _PLAIN, drift_px=18.0, drift_floor_px=15.0, drift_s=0.55, overconfident=(0.3, 0.3), missing_s=0.25
)
_DETECTORS: Mapping[str, DetectorSettings] = MappingProxyType(
    {
        "A": _PLAIN,
        "B": replace(
            _PLAIN,
            outlier_share=0.08,
            outlier_px=(20.0, 100.0),
            missing_hidden=(0.2, 0.2),
            missing_visible=(0.2, 0.2),
        ),
        "C": replace(
            _STRUCTURED,
            missing_hidden=(0.6, 0.6),
            missing_visible=(0.05, 0.05),
            missing_s=0.0,
            outlier_share=0.05,
            outlier_px=(20.0, 100.0),
        ),
        "D": replace(_PLAIN, view_spread=(0.6, 2.5), outlier_share=0.12, outlier_px=(4.0, 60.0)),
        "E": replace(
            _STRUCTURED,
            missing_hidden=(0.667, 0.667),
            coherent_share=0.5,
            blocked_view_share=_BLOCKED.blocked_view_share,
            blocked_joint_share=_BLOCKED.blocked_joint_share,
        ),
    }
)


def preset_names() -> tuple[str, ...]:
    """Return the names that `preset` knows."""
    return ("realistic", *_DETECTORS)


def preset(
    name: str,
    *,
    skeleton: str = "body25b",
    motion_file: str | None = None,
    motion_share: float = 0.0,
    blocked_share: float = 0.0,
) -> WorldSettings:
    """Return the settings of that name for a skeleton (name or path); raises `UnknownNameError`.

    `motion_share` of the scenes show a body that moves as recorded in `motion_file`, in any world. In
    `blocked_share` of the realistic scenes something unmodelled takes joints from view in bursts, as in E.

    "realistic" varies rig, calibration error and detector from clip to clip. Seen joints are off by 4 px
    (median, at a width of 1920 px), a quarter to half of the hidden ones missing, and a score tells the
    two apart with an area under the ROC curve of 0.89.
    """
    if name == "realistic":
        return WorldSettings(
            skeleton=skeleton,
            motion_file=motion_file,
            motion_share=motion_share,
            detector=replace(_BLOCKED, blocked_clip_share=blocked_share) if blocked_share else _REALISTIC,
        )
    if name not in _DETECTORS:
        raise unknown_name("preset", name, preset_names(), where="the synthetic world")
    return WorldSettings(
        skeleton=skeleton,
        motion_file=motion_file,
        motion_share=motion_share,
        rig=_RING,
        calibration=_EXACT,
        detector=_DETECTORS[name],
        props=NO_PROPS,
    )
