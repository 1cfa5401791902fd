"""A body that moves as landmarks did: their directions and frames, on a body of any size.

Only directions are taken over, so every joint means the same as in the body that moves by rules, bones
keep their length, and landmarks of any skeleton's proportions serve. The trunk bends at the waist alone.
"""

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.synthetic.body import BODY_JOINTS, standard_body
from mvmono3d.synthetic.kinematic import KinematicModel, NodePoses

STANDARD_STATURE_M = 1.72
STANDARD = standard_body(STANDARD_STATURE_M)
"""The body whose proportions landmarks of faces and feet have."""
HEAD = ("upper_neck", "nose", "left_eye", "right_eye", "left_ear", "right_ear", "head_top")
SIDES = ("left", "right")
_DOWN, _UP = np.array([0.0, 0.0, -1.0]), np.array([0.0, 0.0, 1.0])
_LEG = tuple((side, upper, lower) for side in SIDES for upper, lower in (("hip", "knee"), ("knee", "ankle")))


def foot(side: str) -> tuple[str, ...]:
    """Return the landmarks that are fixed to a foot, the ankle first."""
    return tuple(f"{side}_{part}" for part in ("ankle", "heel", "big_toe", "small_toe"))


def retarget(landmarks_world: Float[Array, "time landmark 3"], model: KinematicModel) -> NodePoses:
    """Let a body move as landmarks (metres, +Z up, in the order of `BODY_JOINTS`) did.

    The path scales about the origin by the length of the legs, so that steps stay steps.
    """
    seen = {name: landmarks_world[:, place] for place, name in enumerate(BODY_JOINTS)}
    turned = _turn_segments(seen)
    scale = leg_m(_rest(model)) / leg_m(seen)
    return place_nodes(model, turned, root=scale * seen["mid_hip"])


def place_nodes(
    model: KinematicModel, turned: dict[str, Float[Array, "time 3 3"]], *, root: Float[Array, "time 3"]
) -> NodePoses:
    """Place every node by the world rotations of some; the others turn as their parent does."""
    points = np.empty((len(root), len(model.names), 3))
    rotations = np.empty((len(root), len(model.names), 3, 3))
    for node, (name, parent) in enumerate(zip(model.names, model.parents.tolist(), strict=True)):
        rotations[:, node] = turned.get(name, rotations[:, parent])
        points[:, node] = (
            root if parent < 0 else points[:, parent] + rotations[:, parent] @ model.offset_m[node]
        )
    return NodePoses(points, rotations)


def leg_m(seen: dict[str, Float[Array, "time 3"]]) -> float:
    """Return the mean length of a leg, from hip to knee to ankle."""
    bones = [seen[f"{side}_{lower}"] - seen[f"{side}_{upper}"] for side, upper, lower in _LEG]
    return 0.5 * float(sum(np.linalg.norm(bone, axis=-1).mean() for bone in bones))


def offset(name: str) -> Float[Array, "3"]:
    """Return a node's offset from its parent in the standard body."""
    return STANDARD.offset_m[STANDARD.index(name)]


def trunk_frame(up: Float[Array, "time 3"], *, right: Float[Array, "time 3"]) -> Float[Array, "time 3 3"]:
    """Return rotations whose +Z points up and whose +X lies nearest to the right."""
    z, y = unit(up), unit(np.cross(up, right))
    return np.stack((np.cross(y, z), y, z), axis=-1)


def swing(start: Float[Array, "*#batch 3"], end: Float[Array, "*#batch 3"]) -> Float[Array, "*batch 3 3"]:
    """Return the smallest rotation that takes one direction to another; they must not be opposite.

    I + K + K² / (1 + cos), Rodrigues' formula with K the cross product matrix of start × end.
    """
    a, b = np.broadcast_arrays(unit(start), unit(end))
    x, y, z = np.moveaxis(np.cross(a, b), -1, 0)
    none = np.zeros_like(x)
    matrix = np.stack((none, -z, y, z, none, -x, -y, x, none), axis=-1).reshape(*x.shape, 3, 3)
    # Opposite directions have no smallest rotation: any finite one will do.
    cosine = np.maximum((a * b).sum(axis=-1), -1.0 + 1e-9)[..., None, None]
    return np.eye(3) + matrix + matrix @ matrix / (1.0 + cosine)


