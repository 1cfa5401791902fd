"""What the calibrator learns from: answers beside true joints, or beside detections they never saw."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.core.trajectory import Trajectory
from mvmono3d.geometry.solve import squared_length3
from mvmono3d.geometry.uncertainty import pose_variance_px2
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.evidence import Evidence, gather_evidence_in_bulk, normalise
from mvmono3d.nn.lesson import Lesson
from mvmono3d.nn.linearise import linearise, well_conditioned
from mvmono3d.nn.recording_noise import bring_to_noise
from mvmono3d.pipeline.answer import Answer, Trace
from mvmono3d.pipeline.reconstructor import Reconstructor


class Misses(NamedTuple):
    """How far answers are from true joints, each in its own uncorrected covariance."""

    inputs: Float[Tensor, "answer 13"]
    """What the calibrator knows of each answer."""
    squared: Float[Tensor, " answer"]


class PixelMisses(NamedTuple):
    """How far answers are from withheld detections, in units of the detector's noise."""

    inputs: Float[Tensor, "detection 13"]
    residual: Float[Tensor, "detection 2"]
    spread: Float[Tensor, "detection 2 2"]
    """The answer's uncorrected covariance as that camera sees it."""
    noise: Float[Tensor, " detection"]
    """Variance of the detection itself, with what the rig states of its own error."""


def whole_evidence(reconstructor: Reconstructor, batch: Clip) -> Evidence:
    """Return the evidence of clips with nothing hidden."""
    units = reconstructor.units
    frames = bring_to_noise(frames_of_clip(batch), units.noise_px)
    return gather_evidence_in_bulk(normalise(frames, unit_m=units.unit_m, noise_px=units.noise_px))


def reconstruct(reconstructor: Reconstructor, evidence: Evidence) -> tuple[Answer, Trace]:
    """Reconstruct clips from their start."""
    clips, _, views = evidence.frames.detected.shape[:3]
    answer, trace, _ = reconstructor(evidence, reconstructor.start(batch=clips, views=views))
    return answer, trace


def misses(reconstructor: Reconstructor, evidence: Evidence, truth: Trajectory) -> Misses:
    """Compare answers with true joints."""
    answer, trace = reconstruct(reconstructor, evidence)
    error = (answer.points_world - truth.points_world) / reconstructor.units.unit_m
    squared = squared_length3(well_conditioned(_uncorrected(reconstructor, answer, trace)), error)
    answered = (answer.source > 0) & (truth.source > 0)
    return Misses(trace.calibration[answered], squared[answered])


def withheld_misses(reconstructor: Reconstructor, lesson: Lesson) -> PixelMisses:
    """Compare the answers to a lesson with the detections that were hidden from it. No label is read."""
    answer, trace = reconstruct(reconstructor, lesson.evidence)
    frames = lesson.whole.frames
    seen = linearise(frames, answer.points_world / reconstructor.units.unit_m)
    covariance = _uncorrected(reconstructor, answer, trace)
    spread = seen.jacobian @ covariance[:, :, None] @ seen.jacobian.mT
    noise = 1.0 + pose_variance_px2(seen.depth, lens=frames.lens, pose_sigma=frames.pose_sigma)
    asked = lesson.withheld & seen.usable & (answer.source > 0)[:, :, None]
    inputs = trace.calibration[:, :, None].expand(*asked.shape, -1)
    return PixelMisses(inputs[asked], seen.residual[asked], spread[asked], noise[asked])


def _uncorrected(reconstructor: Reconstructor, answer: Answer, trace: Trace) -> Tensor:
    """Return the covariance in network units, as it was before the calibrator."""
    factor = reconstructor.calibrator(trace.calibration)[..., None, None]
    return answer.covariance_world / (factor * reconstructor.units.unit_m.square())
