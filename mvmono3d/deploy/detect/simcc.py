"""Networks of the RTMPose and MMPose kind: colour crops in, one distribution per axis or one map per joint.

SimCC (Li et al., 2022) gives a score for every column and every row, `split_ratio` of them per pixel; the
heatmaps of simple baselines (Xiao et al., 2018) one for every cell, refined by a quarter of a cell towards
the higher neighbour. Neither states errors: they are taken to grow as confidence falls.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.detect.adapters import AdapterSettings
from mvmono3d.deploy.detect.batch import check_size, no_joints, spread
from mvmono3d.deploy.detect.protocol import CropJoints, Crops
from mvmono3d.deploy.engines.onnxruntime import PROVIDERS, Engine
from mvmono3d.errors import InvalidFileError

_LEAST_CONFIDENCE = 0.1
"""Below it errors are not taken to grow any more."""


class OnnxDetector:
    """Somebody else's ONNX file behind our protocol. Its batch must be free, or 1."""

    def __init__(
        self,
        path: Path,
        skeleton: Skeleton,
        *,
        order: tuple[int, ...],
        settings: AdapterSettings,
        threads: int = 1,
        engine: str = "cpu",
    ) -> None:
        self._engine = Engine(path, threads=threads, provider=PROVIDERS[engine])
        name, batch, channels, self._height, self._width = _input_of(path)
        self._input, self._channels, self._one_by_one = name, channels, batch == 1
        self._outputs, self._settings = _outputs_of(self._engine, settings, path), settings
        self.skeleton, self._order = skeleton, list(order)
        self.size = min(self._height, self._width)
        """Square crops go into the middle of the network's picture, black beside them."""

    def detect(self, crops: Crops) -> CropJoints:
        """See `Detector`."""
        check_size(crops, self.size)
        nothing = no_joints(len(crops.known), len(self.skeleton.joints))
        if not crops.known.any():
            return nothing
        pictures = self._pictures(crops.images[crops.known])
        parts = np.split(pictures, len(pictures)) if self._one_by_one else [pictures]
        runs = [self._engine.run({self._input: part}) for part in parts]
        values = [np.concatenate([run[name] for run in runs]) for name in self._outputs]
        if self._settings.kind == "simcc":
            pixels, score = from_simcc(values[0], values[1], split_ratio=self._settings.split_ratio)
        else:
            pixels, score = from_heatmaps(values[0], height=self._height, width=self._width)
        return spread(self._answer(pixels[:, self._order], score[:, self._order]), crops.known, nothing)

    def _pictures(self, images: np.ndarray) -> Float[Array, "view channel height width"]:
        views, beside = len(images), self._shift()
        colour = np.repeat(images[:, None].astype(np.float32), self._channels, axis=1)
        mean, deviation = (
            np.array(each[: self._channels], dtype=np.float32)[:, None, None]
            for each in (self._settings.mean, self._settings.deviation)
        )
        black = np.broadcast_to(-mean / deviation, (self._channels, self._height, self._width))
        pictures = np.repeat(black[None], views, axis=0)
        (left, top), size = beside.astype(int), self.size
        pictures[..., top : top + size, left : left + size] = (colour - mean) / deviation
        return pictures

    def _shift(self) -> Float[Array, "2"]:
        return np.array([(self._width - self.size) // 2, (self._height - self.size) // 2], dtype=np.float32)

    def _answer(self, pixels: np.ndarray, score: np.ndarray) -> dict[str, np.ndarray]:
        confidence = np.clip(score, 0.0, 1.0)
        sigma_px = self._settings.sigma_share * self.size / np.maximum(confidence, _LEAST_CONFIDENCE)
        return {
            "pixels": pixels - self._shift(),
            "sigma_px": sigma_px,
            "confidence": confidence,
            "visible": confidence,
        }


def from_simcc(
    columns: Float[Array, "view joint column"], rows: Float[Array, "view joint row"], *, split_ratio: float
) -> tuple[Float[Array, "view joint 2"], Float[Array, "view joint"]]:
    """Return the pixels of the highest bins, and the lower of the two scores."""
    place = np.stack([columns.argmax(axis=-1), rows.argmax(axis=-1)], axis=-1) / split_ratio
    return place.astype(np.float32), np.minimum(columns.max(axis=-1), rows.max(axis=-1))


def from_heatmaps(
    maps: Float[Array, "view joint row column"], *, height: int, width: int
) -> tuple[Float[Array, "view joint 2"], Float[Array, "view joint"]]:
    """Return the pixels of the highest cells, a quarter towards the higher neighbour, and their scores."""
    rows, columns = maps.shape[-2:]
    row, column = np.divmod(maps.reshape(*maps.shape[:2], -1).argmax(axis=-1), columns)
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    view, joint = np.indices(row.shape)

    def at(down: int, right: int) -> np.ndarray:
        return padded[view, joint, row + 1 + down, column + 1 + right]

    place = np.stack(
        [column + 0.25 * np.sign(at(0, 1) - at(0, -1)), row + 0.25 * np.sign(at(1, 0) - at(-1, 0))], axis=-1
    )
    cell = np.array([width / columns, height / rows])
    return (place * cell).astype(np.float32), at(0, 0)


def _input_of(path: Path) -> tuple[str, object, int, int, int]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    shape = inputs[0].shape if len(inputs) == 1 else []
    if len(shape) != 4 or shape[1] not in (1, 3) or not all(isinstance(each, int) for each in shape[2:]):
        found = ", ".join(f"{each.name} {each.shape}" for each in inputs)
        raise InvalidFileError(f"{path} takes {found}; expected one picture (batch, 1 or 3, height, width)")
    batch, channels, height, width = shape
    return inputs[0].name, batch, channels, height, width


def _outputs_of(engine: Engine, settings: AdapterSettings, path: Path) -> tuple[str, ...]:
    names = engine.output_names
    if settings.kind == "heatmap":
        if len(names) != 1:
            raise InvalidFileError(f"{path} gives {', '.join(names)}; a heatmap network gives one output")
        return names
    chosen = tuple(name for end in ("x", "y") for name in names if name.endswith(f"_{end}"))
    if len(chosen) != 2:
        raise InvalidFileError(
            f"{path} gives {', '.join(names)}; a simcc network gives simcc_x and simcc_y. Export it without "
            "post-processing"
        )
    return chosen
