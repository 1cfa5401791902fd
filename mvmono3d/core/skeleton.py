"""Skeletons: named joints in a tree. Static and hashable, so that an exported graph can hold one."""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from mvmono3d.core.schema import sha256_of_bytes
from mvmono3d.errors import InvalidRecordError, unknown_name


class FrameKind(StrEnum):
    """How an actor's own frame is laid into its joints."""

    HEADING = "heading"
    """+Z stays the world's; only the turn about it follows the actor (bodies, animals)."""
    FULL = "full"
    """All three axes follow the actor (hands)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyFrame:
    """The joints that give an actor its own frame: where a learned prior sees every pose alike."""

    kind: FrameKind
    lateral: tuple[int, int]
    """The first axis points from the first of these joints to the second."""
    forward: tuple[int, int] | None = None
    """Needed where `kind` is FULL; made perpendicular to the first axis."""


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """Joints in a tree. The child joint names a bone: bone i joins `bones[i]` = (parent, child)."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    """The root's parent is -1."""
    mirror: tuple[int, ...]
    """Each joint's left/right partner; itself on the midline."""
    flexible: tuple[bool, ...]
    """Whether the bone to the joint's parent changes its length (hip to shoulder, say)."""
    torso: tuple[int, ...]
    """The joints whose mean is the actor's position."""
    frame: BodyFrame | None = None
    rest_m: tuple[tuple[float, float, float], ...] | None = None
    """A pose at rest, where the YAML gives one: what the synthetic world animates."""
    radius_m: tuple[float, ...] | None = None
    """Radius of the capsule from each joint to its parent."""
    flesh: tuple[tuple[int, int, float], ...] = ()
    """Capsules (joint, joint, radius in metres) that hide joints and are no bones: trunk and head, say."""

    def __post_init__(self) -> None:
        _check_tree(self)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) of every bone, in the order of the child joints: the `bone` axis."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent >= 0)

    @cached_property
    def bends(self) -> tuple[tuple[int, int], ...]:
        """(bone, next bone) of every two bones of which the second starts where the first ends."""
        bones = self.bones
        return tuple(
            (first, second)
            for first, (_, middle) in enumerate(bones)
            for second, (start, _) in enumerate(bones)
            if start == middle
        )

    @cached_property
    def root(self) -> int:
        """The joint without a parent."""
        return self.parents.index(-1)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """All joints, each after its parent."""
        order = [self.root]
        for joint in order:
            order.extend(child for parent, child in self.bones if parent == joint)
        return tuple(order)

    @cached_property
    def upright(self) -> tuple[int, int] | None:
        """The joints that crops show one above the other: first below, second on top.

        Hands and animals come at any angle, and a network that need not know every one learns far faster
        (Zhang et al., MediaPipe Hands, 2020). `None` where the image's own up is good enough: people stand.
        """
        return None if self.frame is None or self.frame.kind is not FrameKind.FULL else self.frame.forward

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what a network or a file must agree on: names, tree, mirror."""
        content = [self.name, self.joints, self.parents, self.mirror]
        return sha256_of_bytes(json.dumps(content).encode())

    def index(self, joint: str) -> int:
        """Return the place of a joint on the joint axis."""
        if joint not in self.joints:
            raise unknown_name("joint", joint, self.joints, where=f"skeleton {self.name!r}")
        return self.joints.index(joint)


def _check_tree(skeleton: Skeleton) -> None:
    where, count = f"skeleton {skeleton.name!r}", len(skeleton.joints)
    if len(set(skeleton.joints)) != count:
        raise InvalidRecordError(f"{where}: joint names repeat")
    for field in ("parents", "mirror", "flexible", "rest_m", "radius_m"):
        values = getattr(skeleton, field)
        if values is not None and len(values) != count:
            raise InvalidRecordError(f"{where}: {len(values)} {field} for {count} joints")
    if any(not (0 <= joint < count) for *ends, _ in skeleton.flesh for joint in ends):
        raise InvalidRecordError(f"{where}: flesh between joints that don't exist: {skeleton.flesh}")
    if skeleton.parents.count(-1) != 1:
        raise InvalidRecordError(
            f"{where}: {skeleton.parents.count(-1)} joints without parent, expected one root"
        )
    if len(skeleton.order) != count:
        lost = [name for joint, name in enumerate(skeleton.joints) if joint not in skeleton.order]
        raise InvalidRecordError(f"{where}: parents form a loop at {', '.join(lost)}; expected a tree")
    if any(skeleton.mirror[partner] != joint for joint, partner in enumerate(skeleton.mirror)):
        raise InvalidRecordError(f"{where}: mirror is not its own inverse")
