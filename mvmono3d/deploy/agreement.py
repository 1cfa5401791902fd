"""How far two runs of the same graph are apart, in the units that matter to a user."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.manifest import Tolerances
from mvmono3d.geometry.projection import project

Tensors = Mapping[str, np.ndarray]
"""Named tensors of a graph, frames stacked on a first axis."""

CHOICES = ("source", "decided_by", "reason")
"""Outputs that are decisions, and not quantities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far an engine is from what was expected, the tolerated share of joints left out."""

    frames: int
    points_m: float
    pixels_px: float
    """Of joints projected into the views that delivered."""
    occlusion_states: float
    """Share of most probable states that differ, apart from ties."""
    choices: float
    """Share of sources, decisions and reasons that differ."""
    finite: bool

    def problems(self, tolerances: Tolerances) -> tuple[str, ...]:
        """Say what is outside the tolerances; empty when the runs agree."""
        points_mm, allowed_mm = self.points_m * 1e3, tolerances.points_m * 1e3
        pixels_px, allowed_px, share = self.pixels_px, tolerances.pixels_px, tolerances.share
        found = (
            (not self.finite, "numbers that are not finite"),
            (points_mm > allowed_mm, f"points differ by {points_mm:.3g} mm, allowed {allowed_mm:g} mm"),
            (pixels_px > allowed_px, f"projections differ by {pixels_px:.3g} px, allowed {allowed_px:g} px"),
            (self.occlusion_states > share, f"{self.occlusion_states:.2%} of occlusion states differ"),
            (self.choices > share, f"{self.choices:.2%} of sources, decisions and reasons differ"),
        )
        return tuple(words for wrong, words in found if wrong)


def compare(expected: Tensors, got: Tensors, *, inputs: Tensors, tolerances: Tolerances) -> Agreement:
    """Compare two runs over the same inputs."""
    present = (expected["source"] != PointSource.MISSING) & (got["source"] != PointSource.MISSING)
    apart = np.linalg.norm(_difference(expected, got, "points_world"), axis=-1)
    return Agreement(
        frames=len(expected["source"]),
        points_m=_greatest(np.where(present, apart, 0.0), tolerances.share),
        pixels_px=_greatest(pixels_apart(expected, got, inputs=inputs, present=present), tolerances.share),
        occlusion_states=_states_apart(expected, got, inputs["view_mask"], tolerances.logits),
        choices=float(np.mean([expected[name] != got[name] for name in CHOICES])),
        finite=all(bool(np.isfinite(tensor).all()) for tensor in got.values()),
    )


def _difference(expected: Tensors, got: Tensors, name: str) -> np.ndarray:
    return got[name].astype(np.float64) - expected[name].astype(np.float64)


def pixels_apart(expected: Tensors, got: Tensors, *, inputs: Tensors, present: np.ndarray) -> np.ndarray:
    """Return how far apart two runs put each joint (time joint), at most in any view that delivered."""
    rig = {name: inputs[name].astype(np.float64) for name in ("lens", "camera_from_world")}
    one, other = (project(run["points_world"].astype(np.float64), **rig) for run in (expected, got))
    seen = one.in_front & other.in_front & present[:, None, :] & inputs["view_mask"][:, :, None]
    return np.where(seen, np.linalg.norm(other.pixels - one.pixels, axis=-1), 0.0).max(axis=1)


def _states_apart(expected: Tensors, got: Tensors, view_mask: np.ndarray, margin: float) -> float:
    logits = expected["occlusion_logits"]
    first, second = np.sort(logits, axis=-1)[..., -1], np.sort(logits, axis=-1)[..., -2]
    differ = logits.argmax(axis=-1) != got["occlusion_logits"].argmax(axis=-1)
    return float((differ & (first - second > margin) & view_mask[:, :, None]).mean())


def _greatest(values: np.ndarray, share: float) -> float:
    return float(np.quantile(values, 1.0 - share, method="higher"))
