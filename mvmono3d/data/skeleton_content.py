"""A skeleton as the plain content of its YAML: the inverse of `core.skeleton_file.parse_skeleton`."""

from typing import Any

from mvmono3d.core.skeleton import BodyFrame, Skeleton


def skeleton_content(skeleton: Skeleton) -> dict[str, Any]:
    """Return the mapping from which `parse_skeleton` builds the same skeleton again."""
    content: dict[str, Any] = {
        "name": skeleton.name,
        "torso": [skeleton.joints[joint] for joint in skeleton.torso],
        "joints": {name: _joint(skeleton, joint) for joint, name in enumerate(skeleton.joints)},
    }
    if skeleton.flesh:
        names = skeleton.joints
        content["flesh"] = [[names[one], names[other], radius] for one, other, radius in skeleton.flesh]
    if skeleton.frame is not None:
        content["frame"] = _frame(skeleton.frame, skeleton.joints)
    return content


def _joint(skeleton: Skeleton, joint: int) -> dict[str, Any]:
    parent = skeleton.parents[joint]
    content: dict[str, Any] = {
        "parent": None if parent < 0 else skeleton.joints[parent],
        "mirror": skeleton.joints[skeleton.mirror[joint]],
        "flexible": skeleton.flexible[joint],
    }
    if skeleton.rest_m is not None:
        content["rest_m"] = list(skeleton.rest_m[joint])
    if skeleton.radius_m is not None:
        content["radius_m"] = skeleton.radius_m[joint]
    return content


def _frame(frame: BodyFrame, joints: tuple[str, ...]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "kind": frame.kind.value,
        "lateral": [joints[joint] for joint in frame.lateral],
    }
    if frame.forward is not None:
        content["forward"] = [joints[joint] for joint in frame.forward]
    return content
