from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.trajectory import PointSource, Reconstruction
from mvmono3d.evaluation.stress.takes import SyntheticTake
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.splits import Split, clip_seeds


@pytest.fixture(scope="session")
def takes():
    settings = replace(preset("realistic", skeleton="body17"), frames=90)
    return [SyntheticTake(settings=settings, seeds=each) for each in clip_seeds(Split.TEST, 2)]


@pytest.fixture(scope="session")
def clip(takes):
    return takes[0].clip(takes[0].settings)


@pytest.fixture(scope="session")
def perfect(clip):
    """An answer that is the truth itself, with a covariance of 10 mm."""
    points = clip.truth.points_world.astype(np.float64)
    shape = clip.observations.detected.shape
    return Reconstruction(
        trajectory=replace(
            clip.truth,
            points_world=points,
            covariance_world=np.broadcast_to(1e-4 * np.eye(3), (*points.shape, 3)).copy(),
            source=np.full(points.shape[:2], int(PointSource.MEASURED), dtype=np.int64),
        ),
        decided_by=np.ones(points.shape[:2], dtype=np.int64),
        reason=np.zeros(points.shape[:2], dtype=np.int64),
        weights=np.full(shape, 0.25),
        occlusion=np.eye(len(OcclusionState))[clip.occlusion.state],
        reprojection_px=np.zeros(shape),
    )
