"""A human body: every landmark of body17, body25, body25b and halpe26, on segments of flesh.

The frame: +X to the right, +Y forward, +Z up, the origin between the hips, arms hanging. Segment lengths
are shares of stature after Drillis & Contini (1966, in Winter, "Biomechanics and Motor Control").
"""

import numpy as np

from mvmono3d.synthetic.kinematic import Flesh, Hinge, KinematicModel, Node, build_model
from mvmono3d.synthetic.streams import generator

_Triple = tuple[float, float, float]

BODY_JOINTS = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "head_top", "upper_neck", "neck"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("mid_hip", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
    *("left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe", "left_heel", "right_heel"),
)
"""The landmarks that a skeleton may ask for by name."""

THIGH, SHANK, ANKLE_HEIGHT = 0.245, 0.246, 0.039
SOLE_M = 0.022
"""How far heels and toes lie above the floor: the thickness of what is under them."""

# name, parent, offset in statures; the left side mirrors the right.
_MIDDLE: tuple[tuple[str, str | None, _Triple], ...] = (
    ("mid_hip", None, (0.0, 0.0, 0.0)),
    ("waist", "mid_hip", (0.0, -0.010, 0.060)),
    ("chest", "waist", (0.0, 0.0, 0.085)),
    ("neck", "chest", (0.0, 0.010, 0.143)),
    ("throat", "neck", (0.0, 0.0, 0.0)),
    ("upper_neck", "throat", (0.0, 0.010, 0.058)),
    ("nose", "upper_neck", (0.0, 0.064, 0.040)),
    ("head_top", "upper_neck", (0.0, 0.002, 0.1235)),
    ("skull_back", "upper_neck", (0.0, -0.012, 0.062)),
    ("skull_front", "upper_neck", (0.0, 0.010, 0.062)),
    ("skull_top", "upper_neck", (0.0, 0.0, 0.078)),
    ("jaw", "upper_neck", (0.0, 0.026, 0.014)),
)
_RIGHT: tuple[tuple[str, str, _Triple], ...] = (
    ("right_eye", "upper_neck", (0.018, 0.052, 0.060)),
    ("right_ear", "upper_neck", (0.0450, 0.002, 0.052)),
    ("right_clavicle", "neck", (0.012, 0.004, -0.006)),
    ("right_shoulder", "right_clavicle", (0.090, -0.008, -0.004)),
    ("right_elbow", "right_shoulder", (0.0, 0.0, -0.175)),
    ("right_wrist", "right_elbow", (0.0, 0.0, -0.147)),
    ("right_grip", "right_wrist", (0.0, 0.0, -0.052)),
    ("right_knuckles", "right_wrist", (0.0, 0.0, -0.070)),
    ("right_fingers", "right_wrist", (0.0, 0.010, -0.095)),
    ("right_rib", "chest", (0.040, 0.0, 0.020)),
    ("right_breast", "chest", (0.042, 0.006, 0.095)),
    ("right_side", "mid_hip", (0.034, -0.004, 0.030)),
    ("right_hip", "mid_hip", (0.050, 0.0, 0.0)),
    ("right_knee", "right_hip", (0.0, 0.0, -THIGH)),
    ("right_ankle", "right_knee", (0.0, 0.0, -SHANK)),
    ("right_heel", "right_ankle", (0.0, -0.030, 0.0)),
    ("right_big_toe", "right_ankle", (-0.012, 0.102, 0.0)),
    ("right_small_toe", "right_ankle", (0.024, 0.082, 0.0)),
)
_HINGES: tuple[tuple[str, str, _Triple, float, float], ...] = (
    ("pelvis_tilt", "mid_hip", (-1.0, 0.0, 0.0), -15, 45),
    ("pelvis_list", "mid_hip", (0.0, 1.0, 0.0), -10, 10),
    ("waist_flexion", "waist", (-1.0, 0.0, 0.0), -20, 50),
    ("waist_side", "waist", (0.0, 1.0, 0.0), -20, 20),
    ("waist_twist", "waist", (0.0, 0.0, 1.0), -25, 25),
    ("chest_flexion", "chest", (-1.0, 0.0, 0.0), -10, 30),
    ("chest_side", "chest", (0.0, 1.0, 0.0), -15, 15),
    ("chest_twist", "chest", (0.0, 0.0, 1.0), -25, 25),
    ("neck_flexion", "throat", (-1.0, 0.0, 0.0), -30, 40),
    ("neck_side", "throat", (0.0, 1.0, 0.0), -25, 25),
    ("neck_twist", "throat", (0.0, 0.0, 1.0), -35, 35),
    ("head_flexion", "upper_neck", (-1.0, 0.0, 0.0), -25, 25),
    ("head_twist", "upper_neck", (0.0, 0.0, 1.0), -40, 40),
)
_ARM_HINGES: tuple[tuple[str, str, _Triple, float, float], ...] = (
    ("clavicle_elevation", "right_clavicle", (0.0, -1.0, 0.0), -5, 25),
    ("clavicle_protraction", "right_clavicle", (0.0, 0.0, 1.0), -15, 20),
    ("shoulder_flexion", "right_shoulder", (1.0, 0.0, 0.0), -50, 170),
    ("shoulder_abduction", "right_shoulder", (0.0, -1.0, 0.0), -15, 110),
    ("shoulder_rotation", "right_shoulder", (0.0, 0.0, 1.0), -80, 70),
    ("elbow_flexion", "right_elbow", (1.0, 0.0, 0.0), 0, 145),
    ("pronation", "right_wrist", (0.0, 0.0, 1.0), -80, 80),
    ("wrist_flexion", "right_wrist", (1.0, 0.0, 0.0), -60, 60),
)
ARM_ANGLES = tuple(hinge[0] for hinge in _ARM_HINGES)
"""Each arm's angles; the right arm's come before the left's, both after the trunk's."""
TRUNK_ANGLES = tuple(hinge[0] for hinge in _HINGES)

