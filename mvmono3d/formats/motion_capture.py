"""A recorded skeleton over time, as motion capture files hold it, and numbered lines to read it from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Float

from mvmono3d.errors import InvalidFileError, unknown_name

WORLD_FROM_FILE = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""BVH and Acclaim files are +Y up; the turn that our TRC reader makes too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionCapture:
    """Named points over time, each with a rotation."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """The root, node 0, has -1."""
    points_world: Float[np.ndarray, "time node 3"]
    """Metres, +Z up."""
    world_from_node: Float[np.ndarray, "time node 3 3"]
    """Rotations that turn a direction at rest, in the file's axes, to where it is."""
    rate_hz: float

    def index(self, name: str) -> int:
        """Return the place of a node."""
        if name not in self.names:
            raise unknown_name("node", name, self.names, where="the motion capture")
        return self.names.index(name)


@dataclass(slots=True)
class NumberedLines:
    """The words of a text file's lines that are neither blank nor comments, read one after the other."""

    path: Path
    lines: Sequence[tuple[int, list[str]]]
    place: int = 0

    @classmethod
    def read(cls, path: Path) -> "NumberedLines":
        """Read a file; raises `InvalidFileError` when it is absent or no text."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InvalidFileError(f"no file {path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidFileError(f"{path} is not a readable text file: {error}") from None
        numbered = enumerate(text.splitlines(), start=1)
        words = [(number, line.split()) for number, line in numbered if not line.lstrip().startswith("#")]
        return cls(path, [(number, line) for number, line in words if line])

    @property
    def done(self) -> bool:
        """Whether all lines are read."""
        return self.place >= len(self.lines)

    def look(self) -> list[str]:
        """Return the next line without reading it; empty at the end."""
        return [] if self.done else self.lines[self.place][1]

    def take(self, *first: str) -> list[str]:
        """Read the next line; its first word must be one of those given, if any, whatever the case."""
        if self.done:
            self.place += 1
            self.refuse("the end of the file", expected=" or ".join(first) or "another line")
        line = self.lines[self.place][1]
        self.place += 1
        if first and line[0].lower() not in {word.lower() for word in first}:
            self.refuse(repr(" ".join(line[:4])), expected=" or ".join(first))
        return line

    def rest(self) -> Iterator[list[str]]:
        """Yield the lines that are left."""
        while not self.done:
            yield self.take()

    def numbers(self, words: Sequence[str], *, count: int) -> list[float]:
        """Return the words of the line that was read last as finite numbers, exactly so many."""
        try:
            values = [float(word) for word in words]
        except ValueError:
            values = []
        if len(values) != count or not np.isfinite(values).all():
            self.refuse(repr(" ".join(words[:6])), expected=f"{count} numbers")
        return values

    def refuse(self, got: str, *, expected: str) -> NoReturn:
        """Raise `InvalidFileError` for the line that was read last."""
        number = self.lines[min(self.place, len(self.lines)) - 1][0] if self.lines else 1
        raise InvalidFileError(f"{self.path}, line {number}: expected {expected}, got {got}")


def turn_about_axes(angles: Float[np.ndarray, "*batch angle"], axes: str) -> Float[np.ndarray, "*batch 3 3"]:
    """Return the product, in the order written, of rotations about x, y or z (rad): "zx" is Rz Rx."""
    turned = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for place, axis in enumerate(axes.lower()):
        first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        cosine, sine = np.cos(angles[..., place]), np.sin(angles[..., place])
        turn = np.zeros((*angles.shape[:-1], 3, 3))
        turn[..., 3 - first - second, 3 - first - second] = 1.0
        turn[..., first, first] = turn[..., second, second] = cosine
        turn[..., first, second], turn[..., second, first] = -sine, sine
        turned = turned @ turn
    return turned
