"""A hand of 21 joints with its forearm: anatomy, limits, and what hands do.

The right hand's frame: fingers along +Y, the back of the hand up (+Z), the thumb towards -X. Bone
lengths follow Buryanov & Kotiuk, "Proportions of hand segments" (2010), flexion ranges the clinical
norms (American Academy of Orthopaedic Surgeons).
"""

from enum import IntEnum

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.synthetic.kinematic import Flesh, Hinge, KinematicModel, Node, build_model, mirrored
from mvmono3d.synthetic.streams import generator

FINGERS = ("index", "middle", "ring", "pinky")
HAND_JOINTS = (
    "wrist",
    *(f"thumb_{joint}" for joint in ("cmc", "mcp", "ip", "tip")),
    *(f"{finger}_{joint}" for finger in FINGERS for joint in ("mcp", "pip", "dip", "tip")),
)
"""MediaPipe's names in MediaPipe's order."""

_KNUCKLE_M = {
    "index": (-0.0245, 0.0895, 0.0),
    "middle": (-0.0030, 0.0915, 0.0025),
    "ring": (0.0160, 0.0850, 0.0005),
    "pinky": (0.0330, 0.0755, -0.0050),
}
_PHALANGES_M = {
    "index": (0.0398, 0.0224, 0.0196),
    "middle": (0.0446, 0.0263, 0.0213),
    "ring": (0.0414, 0.0257, 0.0212),
    "pinky": (0.0327, 0.0181, 0.0197),
}
_SPLAY_DEG = {"index": 5.0, "middle": 0.0, "ring": -5.0, "pinky": -11.0}
"""How far each finger points to the thumb's side at rest."""
_THUMB_BASE_M = (-0.0230, 0.0220, -0.0080)
_THUMB_M = (0.0462, 0.0316, 0.0254)
_THUMB_DIRECTION = (-0.64, 0.70, -0.32)
_THUMB_PULP = (0.62, 0.45, -0.64)
"""Where the thumb moves to when it bends."""
_FOREARM_M = 0.24
_RADII_M = (0.0095, 0.0085, 0.0075)
_THUMB_RADII_M = (0.0120, 0.0105, 0.0095)
_PALM_RADIUS_M = 0.0140

HAND_LENGTH_M = 0.189
"""Wrist to middle fingertip, on average over subjects."""


class Side(IntEnum):
    """Which hand."""

    LEFT = 0
    RIGHT = 1


def hand_model(subject: int, *, side: Side | None = None) -> KinematicModel:
    """Build a subject's hand: bone lengths and girth drawn by the subject, and the side unless given."""
    rng = generator(subject, "hand subject")
    drawn = Side(int(rng.random() < 0.5))
    size = float(np.clip(rng.normal(1.03, 0.07), 0.86, 1.2))
    girth = size * float(np.clip(rng.normal(1.0, 0.08), 0.8, 1.2))
    variation = np.clip(rng.normal(1.0, 0.03, (5, 5)), 0.91, 1.09)
    nodes = _nodes(size * variation)
    model = build_model(nodes, _hinges(), flesh=_flesh(girth))
    return mirrored(model) if (drawn if side is None else side) is Side.LEFT else model


def _nodes(scale: Float[Array, "digit bone"]) -> list[Node]:
    forearm = (0.0, -_FOREARM_M * float(scale[0, 4]), 0.0)
    nodes = [
        Node("wrist", None, (0.0, 0.0, 0.0)),
        Node("forearm", "wrist", (0.0, 0.0, 0.0)),
        Node("elbow", "forearm", forearm),
        Node("thumb_cmc", "wrist", _scaled(_THUMB_BASE_M, scale[0, 0])),
    ]
    for place, (above, below) in enumerate((("cmc", "mcp"), ("mcp", "ip"), ("ip", "tip"))):
        along = _unit(_THUMB_DIRECTION) * _THUMB_M[place] * scale[0, place + 1]
        nodes.append(Node(f"thumb_{below}", f"thumb_{above}", _triple(along)))
    for digit, finger in enumerate(FINGERS, start=1):
        nodes += _finger_nodes(finger, scale[digit])
    return nodes


