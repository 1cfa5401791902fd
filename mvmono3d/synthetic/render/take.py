"""A rendered take on disk: frames to be exposed again and again without rendering them.

Only the part of each picture that differs from the empty room is kept, as square roots in 16 bits: their
steps are far below the shot noise, however dark or bright a pixel is.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, UInt16

from mvmono3d.core.array import Array
from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.core.record import Record
from mvmono3d.errors import InvalidFileError
from mvmono3d.synthetic.render.renderer import Picture
from mvmono3d.synthetic.render.truth import FrameTruth

_STEPS = 65535.0


@runtime_checkable
class Pictures(Protocol):
    """Whatever renders frames of several cameras."""

    @property
    def frames(self) -> int:
        """How many frames there are."""
        ...

    @property
    def empty(self) -> Float[Array, "view height width"]:
        """The light of the empty room."""
        ...

    def frame(self, index: int) -> Picture:
        """Render a frame."""
        ...

    def truth(self, index: int) -> tuple[FrameTruth, ...]:
        """Return what is true of it, one for each actor."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeTruth(Record):
    """The first actor over a take, at the middle of each exposure."""

    points_world: Float[Array, "frame joint 3"]
    pixels: Float[Array, "frame view joint 2"]
    smear_px: Float[Array, "frame view joint"]
    state: Int[Array, "frame view joint"]


class Patch(NamedTuple):
    """The part of one view's picture that differs from the empty room."""

    left: int
    top: int
    root: UInt16[Array, "height width"]
    """Square root of the light, in 65535ths of `Take.brightest`."""
    brightest: float


class Take:
    """A take that was written by `write_take`."""

    def __init__(self, folder: Path) -> None:
        """Open one; raises `InvalidFileError` where it is absent or broken."""
        names = [field.name for field in fields(TakeTruth)]
        index = read_npz(folder / "index.npz", required=("empty", "box", "start", "brightest", *names))
        self.empty: Float[Array, "view height width"] = index["empty"]
        self._box, self._start = index["box"], index["start"]
        self._brightest = float(index["brightest"])
        self.truth = TakeTruth(**{name: index[name] for name in names})
        try:
            self._roots = np.load(folder / "patches.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InvalidFileError(f"take {folder}: {error}; delete it and it is rendered anew") from None

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self._box)

    def patch(self, frame: int, view: int) -> Patch:
        """Return what one view shows besides the empty room."""
        left, top, width, height = self._box[frame, view].tolist()
        start = int(self._start[frame, view])
        flat = self._roots[start : start + width * height]
        return Patch(left, top, flat.reshape(height, width), self._brightest)


class Canvas:
    """Light of one view, frame after frame, without touching more of it than changes."""

    def __init__(self, empty: Float[Array, "height width"]) -> None:
        self._empty = empty
        self._used = (slice(0, 0), slice(0, 0))
        self.light = empty.copy()

    def show(self, patch: Patch) -> Float[Array, "height width"]:
        """Return the light of the empty room with a patch in it; the next call overwrites it."""
        self.light[self._used] = self._empty[self._used]
        height, width = patch.root.shape
        self._used = (slice(patch.top, patch.top + height), slice(patch.left, patch.left + width))
        root = patch.root.astype(np.float32) * np.float32(np.sqrt(patch.brightest) / _STEPS)
        self.light[self._used] = root * root
        return self.light


def write_take(
    folder: Path, pictures: Pictures, *, progress: Callable[[int, int], None] | None = None
) -> Take:
    """Render all frames into a folder that appears whole or not at all; an existing one is replaced.

    Args:
        folder: Where; its parent is made.
        pictures: What is rendered.
        progress: Called with the frames done and their number.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        boxes, patches, truths = [], [], []
        for index in range(pictures.frames):
            light = pictures.frame(index).light
            found = [_changed(now, before) for now, before in zip(light, pictures.empty, strict=True)]
            boxes.append([box for box, _ in found])
            patches.append([patch for _, patch in found])
            truths.append(pictures.truth(index)[0])
            if progress is not None:
                progress(index + 1, pictures.frames)
        _save(unfinished, np.array(boxes), patches, truths, pictures.empty)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Take(folder)


def _changed(now: np.ndarray, before: np.ndarray) -> tuple[list[int], np.ndarray]:
    rows, columns = (np.flatnonzero((now != before).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return [0, 0, 0, 0], np.zeros((0, 0), dtype=np.float32)
    left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return [left, top, right - left, bottom - top], now[top:bottom, left:right].copy()


def _save(
    folder: Path,
    boxes: np.ndarray,
    patches: list[list[np.ndarray]],
    truths: list[FrameTruth],
    empty: np.ndarray,
) -> None:
    flat = [patch for frame in patches for patch in frame]
    brightest = max([float(patch.max()) for patch in flat if patch.size], default=1.0)
    sizes = np.array([patch.size for patch in flat], dtype=np.int64)
    roots = [np.rint(np.sqrt(patch.ravel() / brightest) * _STEPS).astype(np.uint16) for patch in flat]
    np.save(folder / "patches.npy", np.concatenate(roots), allow_pickle=False)
    arrays = {
        "box": boxes,
        "start": (np.cumsum(sizes) - sizes).reshape(boxes.shape[:2]),
        "brightest": np.array(brightest),
        "empty": empty,
    }
    for field in fields(TakeTruth):
        arrays[field.name] = np.stack([getattr(truth, field.name) for truth in truths])
    write_npz(folder / "index.npz", arrays)
