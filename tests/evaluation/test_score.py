from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.trajectory import PointSource, Reconstruction
from mvmono3d.errors import InvalidRecordError
from mvmono3d.evaluation.score import score
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip


def measured(result, clip) -> Any:
    return score(result, clip)


@pytest.fixture(scope="module")
def clip():
    return make_clip(replace(preset("C", skeleton="hand21"), frames=90), seed=3, subject=1, rig_seed=2)


@pytest.fixture(scope="module")
def perfect(clip):
    """An answer that is the truth itself, with a covariance of 1 mm."""
    points = clip.truth.points_world.astype(np.float64)
    covariance = np.broadcast_to(1e-6 * np.eye(3), (*points.shape, 3)).copy()
    states = np.eye(len(OcclusionState))[clip.occlusion.state]
    shape = clip.observations.detected.shape
    return Reconstruction(
        trajectory=replace(clip.truth, points_world=points, covariance_world=covariance),
        decided_by=np.ones(points.shape[:2], dtype=np.int64),
        reason=np.zeros(points.shape[:2], dtype=np.int64),
        weights=np.full(shape, 0.25),
        occlusion=states,
        reprojection_px=np.zeros(shape),
    )


def with_trajectory(reconstruction, **changes):
    return replace(reconstruction, trajectory=replace(reconstruction.trajectory, **changes))


def test_the_truth_itself_scores_perfectly(clip, perfect):
    found = measured(perfect, clip)
    assert found.answered == 1.0
    errors = (found.mpjpe_mm, found.mpjpe_held_mm, found.median_mm, found.p95_mm, found.hidden_mm)
    assert errors == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert found.procrustes_mm == pytest.approx(0.0, abs=1e-6)
    assert found.root_relative_mm == 0.0
    assert (found.above_10mm, found.above_50mm, found.acceleration_error) == (0.0, 0.0, 0.0)
    assert found.macro_f1 == pytest.approx(1.0)
    assert found.visible_auc == 1.0
    assert found.covered_95 == 1.0


def test_silence_shows_in_every_number_but_the_error_of_answers(clip, perfect):
    source = perfect.trajectory.source.copy()
    silent = np.random.default_rng(0).random(source.shape) < 0.3
    source[silent] = PointSource.MISSING
    points = np.where(silent[..., None], 0.0, perfect.trajectory.points_world)
    found = measured(with_trajectory(perfect, source=source, points_world=points), clip)
    assert found.answered == pytest.approx(1.0 - silent.mean())
    assert found.mpjpe_mm == 0.0
    assert found.mpjpe_held_mm > 0.5
    assert found.above_10mm == pytest.approx(silent.mean())


def test_refusing_what_is_hard_does_not_win(clip, perfect):
    rng = np.random.default_rng(1)
    wrong = rng.random(perfect.trajectory.source.shape) < 0.2
    points = perfect.trajectory.points_world + 0.005 * wrong[..., None]
    source = np.where(wrong, PointSource.MISSING, PointSource.MEASURED)
    honest = measured(with_trajectory(perfect, points_world=points), clip)
    shy = measured(with_trajectory(perfect, points_world=points, source=source), clip)
    assert shy.mpjpe_mm < honest.mpjpe_mm
    assert shy.above_10mm > honest.above_10mm


def test_an_answer_of_nothing_has_no_error_but_costs_the_actor(clip, perfect):
    nothing = np.zeros_like(perfect.trajectory.source)
    found = measured(with_trajectory(perfect, source=nothing), clip)
    assert found.answered == 0.0
    assert found.mpjpe_mm is None
    assert found.nll is None
    assert found.mpjpe_held_mm > 50.0
    assert found.above_50mm == 1.0


def test_noise_of_the_stated_covariance_is_found_calibrated(clip, perfect):
    rng = np.random.default_rng(5)
    factor = np.array([[0.004, 0, 0], [0.002, 0.003, 0], [0.001, -0.001, 0.006]])
    points = perfect.trajectory.points_world
    noisy = points + rng.normal(size=points.shape) @ factor.T
    covariance = np.broadcast_to(factor @ factor.T, (*points.shape, 3)).copy()
    found = measured(with_trajectory(perfect, points_world=noisy, covariance_world=covariance), clip)
    assert found.nees == pytest.approx(3.0, abs=0.2)
    assert found.covered_50 == pytest.approx(0.5, abs=0.04)
    assert found.covered_90 == pytest.approx(0.9, abs=0.03)
    small = measured(with_trajectory(perfect, points_world=noisy, covariance_world=0.1 * covariance), clip)
    assert small.nll > found.nll


def test_a_clip_without_occlusion_labels_leaves_those_numbers_open(clip, perfect):
    found = measured(perfect, replace(clip, occlusion=None))
    unknown = (found.hidden_mm, found.by_views_mm, found.macro_f1, found.recovery_p50)
    assert unknown == (None, None, None, None)
    assert found.mpjpe_mm == 0.0


def test_scoring_without_truth_is_refused(clip, perfect):
    with pytest.raises(InvalidRecordError, match="without truth"):
        measured(perfect, replace(clip, truth=None))


def test_a_reconstruction_of_other_frames_is_refused(clip, perfect):
    with pytest.raises(InvalidRecordError, match="but the truth is"):
        measured(perfect.map(lambda array: array[:10]), clip)