def _finger_nodes(finger: str, scale: Float[Array, " bone"]) -> list[Node]:
    splay = np.deg2rad(_SPLAY_DEG[finger])
    direction = np.array([-np.sin(splay), np.cos(splay), 0.0])
    # The palm hinges at the wrist, so that cupping it keeps the length from wrist to knuckle.
    nodes = [
        Node(f"{finger}_palm", "wrist", (0.0, 0.0, 0.0)),
        Node(f"{finger}_mcp", f"{finger}_palm", _scaled(_KNUCKLE_M[finger], scale[0])),
    ]
    for place, (above, below) in enumerate((("mcp", "pip"), ("pip", "dip"), ("dip", "tip"))):
        along = direction * _PHALANGES_M[finger][place] * scale[place + 1]
        nodes.append(Node(f"{finger}_{below}", f"{finger}_{above}", _triple(along)))
    return nodes


def _hinges() -> list[Hinge]:
    direction, pulp = _unit(_THUMB_DIRECTION), _unit(_THUMB_PULP)
    bend = _triple(np.cross(direction, pulp))
    lift = _triple(np.cross(direction, [0.0, 0.0, -1.0]))
    hinges = [
        Hinge("hand_yaw", "wrist", (0.0, 0.0, 1.0), -75, 75),
        Hinge("hand_pitch", "wrist", (1.0, 0.0, 0.0), -70, 70),
        Hinge("hand_roll", "wrist", (0.0, 1.0, 0.0), -100, 100),
        Hinge("wrist_flexion", "forearm", (1.0, 0.0, 0.0), -60, 70),
        Hinge("wrist_deviation", "forearm", (0.0, 0.0, 1.0), -30, 20),
        Hinge("thumb_abduction", "thumb_cmc", lift, -15, 45),
        Hinge("thumb_flexion", "thumb_cmc", bend, -20, 45),
        Hinge("thumb_rotation", "thumb_cmc", _triple(direction), -10, 40),
        Hinge("thumb_mcp_flexion", "thumb_mcp", bend, -10, 60),
        Hinge("thumb_ip_flexion", "thumb_ip", bend, -15, 80),
    ]
    for finger, cup in zip(FINGERS, (1, 1, 8, 14), strict=True):
        hinges += _finger_hinges(finger, cup)
    return hinges


def _finger_hinges(finger: str, cup_deg: float) -> list[Hinge]:
    splay = np.deg2rad(_SPLAY_DEG[finger])
    bend = (-float(np.cos(splay)), -float(np.sin(splay)), 0.0)
    spread = (0.0, 0.0, 1.0 if finger in ("index", "middle") else -1.0)
    return [
        Hinge(f"{finger}_cup", f"{finger}_palm", (-1.0, 0.0, 0.0), -1, cup_deg),
        Hinge(f"{finger}_abduction", f"{finger}_mcp", spread, -15, 20),
        Hinge(f"{finger}_flexion", f"{finger}_mcp", bend, -25, 92),
        Hinge(f"{finger}_pip_flexion", f"{finger}_pip", bend, -5, 112),
        Hinge(f"{finger}_dip_flexion", f"{finger}_dip", bend, -8, 78),
    ]


def _flesh(girth: float) -> list[Flesh]:
    flesh = [
        Flesh("wrist", "elbow", 0.028 * girth),
        Flesh("wrist", "thumb_cmc", 0.016 * girth),
        *_chain("thumb", ("cmc", "mcp", "ip", "tip"), _THUMB_RADII_M, girth),
    ]
    for finger in FINGERS:
        flesh.append(Flesh("wrist", f"{finger}_mcp", _PALM_RADIUS_M * girth))
        flesh += _chain(finger, ("mcp", "pip", "dip", "tip"), _RADII_M, girth)
    return flesh


def _chain(digit: str, joints: tuple[str, ...], radii_m: tuple[float, ...], girth: float) -> list[Flesh]:
    pairs = zip(joints, joints[1:], radii_m, strict=False)
    return [Flesh(f"{digit}_{one}", f"{digit}_{other}", radius * girth) for one, other, radius in pairs]


def _unit(vector: tuple[float, ...]) -> Float[Array, "3"]:
    array = np.asarray(vector)
    return array / np.linalg.norm(array)


def _scaled(vector: tuple[float, ...], factor: float) -> tuple[float, float, float]:
    return _triple(np.asarray(vector) * factor)


def _triple(vector: Float[Array, "3"]) -> tuple[float, float, float]:
    x, y, z = vector.tolist()
    return (x, y, z)