# Metres at a stature of 1.75 m.
_FLESH = (
    *(("right_hip", "left_hip", 0.095), ("neck", "upper_neck", 0.052), ("skull_back", "skull_front", 0.069)),
    *(("skull_front", "skull_top", 0.069), ("jaw", "upper_neck", 0.046)),
)
_SIDE_FLESH = (
    ("right_side", "right_rib", 0.098),
    ("right_rib", "right_breast", 0.102),
    ("neck", "right_shoulder", 0.050),
    ("right_shoulder", "right_elbow", 0.045),
    ("right_elbow", "right_wrist", 0.036),
    ("right_wrist", "right_knuckles", 0.034),
    ("right_knuckles", "right_fingers", 0.025),
    ("right_hip", "right_knee", 0.070),
    ("right_knee", "right_ankle", 0.048),
)
_FOOT_FLESH = (("right_heel", "right_big_toe"), ("right_heel", "right_small_toe"))
_MEAN_STATURE_M = 1.75


def body_model(subject: int) -> KinematicModel:
    """Build a subject's body: stature, proportions and girth drawn by the subject."""
    rng = generator(subject, "body subject")
    stature = float(np.clip(rng.normal(1.72, 0.10), 1.48, 1.98))
    groups = {
        part: float(np.clip(rng.normal(1.0, 0.04), 0.9, 1.1)) for part in ("trunk", "arm", "leg", "foot")
    }
    girth = float(np.clip(rng.normal(1.0, 0.12), 0.78, 1.3)) * stature / _MEAN_STATURE_M
    return _build(stature, groups, girth)


def standard_body(stature_m: float) -> KinematicModel:
    """Build a body of that stature with mean proportions and girth."""
    return _build(stature_m, {}, stature_m / _MEAN_STATURE_M)


def _build(stature: float, groups: dict[str, float], girth: float) -> KinematicModel:
    nodes = [_node(name, parent, offset, stature, groups) for name, parent, offset in _MIDDLE]
    for name, parent, offset in _RIGHT:
        right = _node(name, parent, offset, stature, groups)
        nodes += [right, Node(_left(name), _left(parent), _flip(right.offset_m))]
    return build_model(nodes, _hinges(), flesh=_flesh(girth, head=stature / _MEAN_STATURE_M))


def _node(name: str, parent: str | None, offset: _Triple, stature: float, groups: dict[str, float]) -> Node:
    factor = stature * groups.get(_group(name), 1.0)
    x, y, z = (factor * value for value in offset)
    if _group(name) == "foot":
        # A longer foot is not a higher one: heel and toes lie on the floor's skin.
        z = SOLE_M - stature * ANKLE_HEIGHT
    return Node(name, parent, (x, y, z))


def _group(name: str) -> str:
    part = name.removeprefix("right_")
    if part in ("heel", "big_toe", "small_toe"):
        return "foot"
    if part in ("knee", "ankle"):
        return "leg"
    if part in ("elbow", "wrist", "grip", "knuckles", "fingers"):
        return "arm"
    return "trunk" if part in ("waist", "chest", "neck", "rib", "breast", "clavicle", "shoulder") else "head"


def _hinges() -> list[Hinge]:
    hinges = [Hinge(*hinge) for hinge in _HINGES]
    for side in ("right", "left"):
        # The mirror turns the sense of rotations, see `kinematic.mirrored`.
        sense = 1.0 if side == "right" else -1.0
        for name, node, (x, y, z), lower, upper in _ARM_HINGES:
            place = node if side == "right" else _left(node)
            hinges.append(Hinge(f"{side}_{name}", place, (x, sense * y, sense * z), lower, upper))
    return hinges


def _flesh(girth: float, *, head: float) -> list[Flesh]:
    skull = ("upper_neck", "skull_front", "skull_top")
    flesh = [Flesh(one, other, radius * (head if other in skull else girth)) for one, other, radius in _FLESH]
    for one, other, radius in _SIDE_FLESH:
        flesh += [Flesh(one, other, radius * girth), Flesh(_left(one), _left(other), radius * girth)]
    for one, other in _FOOT_FLESH:
        flesh += [Flesh(one, other, SOLE_M), Flesh(_left(one), _left(other), SOLE_M)]
    return flesh


def _left(name: str) -> str:
    return name.replace("right_", "left_")


def _flip(offset: _Triple) -> _Triple:
    x, y, z = offset
    return (-x, y, z)
