"""What the reconstructor gives out: answers for users, traces for losses."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.linearise import Linearised, NormalEquations


class Answer(NamedTuple):
    """What the reconstructor says of frame sets, in metres."""

    points_world: Float[Tensor, "*batch joint 3"]
    covariance_world: Float[Tensor, "*batch joint 3 3"]
    source: Int[Tensor, "*batch joint"]
    decided_by: Int[Tensor, "*batch joint"]
    reason: Int[Tensor, "*batch joint"]
    weights: Float[Tensor, "*batch view joint"]
    occlusion_logits: Float[Tensor, "*batch view joint 4"]


class Trace(NamedTuple):
    """What losses look at, in network units: the learned answer before the gate, and its parts."""

    evidence: Evidence
    points: Float[Tensor, "*batch joint 3"]
    covariance: Float[Tensor, "*batch joint 3 3"]
    reference: Float[Tensor, "*batch joint 3"]
    linearised: Linearised
    equations: NormalEquations
    weights: Float[Tensor, "*batch view joint"]
    logits: Float[Tensor, "*batch view joint 4"]
    log_sigma: Float[Tensor, "*batch view joint"]
    triangulated: Float[Tensor, "*batch joint 3"]
    guess: Float[Tensor, "*batch joint 3"]
    guess_precision: Float[Tensor, "*batch joint"]
    calibration: Float[Tensor, "*batch joint 13"]
    """What the calibrator knows of each answer."""
