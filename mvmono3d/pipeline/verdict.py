"""What each joint's answer rests on, and why there is none where there is none."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mvmono3d.core.trajectory import Decision, MissingReason, PointSource
from mvmono3d.nn.evidence import Evidence
from mvmono3d.pipeline.fallback import Guarded

_ENOUGH_SEEN = 0.5
"""Share of the joints that must have been seen for the prior to know where the others should be."""
_MEASURED_PRECISION = 0.05
"""A view counts as measuring a joint from this precision on, in units of the detector's own."""


class Verdict(NamedTuple):
    """Source, decision and reason of every joint, and each view's share in it."""

    unmeasured_s: Float[Tensor, "batch joint"]
    source: Int[Tensor, "batch joint"]
    decided_by: Int[Tensor, "batch joint"]
    reason: Int[Tensor, "batch joint"]
    weights: Float[Tensor, "batch view joint"]


def judge(
    guarded: Guarded,
    evidence: Evidence,
    *,
    gated: Float[Tensor, "batch view joint"],
    seen: Bool[Tensor, "batch joint"],
    unmeasured_s: Float[Tensor, "batch joint"],
    horizon_s: float,
) -> Verdict:
    """Say of each joint whether it was measured, imputed or lost.

    A joint that was never seen is imputed too, until the horizon, once most of the actor was seen.
    """
    measured = seen & (((gated > _MEASURED_PRECISION).sum(1) >= 2) | guarded.overruled)
    step_s = evidence.frames.time_step_s[:, None]
    unmeasured_s = torch.where(measured, 0.0, unmeasured_s + step_s)
    known = seen | (seen.to(gated.dtype).mean(-1, keepdim=True) >= _ENOUGH_SEEN)
    lost = ~known | (unmeasured_s > horizon_s)
    source = torch.where(measured, int(PointSource.MEASURED), int(PointSource.IMPUTED))
    source = torch.where(lost, int(PointSource.MISSING), source)
    decided_by = torch.where(measured, int(Decision.LEARNED), int(Decision.PREDICTED))
    decided_by = torch.where(guarded.overruled, int(Decision.CONSENSUS), decided_by)
    never = torch.where(evidence.reason > 0, evidence.reason, int(MissingReason.TOO_FEW_VIEWS))
    reason = torch.where(seen, int(MissingReason.EXPIRED), never)
    reason = torch.where(lost, reason, int(MissingReason.NONE))
    share = torch.where(guarded.overruled[:, None], evidence.inlier.to(gated.dtype), gated)
    share = share / share.sum(1, keepdim=True).clamp(min=1e-9)
    return Verdict(unmeasured_s, source, decided_by, reason, share)
