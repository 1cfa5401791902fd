"""The learned parts as one causal reconstructor: frame sets in, metric joints with covariance out.

For each frame set: robust consensus → features → occlusion states and noise → weighted triangulation →
the skeleton prior's guess → information filter with robust gating → bone lengths → gate against the
consensus. A clip is the same step repeated, so online and offline use give the same numbers.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.kinematics import body_frame
from mvmono3d.geometry.rigid import rotation_from_6d
from mvmono3d.imputation.filter import Motion
from mvmono3d.imputation.imputer import FilterMemory, Fused, Imputer, Measurements, moved_on
from mvmono3d.nn.evidence import Evidence, Frames, gather_evidence, normalise
from mvmono3d.nn.features import FrameFeatures, Memory
from mvmono3d.nn.grouping import at_time, stack_time
from mvmono3d.nn.linearise import Linearised, NormalEquations, linearise, normal_equations, variance_of
from mvmono3d.nn.units import Units
from mvmono3d.occlusion.net import OcclusionBelief, OcclusionNet
from mvmono3d.pipeline.answer import Answer, Trace
from mvmono3d.pipeline.fallback import guard
from mvmono3d.pipeline.state import State
from mvmono3d.pipeline.verdict import judge
from mvmono3d.prior.net import BodyPose, PriorNet, PseudoMeasurement
from mvmono3d.triangulation.net import ViewWeights, WeightedPoints, pose_variance

_KEEP_ORIGIN, _KEEP_AXES = 0.5, 0.8
"""Smoothing of the actor's frame, per frame set."""


class Seen(NamedTuple):
    """One frame set as the occlusion and triangulation parts see it."""

    ahead: Float[Tensor, "batch joint 3"]
    """Where motion alone expects each joint."""
    reference: Float[Tensor, "batch joint 3"]
    age_s: Float[Tensor, "batch joint"]
    linearised: Linearised
    equations: NormalEquations
    belief: OcclusionBelief
    pixels_only: WeightedPoints


