"""ASF and AMC, the skeleton and motion files of Acclaim, as the CMU database has them.

A bone is a direction with a length at its parent's end. With C from the bone's `axis` and M from its
degrees of freedom it is turned by C M C⁻¹ against its parent; angles apply about fixed axes, x first.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.motion_capture import (
    WORLD_FROM_FILE,
    MotionCapture,
    NumberedLines,
    turn_about_axes,
)

_INCH_M = 0.0254
_FREEDOMS = ("tx", "ty", "tz", "rx", "ry", "rz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bone:
    """A bone at rest."""

    name: str
    offset: Float[np.ndarray, "3"]
    """From its parent's end to its own, in file units."""
    axis: Float[np.ndarray, "3 3"]
    """C: the frame of its degrees of freedom."""
    freedoms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcclaimSkeleton:
    """An ASF file: the root is bone 0."""

    bones: tuple[Bone, ...]
    parents: tuple[int, ...]
    metres_per_unit: float
    degrees: bool


def read_asf(path: Path) -> AcclaimSkeleton:
    """Read a skeleton; raises `InvalidFileError`, with the line, for what is no ASF file."""
    lines = NumberedLines.read(path)
    bones: dict[str, Bone] = {}
    parents: dict[str, str] = {}
    length, degrees = 1.0, True
    while not lines.done:
        section = lines.take()[0].lower()
        if not section.startswith(":"):
            lines.refuse(repr(section), expected="a section such as :bonedata")
        if section == ":units":
            length, degrees = _read_units(lines)
        elif section == ":root":
            bones["root"] = _read_root(lines, degrees=degrees)
        elif section == ":bonedata":
            bones |= _read_bones(lines, degrees=degrees)
        elif section == ":hierarchy":
            parents = _read_hierarchy(lines, known=set(bones))
        else:
            _skip(lines)
    if "root" not in bones or set(bones) - set(parents) != {"root"}:
        raise InvalidFileError(
            f"{path}: expected :root, :bonedata and a :hierarchy of all bones, "
            f"got no parent of {', '.join(sorted(set(bones) - set(parents) - {'root'})) or 'any'}"
        )
    return _in_order(bones, parents, metres_per_unit=_INCH_M / length, degrees=degrees)


def read_amc(path: Path, skeleton: AcclaimSkeleton, *, rate_hz: float) -> MotionCapture:
    """Read a skeleton's motion; a bone's point is its end, and the file states no rate."""
    values = _read_motion(path, skeleton)
    count, frames = len(skeleton.bones), len(values[0])
    points, turned = np.zeros((frames, count, 3)), np.zeros((frames, count, 3, 3))
    for place, (bone, parent) in enumerate(zip(skeleton.bones, skeleton.parents, strict=True)):
        shift, turn = _freedom(bone, values[place], degrees=skeleton.degrees)
        above = np.broadcast_to(np.eye(3), (frames, 3, 3)) if parent < 0 else turned[:, parent]
        start = shift if parent < 0 else points[:, parent]
        turned[:, place] = above @ (bone.axis @ turn @ bone.axis.T)
        points[:, place] = start + turned[:, place] @ bone.offset
    return MotionCapture(
        names=tuple(bone.name for bone in skeleton.bones),
        parents=skeleton.parents,
        points_world=skeleton.metres_per_unit * points @ WORLD_FROM_FILE.T,
        world_from_node=WORLD_FROM_FILE @ turned,
        rate_hz=rate_hz,
    )


def _read_units(lines: NumberedLines) -> tuple[float, bool]:
    length, degrees = 1.0, True
    while not lines.done and not lines.look()[0].startswith(":"):
        word, *rest = lines.take()
        if word.lower() == "length":
            (length,) = lines.numbers(rest, count=1)
        elif word.lower() == "angle":
            if [each.lower() for each in rest] not in (["deg"], ["rad"]):
                lines.refuse(repr(" ".join(rest)), expected="angle deg or angle rad")
            degrees = rest[0].lower() == "deg"
    if length <= 0:
        lines.refuse(f"length {length:g}", expected="a length above 0")
    return length, degrees


def _read_root(lines: NumberedLines, *, degrees: bool) -> Bone:
    order, axis, orientation = list(_FREEDOMS), "xyz", [0.0] * 3
    while not lines.done and not lines.look()[0].startswith(":"):
        word, *rest = lines.take("order", "axis", "position", "orientation")
        if word == "order":
            order = _freedoms(lines, rest)
        elif word == "axis":
            axis = _axis_order(lines, rest)
        elif word == "orientation":
            orientation = lines.numbers(rest, count=3)
        else:
            # Where the root is at rest says nothing about where its motion puts it.
            lines.numbers(rest, count=3)
    return Bone(
        name="root",
        offset=np.zeros(3),
        axis=_turn(orientation, axis, degrees=degrees),
        freedoms=tuple(order),
    )


def _read_bones(lines: NumberedLines, *, degrees: bool) -> dict[str, Bone]:
    bones: dict[str, Bone] = {}
    while not lines.done and not lines.look()[0].startswith(":"):
        lines.take("begin")
        bone = _read_bone(lines, degrees=degrees)
        if bone.name in bones:
            lines.refuse(f"a second bone {bone.name!r}", expected="bones of different names")
        bones[bone.name] = bone
    return bones


