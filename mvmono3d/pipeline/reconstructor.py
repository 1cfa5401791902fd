"""The learned parts as one causal reconstructor: frame sets in, metric joints with covariance out.

Robust consensus → features → occlusion states and noise → weighted triangulation → the skeleton prior's
guess → information filter with robust gating and online bone lengths → gate against the consensus.
Every part carries its memory in the state, so a clip at once and frame by frame give the same numbers.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.imputation.calibrator import Calibrator
from mvmono3d.imputation.contact import FloorContact
from mvmono3d.imputation.filter import moved_to, restarted
from mvmono3d.imputation.imputer import FilterMemory, Fused, Imputer, Measurements, motionless
from mvmono3d.nn.body import Carry
from mvmono3d.nn.evidence import Evidence, Frames, gather_evidence, normalise
from mvmono3d.nn.grouping import at_time, stack_time
from mvmono3d.nn.linearise import Linearised, NormalEquations, variance_of
from mvmono3d.nn.quality import Quality
from mvmono3d.nn.units import Units
from mvmono3d.occlusion.net import OcclusionNet
from mvmono3d.pipeline.answer import Answer, Trace
from mvmono3d.pipeline.fallback import Guarded, guard
from mvmono3d.pipeline.perception import Percept, Perception
from mvmono3d.pipeline.state import State
from mvmono3d.pipeline.verdict import Verdict, judge
from mvmono3d.prior.net import PriorNet
from mvmono3d.triangulation.net import ViewWeights


class _Moment(NamedTuple):
    """One frame set of a clip, as the filter takes it."""

    evidence: Evidence
    held: Tensor
    age_s: Tensor
    carry: Carry
    linearised: Linearised
    equations: NormalEquations
    weights: Tensor
    pixels_only: Tensor
    quality: Quality
    guess: Tensor
    guess_precision: Tensor
    habits: Tensor


class _Outcome(NamedTuple):
    """One frame set after filter, gate and judgement."""

    fused: Fused
    guarded: Guarded
    verdict: Verdict


class Reconstructor(nn.Module):
    """Compose occlusion, triangulation, prior and imputation into one causal reconstructor."""

    def __init__(
        self,
        *,
        skeleton: Skeleton,
        occlusion: OcclusionNet,
        triangulation: ViewWeights,
        prior: PriorNet,
        imputation: Imputer,
        horizon_s: float,
        floor: FloorContact | None = None,
    ) -> None:
        super().__init__()
        self.skeleton, self.horizon_s = skeleton, horizon_s
        self.units = Units(skeleton=skeleton)
        self.perception = Perception(
            skeleton=skeleton, occlusion=occlusion, triangulation=triangulation, prior=prior
        )
        self.imputer, self.floor = imputation, floor
        self.calibrator = Calibrator()

    def gather(self, frames: Frames) -> Evidence:
        """Return the geometric evidence of frame sets in metres and pixels; vectorised over all axes."""
        return gather_evidence(normalise(frames, unit_m=self.units.unit_m, noise_px=self.units.noise_px))

    def start(self, *, batch: int, views: int) -> State:
        """Return the memory before the first frame set."""
        device = self.units.unit_m.device
        zero = torch.zeros(batch, len(self.skeleton.joints), device=device)
        place = zero[..., None].expand(-1, -1, 3)
        return State(
            perception=self.perception.start(batch=batch, views=views, device=device),
            filter=FilterMemory(
                motion=motionless(place),
                seen=zero > 0,
                bones=self.imputer.bones.start(self.units.bone_length.expand(batch, -1)),
            ),
            unmeasured_s=zero,
        )

    def forward(self, evidence: Evidence, state: State) -> tuple[Answer, Trace, State]:
        """Reconstruct the frame sets of a clip, `evidence` having axes (clip, time, …)."""
        percept, perception = self.perception(
            evidence, state.perception, unit_m=self.units.unit_m, mean_pose=self.units.mean_pose
        )
        clip = _Moment(
            evidence,
            percept.seen.held.points,
            percept.seen.held.age_s,
            percept.seen.held.carry,
            percept.seen.linearised,
            percept.seen.equations,
            percept.pixels_only.weights,
            percept.pixels_only.points,
            percept.quality,
            percept.guess.points,
            percept.guess.precision,
            percept.guess.habits,
        )
        memory, unmeasured_s = state.filter, state.unmeasured_s
        outcomes = []
        for time in range(evidence.points.shape[1]):
            outcome, memory = self._filter(at_time(clip, time), memory, unmeasured_s)
            unmeasured_s = outcome.verdict.unmeasured_s
            outcomes.append(outcome)
        outcome = stack_time(outcomes)
        calibration = self._calibration(outcome, percept)
        answer = self._answer(outcome, percept, self.calibrator(calibration))
        return (
            answer,
            _trace(evidence, percept, outcome, calibration),
            State(perception, memory, unmeasured_s),
        )

    def _filter(
        self, moment: _Moment, memory: FilterMemory, unmeasured_s: Tensor
    ) -> tuple[_Outcome, FilterMemory]:
        evidence = moment.evidence
        measured = Measurements(
            linearised=moment.linearised,
            equations=moment.equations,
            weights=moment.weights,
            reference=moment.held,
            pixels_only=moment.pixels_only,
            quality=moment.quality,
            age_s=moment.age_s,
            carry=moment.carry,
            time_step_s=evidence.frames.time_step_s,
        )
        fused = self.imputer(
            measured,
            memory,
            guess=moment.guess,
            guess_precision=moment.guess_precision,
            habits=moment.habits,
            bend_cosines=self.units.bend_cosines,
        )
        if self.floor is not None:
            fused = fused._replace(mean=self.floor(fused.mean, unit_m=self.units.unit_m))
        guarded = guard(fused.mean, fused.stated, evidence)
        seen = memory.seen | evidence.solved
        verdict = judge(
            guarded,
            evidence,
            gated=fused.gated,
            seen=seen,
            unmeasured_s=unmeasured_s,
            horizon_s=self.horizon_s,
        )
        motion = moved_to(
            fused.predicted, follow=fused.follow, points=fused.mean, covariance=fused.covariance
        )
        # What contradicts a confident consensus was on a wrong track: the jump says nothing of its velocity.
        motion = restarted(
            motion, where=guarded.overruled, points=evidence.points, covariance=evidence.covariance
        )
        return _Outcome(fused, guarded, verdict), FilterMemory(motion, seen, fused.bones)

    def _calibration(self, outcome: _Outcome, percept: Percept) -> Tensor:
        visible = percept.belief.logits.softmax(-1)[..., int(OcclusionState.VISIBLE)]
        return self.calibrator.inputs(
            variance=variance_of(outcome.guarded.covariance),
            unmeasured_s=outcome.verdict.unmeasured_s,
            visible_views=torch.where(percept.seen.linearised.usable, visible, 0.0).sum(-2),
            quality=percept.quality,
            rig_doubt=percept.rig_doubt,
            overruled=outcome.guarded.overruled,
        )

    def _answer(self, outcome: _Outcome, percept: Percept, factor: Tensor) -> Answer:
        guarded, verdict, unit_m = outcome.guarded, outcome.verdict, self.units.unit_m
        present = (verdict.source > 0)[..., None]
        covariance = guarded.covariance * (factor * unit_m.square())[..., None, None]
        return Answer(
            points_world=torch.where(present, guarded.points * unit_m, 0.0),
            covariance_world=torch.where(present[..., None], covariance, 0.0),
            source=verdict.source,
            decided_by=verdict.decided_by,
            reason=verdict.reason,
            weights=verdict.weights,
            occlusion_logits=percept.belief.logits,
        )


def _trace(evidence: Evidence, percept: Percept, outcome: _Outcome, calibration: Tensor) -> Trace:
    return Trace(
        evidence=evidence,
        points=outcome.fused.mean,
        covariance=outcome.fused.stated,
        reference=percept.seen.held.points,
        linearised=percept.seen.linearised,
        equations=percept.seen.equations,
        weights=percept.pixels_only.weights,
        logits=percept.belief.logits,
        log_sigma=percept.belief.log_sigma,
        triangulated=percept.pixels_only.points,
        guess=percept.guess.points,
        guess_precision=percept.guess.precision,
        calibration=calibration,
    )
