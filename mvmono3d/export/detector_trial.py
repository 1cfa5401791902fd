"""What a joint network's graph may lose in lower precision, measured on rendered crops it never saw."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float32

from mvmono3d.data.crops import Crops
from mvmono3d.deploy.detect.batch import grey
from mvmono3d.deploy.detect.bundle import JOINTS
from mvmono3d.deploy.manifest import Figure
from mvmono3d.deploy.selftest import Runner

VISIBLE_SIGMA = 0.25
"""99 of 100 visible joints move by no more than this share of their stated standard deviation."""
VISIBLE_SHARE = 0.01
"""And of the crop's side by no more than this: where a map has two peaks, little moves its mean by pixels."""
ERROR_PX = 0.05
"""The mean error of visible joints grows by no more than this."""
CONFIDENCE = 0.05
"""Mean change of the confidence."""
_DENSITY = 0.05
"""Mean share of a finder's map that lies elsewhere."""
_BATCH = 16


class DetectorTrial:
    """Test crops in front of a network, and what its graph in single precision makes of them."""

    def __init__(
        self, reference: Runner, *, role: str, crops: Sequence[Crops], calibration: Sequence[Crops]
    ) -> None:
        """Run the reference over the test crops.

        Args:
            reference: the graph in single precision.
            role: what it is for.
            crops: that judge it; not of the training.
            calibration: that ranges of values are taken from; others than those.
        """
        self._role, self._crops, self._calibration = role, crops, calibration
        self._expected = answers(reference, crops)

    def feeds(self) -> Iterator[Mapping[str, np.ndarray]]:
        """Give what calibration may see."""
        for images in _batches(self._calibration):
            yield {"images": images}

    def figures(self, engine: Runner, *, glance: bool = False) -> tuple[Figure, ...]:
        """Compare a graph with the reference, and with the truth."""
        crops = self._crops[: 4 * _BATCH] if glance else self._crops
        expected = {name: value[: len(crops)] for name, value in self._expected.items()}
        got = answers(engine, crops)
        finite = all(bool(np.isfinite(value).all()) for value in got.values())
        whole = Figure(name="not finite", unit="graphs", allowed=0.0, found=float(not finite))
        if self._role != JOINTS:
            elsewhere = 0.5 * np.abs(got["density"] - expected["density"]).sum(axis=(1, 2)).mean()
            found = Figure(name="map elsewhere", unit="share", allowed=_DENSITY, found=float(elsewhere))
            return found, whole
        return (*_joint_figures(expected, got, crops), whole)


def answers(engine: Runner, crops: Sequence[Crops]) -> dict[str, np.ndarray]:
    """Run a graph over crops, in batches."""
    runs = [engine.run({"images": images}) for images in _batches(crops)]
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}


def _joint_figures(
    expected: Mapping[str, np.ndarray], got: Mapping[str, np.ndarray], crops: Sequence[Crops]
) -> tuple[Figure, ...]:
    truth = np.stack([crop.pixels for crop in crops])
    seen = np.stack([crop.visible & crop.labelled for crop in crops])
    moved = np.linalg.norm(got["pixels"] - expected["pixels"], axis=-1)[seen]
    told = moved / expected["sigma_px"][seen]
    added = _error(got, truth)[seen].mean() - _error(expected, truth)[seen].mean()
    changed = np.abs(got["confidence"] - expected["confidence"]).mean()
    return (
        _p99("visible joints p99", "stated deviations", told, allowed=VISIBLE_SIGMA),
        _p99("visible joints p99", "px", moved, allowed=VISIBLE_SHARE * crops[0].images.shape[-1]),
        Figure(name="added error", unit="px", allowed=ERROR_PX, found=float(added)),
        Figure(name="confidence", unit="share", allowed=CONFIDENCE, found=float(changed)),
    )


def _p99(name: str, unit: str, values: np.ndarray, *, allowed: float) -> Figure:
    return Figure(name=name, unit=unit, allowed=allowed, found=float(np.quantile(values, 0.99)))


def _error(answer: Mapping[str, np.ndarray], truth: np.ndarray) -> np.ndarray:
    return np.linalg.norm(answer["pixels"] - truth, axis=-1)


def _batches(crops: Sequence[Crops]) -> Iterator[Float32[np.ndarray, "view 1 size size"]]:
    for first in range(0, len(crops), _BATCH):
        yield grey(np.stack([crop.images[0] for crop in crops[first : first + _BATCH]]))