class Reconstructor(nn.Module):
    """Compose occlusion, triangulation, prior and imputation into one causal step."""

    def __init__(
        self,
        *,
        skeleton: Skeleton,
        occlusion: OcclusionNet,
        triangulation: ViewWeights,
        prior: PriorNet,
        imputation: Imputer,
        horizon_s: float,
    ) -> None:
        super().__init__()
        self.skeleton, self.horizon_s = skeleton, horizon_s
        self.units = Units(skeleton=skeleton)
        self.torso = list(skeleton.torso)
        self.features = FrameFeatures(skeleton=skeleton)
        self.occlusion, self.triangulation = occlusion, triangulation
        self.prior, self.imputer = prior, imputation

    def gather(self, frames: Frames) -> Evidence:
        """Return the geometric evidence of frame sets in metres and pixels; vectorised over all axes."""
        return gather_evidence(normalise(frames, unit_m=self.units.unit_m, noise_px=self.units.noise_px))

    def start(self, *, batch: int, views: int) -> State:
        """Return the memory before the first frame set."""
        joints, device = len(self.skeleton.joints), self.units.unit_m.device

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(batch, *shape, device=device)

        return State(
            pixels=zeros(views, joints, 2),
            detected=zeros(views, joints) > 0,
            seen=zeros(joints) > 0,
            age_s=zeros(joints),
            unmeasured_s=zeros(joints),
            motion=Motion(zeros(joints, 3), zeros(joints, 3), zeros(joints, 3, 3)),
            triangulated=zeros(joints, 3),
            origin=zeros(3),
            axes=zeros(6),
            occlusion=zeros(views, joints, self.occlusion.width),
            prior=zeros(self.prior.width),
            bones=self.imputer.bones.start(self.units.bone_length.expand(batch, -1)),
        )

    def forward(self, evidence: Evidence, state: State) -> tuple[Answer, Trace, State]:
        """Reconstruct the frame sets of a clip, `evidence` having axes (clip, time, …)."""
        answers, traces = [], []
        for time in range(evidence.points.shape[1]):
            answer, trace, state = self.step(at_time(evidence, time), state)
            answers.append(answer)
            traces.append(trace)
        return stack_time(answers), stack_time(traces), state

    def step(self, evidence: Evidence, state: State) -> tuple[Answer, Trace, State]:
        """Reconstruct one frame set: what runs on the rig."""
        seen = self._see(evidence, state)
        body, axes = self._body(seen.reference, state)
        guess = self._imagine(seen, state, body)
        fused = self._fuse(evidence, seen, guess, state)
        guarded = guard(fused.mean, fused.stated, evidence)
        verdict = judge(guarded, evidence, gated=fused.gated, state=state, horizon_s=self.horizon_s)
        overruled = guarded.overruled[..., None, None]
        after = State(
            pixels=evidence.frames.pixels,
            detected=evidence.frames.detected,
            seen=verdict.seen,
            age_s=seen.age_s,
            unmeasured_s=verdict.unmeasured_s,
            motion=moved_on(
                fused,
                points=guarded.points,
                covariance=torch.where(overruled, evidence.covariance, fused.covariance),
                time_step_s=evidence.frames.time_step_s,
            ),
            triangulated=seen.pixels_only.points,
            origin=body.origin,
            axes=axes,
            occlusion=seen.belief.hidden,
            prior=guess.hidden,
            bones=fused.bones,
        )
        present = (verdict.source > 0)[..., None]
        answer = Answer(
            points_world=torch.where(present, guarded.points * self.units.unit_m, 0.0),
            covariance_world=torch.where(
                present[..., None], guarded.covariance * self.units.unit_m.square(), 0.0
            ),
            source=verdict.source,
            decided_by=verdict.decided_by,
            reason=verdict.reason,
            weights=verdict.weights,
            occlusion_logits=seen.belief.logits,
        )
        return answer, _trace(evidence, seen, fused, guess), after

    def _see(self, evidence: Evidence, state: State) -> Seen:
        frames = evidence.frames
        ahead, reference = _expect(evidence, state)
        age_s = torch.where(evidence.solved, 0.0, state.age_s + frames.time_step_s[:, None])
        linearised = linearise(
            frames.pixels,
            reference,
            detected=frames.detected,
            lens=frames.lens,
            camera_from_world=frames.camera_from_world,
        )
        equations = normal_equations(linearised)
        features = self.features(
            evidence,
            linearised,
            equations,
            reference=reference,
            memory=Memory(state.pixels, state.detected, ahead, age_s),
            unit_m=self.units.unit_m,
        )
        belief = self.occlusion(features, view_mask=frames.view_mask, hidden=state.occlusion)
        weights = self.triangulation(
            features,
            logits=belief.logits,
            log_sigma=belief.log_sigma,
            pose_variance=pose_variance(linearised, lens=frames.lens, pose_sigma=frames.pose_sigma),
            usable=linearised.usable,
        )
        pixels_only = self.triangulation.solve(equations, weights, reference=reference)
        return Seen(ahead, reference, age_s, linearised, equations, belief, pixels_only)

    def _body(self, points: Tensor, state: State) -> tuple[BodyPose, Tensor]:
        """Return the actor's frame, smoothed over frame sets, and its axes for the next one."""
        origin = points[:, self.torso].mean(1)
        axes = body_frame(points, self.skeleton).world_from_body[..., :2].mT.flatten(-2)
        started = state.seen.any(1, keepdim=True)
        origin = torch.where(started, _KEEP_ORIGIN * state.origin + (1 - _KEEP_ORIGIN) * origin, origin)
        axes = torch.where(started, _KEEP_AXES * state.axes + (1 - _KEEP_AXES) * axes, axes)
        return BodyPose(origin, rotation_from_6d(axes)), axes

    def _imagine(self, seen: Seen, state: State, body: BodyPose) -> PseudoMeasurement:
        points = seen.pixels_only.points
        started = state.seen.any(1, keepdim=True)
        return self.prior(
            points,
            variance=variance_of(seen.pixels_only.covariance),
            motion=torch.where(state.seen[..., None], points - state.triangulated, 0.0),
            age_s=seen.age_s,
            drift=torch.where(started, body.origin - state.origin, 0.0),
            body=body,
            mean_pose=self.units.mean_pose,
            hidden=state.prior,
        )

    def _fuse(self, evidence: Evidence, seen: Seen, guess: PseudoMeasurement, state: State) -> Fused:
        measured = Measurements(
            linearised=seen.linearised,
            equations=seen.equations,
            weights=seen.pixels_only.weights,
            reference=seen.reference,
            pixels_only=seen.pixels_only.points,
            age_s=seen.age_s,
            time_step_s=evidence.frames.time_step_s,
        )
        memory = FilterMemory(state.motion, state.seen, state.bones)
        return self.imputer(measured, memory, guess=guess.points, guess_precision=guess.precision)


def _expect(evidence: Evidence, state: State) -> tuple[Tensor, Tensor]:
    """Return where motion expects each joint, and the point to linearise about: the consensus, else that."""
    step_s = evidence.frames.time_step_s[:, None, None]
    count = evidence.solved.sum(1)[:, None, None]
    centre = (evidence.points * evidence.solved[..., None]).sum(1, keepdim=True) / count.clamp(min=1)
    anchor = torch.where(count > 0, centre, state.origin[:, None, :])
    moved = state.motion.mean + state.motion.velocity * step_s
    ahead = torch.where(state.seen[..., None], moved, anchor).detach()
    reference = torch.where(evidence.solved[..., None], evidence.points, ahead)
    ahead = torch.where(state.seen[..., None], ahead, reference)
    return ahead, reference


def _trace(evidence: Evidence, seen: Seen, fused: Fused, guess: PseudoMeasurement) -> Trace:
    return Trace(
        evidence=evidence,
        points=fused.mean,
        covariance=fused.stated,
        reference=seen.reference,
        linearised=seen.linearised,
        equations=seen.equations,
        weights=seen.pixels_only.weights,
        logits=seen.belief.logits,
        log_sigma=seen.belief.log_sigma,
        triangulated=seen.pixels_only.points,
        guess=guess.points,
        guess_precision=guess.precision,
    )
