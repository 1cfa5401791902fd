"""From the few joints that motion capture has to every landmark of a body.

Face and feet hang on the head and the feet as the standard body's do. What a mocap skeleton means by its
neck, and how its foot bone lies on the floor, differs: both are taken from the recording itself.
"""

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.synthetic.body import BODY_JOINTS, SOLE_M, standard_body
from mvmono3d.synthetic.retarget import (
    HEAD,
    SIDES,
    STANDARD_STATURE_M,
    foot,
    leg_m,
    offset,
    retarget,
    swing,
    trunk_frame,
    unit,
)

_SIDED = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")
CAPTURED = ("neck", "head", *(f"{side}_{name}" for side in SIDES for name in _SIDED))
"""The joints that a recording must have; the head is any point up the neck, a toe any along the foot."""
_UP = np.array([0.0, 0.0, 1.0])
_BEARS_M, _BEARS_M_PER_S = 0.04, 0.25
_FREE_M = 0.2
"""Higher than this over the floor a foot follows its shank sideways."""
_FOOT_PITCH = np.deg2rad([5.0, 15.0, 30.0])
"""Least, usual and most that the line from ankle to toe falls in a foot that stands flat."""


def body_landmarks(
    captured: dict[str, Float[Array, "time 3"]],
    *,
    rate_hz: float,
    head: Float[Array, "time 3 3"] | None = None,
) -> Float[Array, "time landmark 3"]:
    """Return the landmarks of `BODY_JOINTS` on a body as tall as the recorded one, standing on z = 0.

    Args:
        captured: The joints of `CAPTURED`, metres, +Z up.
        rate_hz: Of the recording.
        head: World rotation of the head (+X right, +Y forward, +Z up); without it the head faces where
            the chest does, nods with the neck, and looks level on average.
    """
    seen = {name: np.asarray(points, dtype=np.float64) for name, points in captured.items()}
    seen["mid_hip"] = 0.5 * (seen["left_hip"] + seen["right_hip"])
    size = leg_m(seen) / _standard_leg_m()
    chest = trunk_frame(seen["neck"] - seen["mid_hip"], right=seen["right_shoulder"] - seen["left_shoulder"])
    throat = trunk_frame(seen["head"] - seen["neck"], right=chest[:, :, 0])
    seen["neck"] = _neck(seen, chest[:, :, 2], size=size)
    seen["upper_neck"] = seen["neck"] + size * float(np.linalg.norm(offset("upper_neck"))) * throat[:, :, 2]
    looks = throat @ _level(throat[:, :, 2], ahead=chest[:, :, 1]) if head is None else head
    seen |= {name: seen["upper_neck"] + looks @ (size * offset(name)) for name in HEAD[1:]}
    for side in SIDES:
        sole = _foot_frame(seen, side, rate_hz=rate_hz)
        seen |= {name: seen[foot(side)[0]] + sole @ (size * offset(name)) for name in foot(side)[1:]}
    body = standard_body(size * STANDARD_STATURE_M)
    rough = np.stack([seen[name] for name in BODY_JOINTS], axis=1)
    return on_floor(retarget(rough, body).points_world[:, body.indices(BODY_JOINTS)])


def on_floor(landmarks_world: Float[Array, "time landmark 3"]) -> Float[Array, "time landmark 3"]:
    """Return landmarks moved up or down so that the feet are on the floor z = 0 when they are lowest.

    The lowest fiftieth of all frames may lie deeper: recordings tremble.
    """
    feet = [place for place, name in enumerate(BODY_JOINTS) if name.endswith(("heel", "toe"))]
    lowest = np.quantile(landmarks_world[:, feet, 2].min(axis=1), 0.02)
    return landmarks_world + np.array([0.0, 0.0, SOLE_M - lowest])


def _level(neck: Float[Array, "time 3"], *, ahead: Float[Array, "time 3"]) -> Float[Array, "3 3"]:
    """Return the turn by which a head looks level on a neck that leans as it does on average."""
    level = unit(ahead * np.array([1.0, 1.0, 0.0]))
    lean = float(np.median(np.arctan2((neck * level).sum(axis=-1), neck[:, 2])))
    return swing(np.array([0.0, np.sin(lean), np.cos(lean)]), _UP)


def _neck(
    seen: dict[str, Float[Array, "time 3"]], up: Float[Array, "time 3"], *, size: float
) -> Float[Array, "time 3"]:
    """Move the neck along the trunk to where shoulders hang as the standard body's do, on average."""
    middle = 0.5 * (seen["left_shoulder"] + seen["right_shoulder"])
    height = float(np.median(((middle - seen["neck"]) * up).sum(axis=-1)))
    standard = size * float(offset("right_clavicle")[2] + offset("right_shoulder")[2])
    return seen["neck"] + (height - standard) * up


def _foot_frame(
    seen: dict[str, Float[Array, "time 3"]], side: str, *, rate_hz: float
) -> Float[Array, "time 3 3"]:
    """Return the foot's rotation: level, on average, where it bears; upright under a shank in the air."""
    ankle, toe, knee = (seen[f"{side}_{name}"] for name in ("ankle", "toe", "knee"))
    line = unit(toe - ankle)
    height = np.minimum(toe[:, 2], ankle[:, 2])
    height = height - np.quantile(height, 0.05)
    free = np.clip(height / _FREE_M, 0.0, 1.0)[:, None]
    x = unit(np.cross(line, free * unit(knee - ankle) + (1.0 - free) * _UP))
    speed = np.linalg.norm(np.gradient(toe, axis=0), axis=-1) * rate_hz if len(toe) > 1 else np.zeros(1)
    bears = (speed < _BEARS_M_PER_S) & (height < _BEARS_M)
    least, usual, most = _FOOT_PITCH
    pitch = float(np.clip(np.median(-np.arcsin(line[bears, 2])), least, most)) if bears.any() else usual
    # About the foot's own +X, which lifts the toe.
    y = np.cos(pitch) * line + np.sin(pitch) * np.cross(x, line)
    return np.stack((x, y, np.cross(x, y)), axis=-1)


def _standard_leg_m() -> float:
    thigh, shank = (np.linalg.norm(offset(f"left_{name}")) for name in ("knee", "ankle"))
    return float(thigh + shank)
