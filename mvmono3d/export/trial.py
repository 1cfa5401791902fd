"""What a graph of lower precision may lose, measured on people and rigs that no training saw."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.agreement import CHOICES, Tensors, pixels_apart
from mvmono3d.deploy.frames import drop_views, graph_inputs
from mvmono3d.deploy.manifest import Figure
from mvmono3d.deploy.selftest import Runner, run_sequence
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.noise_scale import recording_sigma_px
from mvmono3d.synthetic.settings import RigSettings, WorldSettings
from mvmono3d.synthetic.splits import Split, clip_seeds
from mvmono3d.synthetic.world import make_clips

PIXELS_PX = 0.25
"""99 of 100 joints move by no more than this in any image."""
ERROR_MM = 0.1
"""The mean error against the truth grows by no more than this."""
CHOICES_SHARE = 0.01
"""No more joints may be measured, imputed, missing or decided otherwise."""

_TEST_CLIPS, _CALIBRATION_CLIPS, _FRAMES = 8, 4, 96
_LOST = slice(40, 52)
_EVERY = 4
"""One in so many frames calibrates: neighbours look alike."""


@runtime_checkable
class Trial(Protocol):
    """How graphs of one interface are judged; a graph that passes has no figure beyond what it is allowed."""

    def feeds(self) -> Iterator[Mapping[str, np.ndarray]]:
        """Give inputs of the graph that calibration may see."""
        ...

    def figures(self, engine: Runner, *, glance: bool = False) -> tuple[Figure, ...]:
        """Run the test set and say what was lost; at a glance, by its first clip."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowering:
    """A precision below single, and who judges it."""

    precision: str
    trial_for: Callable[[Runner, int, int], Trial]
    """Gives the trial for a graph in single precision, its views, and the size of its state."""


def lowering_to(precision: str, *, skeleton: str, noise_px: float) -> Lowering | None:
    """Return how reconstructors are judged in a precision; in fp32 there is nothing to lower.

    Args:
        precision: "fp32", "fp16" or "int8".
        skeleton: name or YAML file of the actors of the test set.
        noise_px: what the graphs take the standard deviation of a good detection to be.
    """
    if precision == "fp32":
        return None
    return Lowering(
        precision=precision,
        trial_for=lambda reference, views, state_size: ReconstructorTrial(
            reference, skeleton=skeleton, views=views, state_size=state_size, noise_px=noise_px
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One test clip, and what the graph in single precision makes of it."""

    inputs: Tensors
    expected: Tensors
    truth: np.ndarray
    magnify: float


class ReconstructorTrial:
    """The synthetic test set in front of a reconstructor, a camera lost for a while in each clip."""

    def __init__(
        self, reference: Runner, *, skeleton: str, views: int, state_size: int, noise_px: float
    ) -> None:
        """Run the reference over the test set.

        Args:
            reference: the graph in single precision.
            skeleton: name or YAML file.
            views: of the graph.
            state_size: of the graph.
            noise_px: what the graph takes the standard deviation of a good detection to be.
        """
        self._reference, self._state_size = reference, state_size
        self._settings = WorldSettings(
            skeleton=skeleton, frames=_FRAMES, rig=RigSettings(views=(views, views))
        )
        self._views, self._noise_px = views, noise_px
        clips = make_clips(self._settings, clip_seeds(Split.TEST, _TEST_CLIPS))
        self._cases = tuple(self._case(clip) for clip in clips)

    def feeds(self) -> Iterator[Mapping[str, np.ndarray]]:
        """Give frames of training clips, each with the state that the reference had reached."""
        for clip in make_clips(self._settings, clip_seeds(Split.TRAIN, _CALIBRATION_CLIPS)):
            inputs, _ = self._inputs(clip)
            state = np.zeros(self._state_size, dtype=np.float32)
            for frame in range(_FRAMES):
                feed = {name: tensor[frame] for name, tensor in inputs.items()} | {"state": state}
                if frame % _EVERY == 0:
                    yield feed
                state = self._reference.run(feed)["next_state"]

    def figures(self, engine: Runner, *, glance: bool = False) -> tuple[Figure, ...]:
        """Compare an engine with the reference and with the truth."""
        cases = self._cases[:1] if glance else self._cases
        runs = [run_sequence(engine, case.inputs, state_size=self._state_size) for case in cases]
        pixels = np.concatenate([_moved_px(case, got) for case, got in zip(cases, runs, strict=True)])
        added = [_added_mm(case, got) for case, got in zip(cases, runs, strict=True)]
        choices = [_other_choices(case, got) for case, got in zip(cases, runs, strict=True)]
        finite = all(bool(np.isfinite(array).all()) for got in runs for array in got.values())
        return (
            Figure(name="pixels p99", unit="px", allowed=PIXELS_PX, found=float(np.quantile(pixels, 0.99))),
            Figure(name="added error", unit="mm", allowed=ERROR_MM, found=float(np.mean(added))),
            Figure(name="other choices", unit="share", allowed=CHOICES_SHARE, found=float(np.mean(choices))),
            Figure(name="not finite", unit="graphs", allowed=0.0, found=float(not finite)),
        )

    def _case(self, clip: Clip) -> _Case:
        if clip.truth is None:
            raise ConfigurationError("a test clip without truth can't judge a graph")
        inputs, magnify = self._inputs(clip)
        expected = run_sequence(self._reference, inputs, state_size=self._state_size)
        truth = np.asarray(clip.truth.points_world)
        return _Case(inputs=inputs, expected=expected, truth=truth, magnify=magnify)

    def _inputs(self, clip: Clip) -> tuple[dict[str, np.ndarray], float]:
        magnify = self._noise_px / recording_sigma_px(clip.observations, clip.rig)
        inputs = graph_inputs(clip.observations, clip.rig, views=self._views, magnify=magnify)
        lost = np.zeros((_FRAMES, self._views), dtype=bool)
        lost[_LOST, 0] = True
        return drop_views(inputs, lost), magnify


def _present(case: _Case, got: Tensors) -> np.ndarray:
    return (case.expected["source"] != PointSource.MISSING) & (got["source"] != PointSource.MISSING)


def _moved_px(case: _Case, got: Tensors) -> np.ndarray:
    """Return how far each joint moves in the recording's own pixels, at most in any view."""
    present = _present(case, got)
    return pixels_apart(case.expected, got, inputs=case.inputs, present=present)[present] / case.magnify


def _added_mm(case: _Case, got: Tensors) -> float:
    present = _present(case, got)
    new, old = (
        np.linalg.norm(run["points_world"] - case.truth, axis=-1)[present].mean()
        for run in (got, case.expected)
    )
    return float(new - old) * 1e3


def _other_choices(case: _Case, got: Tensors) -> float:
    return float(np.mean([case.expected[name] != got[name] for name in CHOICES]))
