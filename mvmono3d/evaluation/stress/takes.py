"""What is replayed: a clip as it is, or one that the synthetic world can make anew under other settings."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from mvmono3d.core.clip import Clip
from mvmono3d.core.observations import Observations
from mvmono3d.core.occlusion import OcclusionLabels, OcclusionState
from mvmono3d.core.trajectory import PointSource, Trajectory
from mvmono3d.geometry.projection import project
from mvmono3d.pipeline.consensus import triangulate_consensus
from mvmono3d.pipeline.smoother import reconstruct_map
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.settings import WorldSettings
from mvmono3d.synthetic.splits import ClipSeeds, Split, clip_seeds
from mvmono3d.synthetic.world import make_clip

_NEAR_SIGMAS = 4.0
_LEAST_VIEWS = 3
_SEEDS_APART = 1000
"""How many clips of the split belong to each seed."""
REFERENCE = (
    "No truth: the reference is the offline smoother on the undisturbed recording, at joints that three "
    "views or more agree on. Errors are distances from it; without a disturbance they are flattered, for "
    "method and reference saw the same pixels. A view counts as seeing a joint where its detection lies "
    "within 4 sigma of the reference."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticTake:
    """A clip of the synthetic world: the same motion again and again, whatever the settings."""

    settings: WorldSettings
    seeds: ClipSeeds

    def clip(self, settings: WorldSettings) -> Clip:
        """Make it under these settings."""
        seeds = self.seeds
        return make_clip(settings, seed=seeds.seed, subject=seeds.subject, rig_seed=seeds.rig_seed)


Take: TypeAlias = Clip | SyntheticTake


def synthetic_takes(world: str, *, skeleton: str, takes: int, frames: int, seed: int) -> list[SyntheticTake]:
    """Return takes of a preset of the world, of the test split: no training has seen its actors and rigs."""
    settings = replace(preset(world, skeleton=skeleton), frames=frames)
    seeds = clip_seeds(Split.TEST, takes, first=_SEEDS_APART * seed)
    return [SyntheticTake(settings=settings, seeds=each) for each in seeds]


def undisturbed(take: Take) -> Clip:
    """Return the take as a clip that can be judged: with truth and labels, its own or the reference's."""
    if isinstance(take, SyntheticTake):
        return take.clip(take.settings)
    if take.truth is not None and take.occlusion is not None:
        return take
    return _labelled(take)


def noise_px(clip: Clip) -> float:
    """Return the standard deviation of the recording's good detections, px per axis."""
    return triangulate_consensus(clip.observations, clip.rig)[1]


def _labelled(clip: Clip) -> Clip:
    """Label VISIBLE what lies near the truth; where there is none, let the offline smoother stand for it."""
    given = clip.truth is not None
    truth = clip.truth or reconstruct_map(clip.observations, clip.rig, clip.skeleton).trajectory
    present = np.asarray(truth.source) != PointSource.MISSING
    near = _near(clip, truth, present)
    if not given:
        present = present & (near.sum(axis=1) >= _LEAST_VIEWS)
        near = near & present[:, None]
    labels = OcclusionLabels(
        state=np.full(near.shape, int(OcclusionState.VISIBLE), dtype=np.int64), labelled=near
    )
    return replace(clip, truth=_only(truth, present), occlusion=labels)


def _near(clip: Clip, truth: Trajectory, present: np.ndarray) -> np.ndarray:
    observations: Observations = clip.observations
    placed = project(
        np.asarray(truth.points_world, dtype=np.float64),
        lens=np.asarray(clip.rig.camera.lens, dtype=np.float64),
        camera_from_world=np.asarray(clip.rig.camera_from_world, dtype=np.float64),
    )
    apart = np.linalg.norm(placed.pixels - observations.pixels, axis=-1)
    near = placed.in_front & (apart < _NEAR_SIGMAS * noise_px(clip))
    return np.asarray(observations.detected) & near & present[:, None]


def _only(truth: Trajectory, present: np.ndarray) -> Trajectory:
    return Trajectory(
        points_world=np.where(present[..., None], truth.points_world, 0.0),
        covariance_world=np.where(present[..., None, None], truth.covariance_world, 0.0),
        source=np.where(present, int(PointSource.MEASURED), int(PointSource.MISSING)),
        time_ns=np.asarray(truth.time_ns),
    )
