"""Bones, joint angles, an actor's own frame and forward kinematics, for any skeleton."""

from typing import NamedTuple

from jaxtyping import Bool, Float

from mvmono3d.core.array import Array, device, namespace
from mvmono3d.core.skeleton import BodyFrame, FrameKind, Skeleton
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.rigid import cross, lengths, multiply, orthonormal, rotate, unit_vectors
from mvmono3d.geometry.solve import identity3

_LEAST_WIDTH_M = 1e-5
"""Joints of a lateral pair that are closer (seen from above, for HEADING) give no direction."""


class Posed(NamedTuple):
    """Where forward kinematics puts each joint, and how it turns each joint's frame."""

    points: Float[Array, "*batch joint 3"]
    rotations: Float[Array, "*batch joint 3 3"]


class ActorFrame(NamedTuple):
    """An actor's own frame; the rotation is the identity where `ok` is false."""

    world_from_body: Float[Array, "*batch 3 3"]
    origin_world: Float[Array, "*batch 3"]
    ok: Bool[Array, "*batch"]


def bone_vectors(points: Float[Array, "*batch joint 3"], skeleton: Skeleton) -> Float[Array, "*batch bone 3"]:
    """Return child minus parent for every bone, in the order of `Skeleton.bones`."""
    parents, children = zip(*skeleton.bones, strict=True)
    return _take(points, children) - _take(points, parents)


def bone_lengths(points: Float[Array, "*batch joint 3"], skeleton: Skeleton) -> Float[Array, "*batch bone"]:
    """Return the length of every bone."""
    return lengths(bone_vectors(points, skeleton))


def bone_directions(
    points: Float[Array, "*batch joint 3"], skeleton: Skeleton
) -> Float[Array, "*batch bone 3"]:
    """Return unit vectors from parent to child; 0 for a bone without length."""
    return unit_vectors(bone_vectors(points, skeleton))[0]


def set_bone_lengths(
    points: Float[Array, "*#batch joint 3"], lengths_m: Float[Array, "*#batch bone"], skeleton: Skeleton
) -> Float[Array, "*#batch joint 3"]:
    """Move each child along its bone, root first, until the bones have these lengths.

    Directions stay; a bone without length leaves its child on the parent.
    """
    xp = namespace(points, lengths_m)
    offsets = bone_directions(points, skeleton) * lengths_m[..., None]
    bone_of = {child: bone for bone, (_, child) in enumerate(skeleton.bones)}
    moved: dict[int, Array] = {skeleton.root: points[..., skeleton.root, :]}
    for joint in skeleton.order[1:]:
        moved[joint] = moved[skeleton.parents[joint]] + offsets[..., bone_of[joint], :]
    return _stack_joints(xp, moved)


def forward_kinematics(
    rotations: Float[Array, "*#batch joint 3 3"],
    offsets: Float[Array, "*#batch joint 3"],
    *,
    root: Float[Array, "*#batch 3"],
    parents: tuple[int, ...],
) -> Posed:
    """Pose a tree of joints.

    Args:
        rotations: Turn of each joint's frame relative to its parent's (the root's relative to the world).
        offsets: Each joint in its parent's frame at rest, metres; the root's is not used.
        root: Where the root goes.
        parents: The parent of each joint, -1 for the root; in any order.

    Raises:
        InvalidRecordError: The parents are not a tree with one root.
    """
    xp = namespace(rotations, offsets, root)
    turned: dict[int, Array] = {}
    placed: dict[int, Array] = {}
    for joint in _parents_first(parents):
        parent, turn = parents[joint], rotations[..., joint, :, :]
        if parent < 0:
            turned[joint], placed[joint] = turn, root
            continue
        turned[joint] = multiply(turned[parent], turn)
        placed[joint] = placed[parent] + rotate(turned[parent], offsets[..., joint, None, :])[..., 0, :]
    frames = xp.broadcast_arrays(*(turned[joint] for joint in range(len(parents))))
    return Posed(_stack_joints(xp, placed), xp.stack(list(frames), axis=-3))


