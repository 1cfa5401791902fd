"""One step of the learned filter: predict, gate, fuse, pull onto bone lengths."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvmono3d.imputation.bones import BoneConstancy, BoneMemory
from mvmono3d.imputation.filter import Motion, gate, predict, restarted, update
from mvmono3d.imputation.net import ImputationNet, Tuning
from mvmono3d.nn.body import Carry
from mvmono3d.nn.linearise import Linearised, NormalEquations, variance_of, weighted
from mvmono3d.nn.quality import Quality

NEVER_SEEN_SIGMA = 1.0
"""Standard deviation of a joint's place before it was ever seen, in network units: the actor's size."""


class Measurements(NamedTuple):
    """One frame set: what each view says and how far it is trusted."""

    linearised: Linearised
    equations: NormalEquations
    weights: Float[Tensor, "*batch view joint"]
    reference: Float[Tensor, "*batch joint 3"]
    pixels_only: Float[Tensor, "*batch joint 3"]
    """The joints triangulated from these weights alone."""
    quality: Quality
    age_s: Float[Tensor, "*batch joint"]
    carry: Carry
    time_step_s: Float[Tensor, "*batch"]


class FilterMemory(NamedTuple):
    """What the filter remembers."""

    motion: Motion
    seen: Bool[Tensor, "batch joint"]
    """Whether the joint's motion has begun."""
    bones: BoneMemory


class Fused(NamedTuple):
    """One frame set after the filter."""

    predicted: Motion
    gated: Float[Tensor, "batch view joint"]
    mean: Float[Tensor, "batch joint 3"]
    covariance: Float[Tensor, "batch joint 3 3"]
    follow: Float[Tensor, "batch joint 3 3"]
    """See `Posterior`."""
    stated: Float[Tensor, "batch joint 3 3"]
    """The covariance told to the outside: the filter's own, corrected by a learned factor."""
    bones: BoneMemory


class Imputer(nn.Module):
    """The information filter with learned dynamics and online bone lengths."""

    def __init__(self, *, net: ImputationNet, bones: BoneConstancy) -> None:
        super().__init__()
        self.net, self.bones = net, bones

    def forward(
        self,
        measured: Measurements,
        memory: FilterMemory,
        *,
        guess: Float[Tensor, "batch joint 3"],
        guess_precision: Float[Tensor, "batch joint"],
        habits: Float[Tensor, "batch joint habit"],
        bend_cosines: Float[Tensor, "2 bend"],
    ) -> Fused:
        """Fuse one frame set with the past and with the prior's guess of every joint."""
        carried = measured.carry.along(memory.motion.mean)
        tuning = self._tune(measured, memory, habits)
        moved = predict(memory.motion, tuning.dynamics, carried=carried, time_step_s=measured.time_step_s)
        predicted = _begin_unseen(moved, measured.reference, memory.seen)
        gated = gate(
            measured.weights,
            measured.linearised,
            predicted,
            equations=measured.equations,
            reference=measured.reference,
            degrees=tuning.dynamics.degrees,
        )
        posterior = update(
            predicted,
            measured.equations,
            gated,
            reference=measured.reference,
            guess=guess,
            guess_precision=guess_precision,
        )
        mean, bones = self.bones(
            posterior.mean,
            variance=variance_of(posterior.covariance),
            memory=memory.bones,
            bend_cosines=bend_cosines,
        )
        return Fused(
            predicted=predicted,
            gated=gated,
            mean=mean,
            covariance=posterior.covariance,
            follow=posterior.follow,
            stated=posterior.covariance * tuning.variance_factor[..., None, None],
            bones=bones,
        )

    def _tune(self, measured: Measurements, memory: FilterMemory, habits: Tensor) -> Tuning:
        """Choose the dynamics from what the filter knows of each joint before this frame set."""
        # The trace of the measurements' information: 0, 5 and 10 of a flat 3x4 system.
        information = weighted(measured.equations, measured.weights)[..., :12:5].sum((-3, -1)) / 3.0
        ahead = memory.motion.mean + memory.motion.velocity * measured.time_step_s[:, None, None]
        distance = (measured.pixels_only - ahead).square().sum(-1)
        return self.net(
            age_s=measured.age_s,
            information=information,
            variance=variance_of(memory.motion.covariance),
            innovation=torch.where(memory.seen, (distance + 1e-12).sqrt(), 0.0),
            quality=measured.quality,
            habits=habits,
        )


def motionless(points: Float[Tensor, "batch joint 3"]) -> Motion:
    """Return motion that nothing is known of, at some place: where every memory starts."""
    zero = torch.zeros_like(points)
    block = zero[..., None].expand(-1, -1, -1, 3)
    return Motion(points, zero, block, block, block)


def _begin_unseen(predicted: Motion, reference: Tensor, seen: Tensor) -> Motion:
    """Let a joint's motion begin where it is first solved, no more certain than the actor's size."""
    anywhere = NEVER_SEEN_SIGMA**2 * torch.eye(3, dtype=reference.dtype, device=reference.device)
    return restarted(
        predicted, where=~seen, points=reference, covariance=anywhere.expand_as(predicted.covariance)
    )
