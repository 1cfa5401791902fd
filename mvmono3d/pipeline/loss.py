"""The reconstructor's loss: the losses of its parts, weighed."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mvmono3d.imputation.loss import (
    bone_loss,
    likelihood_loss,
    position_loss,
    smoothness_loss,
    velocity_loss,
    withheld_loss,
)
from mvmono3d.nn.lesson import Lesson
from mvmono3d.nn.linearise import pixel_variance, shifted_residual
from mvmono3d.occlusion.loss import noise_loss, state_loss
from mvmono3d.pipeline.answer import Trace
from mvmono3d.pipeline.reconstructor import Reconstructor
from mvmono3d.prior.loss import guess_loss
from mvmono3d.triangulation.loss import left_out_loss


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """Weight of each term; 0 leaves it out."""

    position: float
    likelihood: float
    velocity: float
    bone: float
    smoothness: float
    withheld: float
    left_out: float
    triangulated: float
    guess: float
    states: float
    noise: float


class ReconstructorLoss:
    """Compare a trace with its lesson."""

    def __init__(self, *, weights: LossWeights) -> None:
        self.weights = weights

    def __call__(
        self, trace: Trace, lesson: Lesson, reconstructor: Reconstructor
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """Return the weighted sum and every term."""
        terms = self.terms(trace, lesson, reconstructor)
        total = torch.stack([getattr(self.weights, name) * value for name, value in terms.items()]).sum()
        return total, terms

    def terms(self, trace: Trace, lesson: Lesson, reconstructor: Reconstructor) -> dict[str, Tensor]:
        """Return every term by its name in `LossWeights`."""
        target = lesson.target
        reliable, points = target.reliable, target.points
        hidden = ~trace.evidence.confident
        bones = reconstructor.imputer.bones
        return {
            "position": position_loss(trace.points, target=points, reliable=reliable, hidden=hidden),
            "likelihood": likelihood_loss(
                trace.points,
                trace.covariance,
                target=points,
                target_variance=target.variance,
                reliable=reliable,
                hidden=hidden,
                independent=target.independent,
            ),
            "velocity": velocity_loss(trace.points, target=points, reliable=reliable),
            "bone": bone_loss(
                trace.points,
                target=points,
                reliable=reliable,
                parents=bones.bone_starts,
                children=bones.bone_ends,
                rigid=bones.rigid,
            ),
            "smoothness": smoothness_loss(trace.points),
            "withheld": withheld_loss(
                trace.points, trace.covariance, lesson.whole.frames, withheld=lesson.withheld
            ),
            "left_out": left_out_loss(
                trace.linearised,
                trace.equations,
                weights=trace.weights,
                log_sigma=trace.log_sigma,
                prior_precision=reconstructor.perception.triangulation.prior_precision,
            ),
            "triangulated": position_loss(
                trace.triangulated, target=points, reliable=reliable, hidden=torch.zeros_like(hidden)
            ),
            "guess": guess_loss(trace.guess, trace.guess_precision, target=points, reliable=reliable),
            "states": state_loss(trace.logits, target.states, labelled=target.labelled),
            "noise": noise_loss(
                shifted_residual(trace.linearised, points - trace.reference),
                trace.log_sigma,
                known=trace.linearised.usable & reliable[..., None, :],
                target_variance=pixel_variance(trace.linearised, target.variance),
            ),
        }