def unit(vector: Float[Array, "*batch 3"]) -> Float[Array, "*batch 3"]:
    """Return the direction of a vector; 0 stays 0."""
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


def fit_rotation(
    rest: Float[Array, "point 3"], seen: Float[Array, "time point 3"]
) -> Float[Array, "time 3 3"]:
    """Return the rotations that best turn points at rest to where they are, both from one origin.

    Kabsch (1976), "A solution for the best rotation to relate two sets of vectors".
    """
    left, _, right = np.linalg.svd(rest.T @ seen)
    right[:, 2] *= np.linalg.det(left @ right)[:, None]
    return np.swapaxes(left @ right, 1, 2)


def _turn_segments(seen: dict[str, Float[Array, "time 3"]]) -> dict[str, Float[Array, "time 3 3"]]:
    size = leg_m(seen) / leg_m(_rest(STANDARD))
    pelvis = _pelvis(seen)
    waist = seen["mid_hip"] + pelvis @ (size * offset("waist"))
    shoulders = seen["right_shoulder"] - seen["left_shoulder"]
    spine = unit(offset("chest") + offset("neck"))
    chest = trunk_frame(seen["neck"] - waist, right=shoulders) @ swing(spine, _UP)
    neck_line = seen["upper_neck"] - seen["neck"]
    throat = trunk_frame(neck_line, right=chest[:, :, 0]) @ swing(offset("upper_neck"), _UP)
    turned = {"mid_hip": pelvis, "waist": chest, "throat": throat, "upper_neck": _fixed(seen, HEAD)}
    for side in SIDES:
        collar = seen["neck"] + chest @ (size * offset(f"{side}_clavicle"))
        turned |= _turn_arm(seen, side, chest=chest, collar=collar) | _turn_leg(seen, side, pelvis=pelvis)
    return turned


def _pelvis(seen: dict[str, Float[Array, "time 3"]]) -> Float[Array, "time 3 3"]:
    x = unit(seen["right_hip"] - seen["left_hip"])
    y = unit(np.cross(seen["neck"] - seen["mid_hip"], x))
    return np.stack((x, y, np.cross(x, y)), axis=-1)


def _fixed(seen: dict[str, Float[Array, "time 3"]], names: tuple[str, ...]) -> Float[Array, "time 3 3"]:
    rest, first = _rest(STANDARD), names[0]
    fixed = np.concatenate([rest[name] - rest[first] for name in names[1:]])
    return fit_rotation(fixed, np.stack([seen[name] - seen[first] for name in names[1:]], axis=1))


def _turn_arm(
    seen: dict[str, Float[Array, "time 3"]],
    side: str,
    *,
    chest: Float[Array, "time 3 3"],
    collar: Float[Array, "time 3"],
) -> dict[str, Float[Array, "time 3 3"]]:
    shoulder, elbow, wrist = (seen[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
    clavicle = swing(chest @ offset(f"{side}_shoulder"), shoulder - collar) @ chest
    # Arms reach up and down, but never in and behind: the upper arm swings from the opposite of that.
    aside = np.array([1.0 if side == "right" else -1.0, 1.0, 0.0])
    upper = swing(chest @ aside, elbow - shoulder) @ chest @ swing(_DOWN, aside)
    return {
        f"{side}_clavicle": clavicle,
        f"{side}_shoulder": upper,
        f"{side}_elbow": swing(upper @ _DOWN, wrist - elbow) @ upper,
    }


def _turn_leg(
    seen: dict[str, Float[Array, "time 3"]], side: str, *, pelvis: Float[Array, "time 3 3"]
) -> dict[str, Float[Array, "time 3 3"]]:
    hip, knee, ankle = (seen[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    thigh = swing(pelvis @ _DOWN, knee - hip) @ pelvis
    return {
        f"{side}_hip": thigh,
        f"{side}_knee": swing(thigh @ _DOWN, ankle - knee) @ thigh,
        f"{side}_ankle": _fixed(seen, foot(side)),
    }


def _rest(model: KinematicModel) -> dict[str, Float[Array, "1 3"]]:
    points: dict[str, Float[Array, "1 3"]] = {}
    for node, (name, parent) in enumerate(zip(model.names, model.parents.tolist(), strict=True)):
        above = points[model.names[parent]] if parent >= 0 else np.zeros((1, 3))
        points[name] = above + model.offset_m[node]
    return points
