"""Features of whole clips about the held consensus: what a part trained alone sees."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.nn.evidence import Evidence
from mvmono3d.nn.features import FrameFeatures, Memory
from mvmono3d.nn.hold import Held, hold, previous
from mvmono3d.nn.linearise import (
    Linearised,
    NormalEquations,
    linearise,
    normal_equations,
    pixel_variance,
    shifted_residual,
)


class HeldView(NamedTuple):
    """A clip's measurements with their features."""

    held: Held
    linearised: Linearised
    equations: NormalEquations
    features: Float[Tensor, "clip time view joint feature"]

    def error_against(
        self, points: Float[Tensor, "clip time joint 3"]
    ) -> Float[Tensor, "clip time view joint 2"]:
        """Return each detection's error if the joints were at `points`, to first order."""
        return shifted_residual(self.linearised, points - self.held.points)

    def pixel_variance(
        self, variance: Float[Tensor, "clip time joint"]
    ) -> Float[Tensor, "clip time view joint"]:
        """Return what a variance of the joints means in pixels, per axis."""
        return pixel_variance(self.linearised, variance)


class HeldFeatures(nn.Module):
    """Compute features for all frames of a clip at once."""

    def __init__(self, *, skeleton: Skeleton) -> None:
        super().__init__()
        self.features = FrameFeatures(skeleton=skeleton)

    def forward(self, evidence: Evidence, *, unit_m: Float[Tensor, ""]) -> HeldView:
        """Linearise about the held consensus; the frame before stands in for a motion model."""
        held = hold(evidence)
        frames = evidence.frames
        linearised = linearise(
            frames.pixels,
            held.points,
            detected=frames.detected,
            lens=frames.lens,
            camera_from_world=frames.camera_from_world,
        )
        equations = normal_equations(linearised)
        memory = Memory(previous(frames.pixels), previous(frames.detected), previous(held.points), held.age_s)
        features = self.features(
            evidence, linearised, equations, reference=held.points, memory=memory, unit_m=unit_m
        )
        return HeldView(held, linearised, equations, features)
