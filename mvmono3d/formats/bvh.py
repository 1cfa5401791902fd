"""BVH, the motion file of Biovision: a tree of joints, then one line of channels per frame.

A joint's channels are turns about its own axes, applied in the order in which the file lists them: with
`Zrotation Xrotation Yrotation` the joint is turned by Rz Rx Ry against its parent.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mvmono3d.formats.motion_capture import (
    WORLD_FROM_FILE,
    MotionCapture,
    NumberedLines,
    turn_about_axes,
)
from mvmono3d.geometry.kinematics import forward_kinematics

_POSITIONS = ("xposition", "yposition", "zposition")
_ROTATIONS = ("xrotation", "yrotation", "zrotation")


@dataclass(slots=True)
class _Tree:
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)

    def add(self, name: str, parent: int) -> int:
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append([0.0, 0.0, 0.0])
        self.channels.append([])
        return len(self.names) - 1


def read_bvh(path: Path, *, metres_per_unit: float) -> MotionCapture:
    """Read a BVH file; an end site is the node `<joint>_end`. The file itself states no unit.

    Raises `InvalidFileError`, with the line, for anything but one tree and its frames.
    """
    lines = NumberedLines.read(path)
    lines.take("HIERARCHY")
    tree = _read_tree(lines)
    lines.take("MOTION")
    frames, rate_hz = _read_clock(lines)
    values = _read_frames(lines, frames, sum(len(names) for names in tree.channels))
    root, turns = _apply_channels(tree, values)
    posed = forward_kinematics(
        turns, np.array(tree.offsets), root=root + np.array(tree.offsets[0]), parents=tuple(tree.parents)
    )
    return MotionCapture(
        names=tuple(tree.names),
        parents=tuple(tree.parents),
        points_world=metres_per_unit * posed.points @ WORLD_FROM_FILE.T,
        world_from_node=WORLD_FROM_FILE @ posed.rotations,
        rate_hz=rate_hz,
    )


def _read_tree(lines: NumberedLines) -> _Tree:
    tree, open_nodes = _Tree(), [-1]
    while True:
        word, *rest = lines.take() if tree.names else lines.take("ROOT")
        if word == "}":
            open_nodes.pop()
            if len(open_nodes) == 1:
                return tree
        elif word.upper() in ("ROOT", "JOINT", "END"):
            if not rest or (word.upper() == "ROOT" and tree.names):
                lines.refuse(repr(" ".join([word, *rest])), expected="one ROOT, and JOINT with a name")
            end = word.upper() == "END"
            name = f"{tree.names[open_nodes[-1]]}_end" if end else " ".join(rest)
            if name in tree.names:
                lines.refuse(f"a second joint {name!r}", expected="joints of different names")
            open_nodes.append(tree.add(name, open_nodes[-1]))
            lines.take("{")
        elif word.upper() == "OFFSET":
            tree.offsets[open_nodes[-1]] = lines.numbers(rest, count=3)
        elif word.upper() == "CHANNELS":
            tree.channels[open_nodes[-1]] = _channel_names(lines, rest, root=open_nodes[-1] == 0)
        else:
            lines.refuse(repr(word), expected="JOINT, End Site, OFFSET, CHANNELS or }")


def _channel_names(lines: NumberedLines, words: list[str], *, root: bool) -> list[str]:
    names = [word.lower() for word in words[1:]]
    known = (*_POSITIONS, *_ROTATIONS) if root else _ROTATIONS
    if words[:1] != [str(len(names))] or len(set(names)) != len(names) or set(names) - set(known):
        possible = "Xposition … Zrotation" if root else "Xrotation, Yrotation, Zrotation: only the root moves"
        lines.refuse(repr(" ".join(words)), expected=f"the number of channels and as many of {possible}")
    return names


def _read_clock(lines: NumberedLines) -> tuple[int, float]:
    words = " ".join(lines.take("Frames:", "Frames")).split(":")
    (frames,) = lines.numbers([words[-1].strip()], count=1)
    words = " ".join(lines.take("Frame")).split(":")
    (seconds,) = lines.numbers([words[-1].strip()], count=1)
    if frames < 1 or seconds <= 0 or frames != int(frames):
        lines.refuse(f"{frames:g} frames of {seconds:g} s", expected="at least one frame above 0 s")
    return int(frames), 1.0 / seconds


def _read_frames(lines: NumberedLines, frames: int, channels: int) -> Float[np.ndarray, "time channel"]:
    values = np.empty((frames, channels))
    for frame in range(frames):
        values[frame] = lines.numbers(lines.take(), count=channels)
    if not lines.done:
        lines.take()
        lines.refuse("another line", expected=f"the end after {frames} frames")
    return values


def _apply_channels(
    tree: _Tree, values: Float[np.ndarray, "time channel"]
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time node 3 3"]]:
    root = np.zeros((len(values), 3))
    turns = np.empty((len(values), len(tree.names), 3, 3))
    column = 0
    for node, names in enumerate(tree.channels):
        own = values[:, column : column + len(names)]
        column += len(names)
        for place, name in enumerate(names):
            if name in _POSITIONS:
                root[:, _POSITIONS.index(name)] = own[:, place]
        turning = [place for place, name in enumerate(names) if name in _ROTATIONS]
        axes = "".join(names[place][0] for place in turning)
        turns[:, node] = turn_about_axes(np.deg2rad(own[:, turning]), axes)
    return root, turns