def joint_angles(points: Float[Array, "*batch joint 3"], skeleton: Skeleton) -> Float[Array, "*batch joint"]:
    """Return the angle (rad) by which the bone leaving each joint turns from the one that arrives.

    0 is straight. A joint that branches uses its first child; the root and the tips get 0.
    """
    xp = namespace(points)
    child_of = dict(reversed(skeleton.bones))
    zero = xp.zeros_like(points[..., 0, 0])
    angles = []
    for joint, parent in enumerate(skeleton.parents):
        if parent < 0 or joint not in child_of:
            angles.append(zero)
            continue
        arriving = points[..., joint, :] - points[..., parent, :]
        leaving = points[..., child_of[joint], :] - points[..., joint, :]
        angles.append(_angle(arriving, leaving))
    return xp.stack(angles, axis=-1)


def body_frame(
    points: Float[Array, "*batch joint 3"],
    skeleton: Skeleton,
    *,
    present: Bool[Array, "*batch joint"] | None = None,
) -> ActorFrame:
    """Return the actor's own frame: its axes as columns, and the mean of the torso joints.

    HEADING keeps the world's +Z and puts +X along the skeleton's lateral pair; FULL puts +X along the
    lateral pair and +Y towards the forward pair. Where the axes are not defined (no frame in the
    skeleton, coinciding or absent joints) the rotation is the identity.
    """
    xp = namespace(points)
    origin, any_torso = _torso_mean(points, skeleton, present)
    frame = skeleton.frame
    if frame is None:
        rotation = xp.broadcast_to(identity3(points), (*points.shape[:-2], 3, 3))
        return ActorFrame(rotation, origin, xp.zeros_like(any_torso))
    first, second = _frame_axes(points, frame)
    defined = xp.sum(first * first, axis=-1) > _LEAST_WIDTH_M**2
    if present is not None:
        for joint in (*frame.lateral, *(frame.forward or ())):
            defined = defined & present[..., joint]
    rotation, ok = orthonormal(xp.where(defined[..., None], first, 0.0), second)
    return ActorFrame(rotation, origin, ok & any_torso)


def _parents_first(parents: tuple[int, ...]) -> list[int]:
    order = [joint for joint, parent in enumerate(parents) if parent < 0]
    for joint in order:
        order.extend(child for child, parent in enumerate(parents) if parent == joint)
    if parents.count(-1) != 1 or len(order) != len(parents):
        raise InvalidRecordError(f"parents {parents} are not a tree: expected one -1 and no loop")
    return order


def _frame_axes(points: Array, frame: BodyFrame) -> tuple[Array, Array]:
    xp = namespace(points)
    lateral = points[..., frame.lateral[1], :] - points[..., frame.lateral[0], :]
    if frame.kind is FrameKind.FULL and frame.forward is not None:
        return lateral, points[..., frame.forward[1], :] - points[..., frame.forward[0], :]
    zero = xp.zeros_like(lateral[..., :1])
    level = xp.concat([lateral[..., :2], zero], axis=-1)
    up = xp.concat([zero, zero, xp.ones_like(zero)], axis=-1)
    return level, cross(up, level)


def _torso_mean(points: Array, skeleton: Skeleton, present: Array | None) -> tuple[Array, Array]:
    """Return the mean of the torso joints that are present, and whether there is any; else 0."""
    xp = namespace(points)
    torso = _take(points, skeleton.torso)
    if present is None:
        return xp.mean(torso, axis=-2), xp.ones_like(torso[..., 0, 0], dtype=xp.bool)
    weights = xp.astype(xp.stack([present[..., joint] for joint in skeleton.torso], axis=-1), points.dtype)
    count = xp.sum(weights, axis=-1)
    any_torso = count > 0.0
    total = xp.sum(torso * weights[..., None], axis=-2)
    return total / xp.where(any_torso, count, 1.0)[..., None], any_torso


def _angle(first: Array, second: Array) -> Array:
    xp = namespace(first, second)
    sine, cosine = lengths(cross(first, second)), xp.sum(first * second, axis=-1)
    defined = (sine > 0.0) | (cosine != 0.0)
    return xp.atan2(sine, xp.where(defined, cosine, 1.0))


def _take(points: Array, joints: tuple[int, ...]) -> Array:
    xp = namespace(points)
    return xp.take(points, xp.asarray(joints, device=device(points)), axis=-2)


def _stack_joints(xp: Array, by_joint: dict[int, Array]) -> Array:
    points = xp.broadcast_arrays(*(by_joint[joint] for joint in range(len(by_joint))))
    return xp.stack(list(points), axis=-2)