def _read_bone(lines: NumberedLines, *, degrees: bool) -> Bone:
    found: dict[str, list[str]] = {}
    direction, length, axis = [0.0] * 3, 0.0, np.eye(3)
    while (line := lines.take())[0].lower() != "end":
        word, rest = line[0].lower(), line[1:]
        found[word] = rest
        if word == "direction":
            direction = lines.numbers(rest, count=3)
        elif word == "length":
            (length,) = lines.numbers(rest, count=1)
        elif word == "axis":
            axis = _turn(lines.numbers(rest[:3], count=3), _axis_order(lines, rest[3:]), degrees=degrees)
        elif word == "dof":
            found[word] = _freedoms(lines, rest)
    missing = [word for word in ("name", "direction", "length", "axis") if not found.get(word)]
    if missing:
        lines.refuse(f"a bone without {', '.join(missing)}", expected="name, direction, length and axis")
    offset = length * np.array(direction)
    return Bone(name=found["name"][0], offset=offset, axis=axis, freedoms=tuple(found.get("dof", ())))


def _read_hierarchy(lines: NumberedLines, *, known: set[str]) -> dict[str, str]:
    parents: dict[str, str] = {}
    lines.take("begin")
    while (line := lines.take())[0].lower() != "end":
        for name in line:
            if name not in known:
                lines.refuse(f"bone {name!r}", expected="the root or a bone of :bonedata")
        for child in line[1:]:
            if child in parents:
                lines.refuse(f"a second parent of {child!r}", expected="one parent of each bone")
            parents[child] = line[0]
    return parents


def _in_order(
    bones: dict[str, Bone], parents: dict[str, str], *, metres_per_unit: float, degrees: bool
) -> AcclaimSkeleton:
    order = ["root"]
    for name in order:
        order += [child for child, parent in parents.items() if parent == name]
    return AcclaimSkeleton(
        bones=tuple(bones[name] for name in order),
        parents=tuple(-1 if name == "root" else order.index(parents[name]) for name in order),
        metres_per_unit=metres_per_unit,
        degrees=degrees,
    )


def _read_motion(path: Path, skeleton: AcclaimSkeleton) -> list[Float[np.ndarray, "time freedom"]]:
    lines = NumberedLines.read(path)
    where = {bone.name: place for place, bone in enumerate(skeleton.bones)}
    rows: list[list[list[float]]] = [[] for _ in skeleton.bones]
    frames = 0
    for word, *rest in lines.rest():
        if word.startswith(":"):
            continue
        if not rest:
            _check_frame(lines, skeleton, rows, frames)
            frames += 1
            if word != str(frames):
                lines.refuse(repr(word), expected=f"frame {frames}")
        elif word not in where or frames == 0:
            lines.refuse(repr(word), expected="a frame's number, then bones of the skeleton")
        else:
            bone = skeleton.bones[where[word]]
            rows[where[word]].append(lines.numbers(rest, count=len(bone.freedoms)))
    _check_frame(lines, skeleton, rows, frames)
    if frames == 0:
        raise InvalidFileError(f"{path}: the recording is empty (0 frames)")
    free = zip(rows, skeleton.bones, strict=True)
    return [
        np.array(row).reshape(frames, -1) if bone.freedoms else np.zeros((frames, 0)) for row, bone in free
    ]


def _check_frame(
    lines: NumberedLines, skeleton: AcclaimSkeleton, rows: list[list[list[float]]], frames: int
) -> None:
    wrong = [
        bone.name
        for bone, row in zip(skeleton.bones, rows, strict=True)
        if bone.freedoms and len(row) != frames
    ]
    if wrong:
        lines.refuse(f"frame {frames} with 0 or 2 of {', '.join(wrong)}", expected="each bone once per frame")


def _freedom(
    bone: Bone, values: Float[np.ndarray, "time freedom"], *, degrees: bool
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 3 3"]]:
    shift = np.zeros((len(values), 3))
    for place, name in enumerate(bone.freedoms):
        if name[0] == "t":
            shift[:, "xyz".index(name[1])] = values[:, place]
    turning = [place for place, name in enumerate(bone.freedoms) if name[0] == "r"]
    angles = np.deg2rad(values[:, turning]) if degrees else values[:, turning]
    # About fixed axes, first listed first: the last one's matrix stands leftmost.
    return shift, turn_about_axes(
        angles[:, ::-1], "".join(bone.freedoms[place][1] for place in turning)[::-1]
    )


def _turn(angles: list[float], axes: str, *, degrees: bool) -> Float[np.ndarray, "3 3"]:
    values = np.deg2rad(angles) if degrees else np.array(angles)
    return turn_about_axes(values[::-1], axes[::-1])


def _freedoms(lines: NumberedLines, words: list[str]) -> list[str]:
    names = [word.lower() for word in words]
    if set(names) - set(_FREEDOMS) or len(set(names)) != len(names):
        lines.refuse(repr(" ".join(words)), expected=f"some of {' '.join(_FREEDOMS)}, each once")
    return names


def _axis_order(lines: NumberedLines, words: list[str]) -> str:
    order = "".join(words).lower()
    if sorted(order) != ["x", "y", "z"]:
        lines.refuse(repr(" ".join(words)), expected="an order of axes such as XYZ")
    return order


def _skip(lines: NumberedLines) -> None:
    while not lines.done and not lines.look()[0].startswith(":"):
        lines.take()
