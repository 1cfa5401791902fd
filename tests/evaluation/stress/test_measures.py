from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.trajectory import PointSource
from mvmono3d.errors import InvalidRecordError
from mvmono3d.evaluation.baselines import baselines
from mvmono3d.evaluation.stress.measures import Measures, Tolerance, measure, pool
from mvmono3d.evaluation.stress.readouts import READOUTS, readout, recovery_quantile
from mvmono3d.metrics.recovery import occlusion_episodes

TOLERANCE = Tolerance(near_m=0.01, far_m=0.03)


@pytest.fixture(scope="module")
def robust(clip):
    return baselines()["robust"](clip)


def measured(result, clip, robust=None) -> Measures:
    return measure(result, clip, robust=robust or result, tolerance=TOLERANCE)


def value(measures, name) -> Any:
    return readout(name).value(measures)


def with_trajectory(reconstruction, **changes):
    return replace(reconstruction, trajectory=replace(reconstruction.trajectory, **changes))


def noisy(perfect, *, sigma_m=0.01, seed=0):
    points = perfect.trajectory.points_world
    noise = np.random.default_rng(seed).normal(scale=sigma_m, size=points.shape)
    return with_trajectory(perfect, points_world=points + noise)


def test_the_truth_itself_is_perfect(clip, perfect):
    found = measured(perfect, clip)
    for name in ("mpjpe_mm", "held_mm", "hidden_mm", "lost", "off_near", "recovery_p95", "false_visible"):
        assert value(found, name) == 0.0
    for name in ("macro_f1", "occluded_f1", "covered_50", "covered_hidden_95"):
        assert value(found, name) == pytest.approx(1.0)


def test_robust_against_itself_is_never_worse(clip, robust):
    found = measured(robust, clip)
    assert value(found, "excess_mm") == 0.0
    assert value(found, "lost_ground") == 0.0
    assert not found.excess[:2, 1].any()
    assert found.excess[2:, 1].all()


def test_a_method_that_is_off_where_robust_is_right_loses_ground(clip, perfect):
    points = perfect.trajectory.points_world.copy()
    points[:, 3] += 0.05
    off = with_trajectory(perfect, points_world=points)
    found = measured(off, clip, robust=perfect)
    joints = points.shape[1]
    assert value(found, "lost_ground") == pytest.approx(1 / joints)
    assert value(found, "excess_mm") == pytest.approx(50.0 * np.sqrt(3) / joints)
    assert value(measured(perfect, clip, robust=off), "excess_mm") < 0.0


def test_exact_gaussian_errors_are_covered_as_stated(clip, perfect):
    found = pool([measured(noisy(perfect, seed=seed), clip) for seed in range(8)])
    for percent in (50, 68, 90, 95):
        assert value(found, f"covered_{percent}") == pytest.approx(percent / 100, abs=0.01)
        assert value(found, f"covered_hidden_{percent}") == pytest.approx(percent / 100, abs=0.03)
    np.testing.assert_allclose(
        found.reliability[:, 0] / found.reliability[:, 1], np.arange(1, 20) / 20, atol=0.02
    )
    for name in ("0", "4-9", "20-39"):
        error, sigma = (value(found, f"unseen_{name}_{ending}") for ending in ("rms_mm", "sigma_mm"))
        assert error == pytest.approx(sigma, rel=0.1)
        assert sigma == pytest.approx(10.0 * np.sqrt(3))


def test_silence_is_lost_and_held_but_never_off(clip, perfect):
    source = perfect.trajectory.source.copy()
    source[30:50, 2] = PointSource.MISSING
    points = np.where((source == PointSource.MISSING)[..., None], 0.0, perfect.trajectory.points_world)
    found = measured(with_trajectory(perfect, source=source, points_world=points), clip)
    assert value(found, "lost") == pytest.approx(20 / source.size)
    assert value(found, "off_near") == 0.0
    assert value(found, "mpjpe_mm") == 0.0
    assert value(found, "held_mm") > 0.0


def test_recovery_counts_frames_until_the_error_is_small_enough(clip, perfect):
    visible = ((clip.occlusion.state == OcclusionState.VISIBLE) & clip.occlusion.labelled).sum(axis=1)
    episodes = occlusion_episodes(visible)
    assert episodes
    points = perfect.trajectory.points_world.copy()
    for episode in episodes:
        points[episode.start : episode.end + 4, episode.joint] += 0.1
    found = measured(with_trajectory(perfect, points_world=points), clip)
    assert found.recovery.sum() == len(episodes)
    assert value(found, "recovery_mean") == value(found, "recovery_p90") == 4.0


def test_a_joint_never_seen_yet_has_no_time_since(clip, perfect):
    state = clip.occlusion.state.copy()
    state[:30, :, 4] = OcclusionState.OBJECT
    late = replace(clip, occlusion=replace(clip.occlusion, state=state))
    before, found = measured(perfect, clip), measured(perfect, late)
    assert before.by_unseen[:, 1].sum() - found.by_unseen[:, 1].sum() == 30
    assert found.by_views[:, 1].sum() == before.by_views[:, 1].sum()


def test_a_joint_called_visible_although_it_is_occluded_is_found(clip, perfect):
    seen = np.zeros_like(perfect.occlusion)
    seen[..., OcclusionState.VISIBLE] = 1.0
    found = measured(replace(perfect, occlusion=seen), clip)
    assert value(found, "false_visible") == 1.0
    assert value(found, "occluded_f1") == 0.0


def test_pooling_adds_up(clip, perfect, robust):
    one, other = measured(perfect, clip, robust), measured(robust, clip)
    both = pool([one, other])
    assert both.error[0, 1] == one.error[0, 1] + other.error[0, 1]
    expected = (one.error[0, 0] + other.error[0, 0]) / both.error[0, 1]
    assert value(both, "mpjpe_mm") == pytest.approx(expected)
    assert both.confusion.sum() == one.confusion.sum() + other.confusion.sum()


def test_every_number_has_a_name_of_its_own_and_a_text(clip, robust):
    found = measured(robust, clip)
    assert len({each.name for each in READOUTS}) == len(READOUTS)
    assert all(each.text(found) for each in READOUTS)
    nothing = found.map(np.zeros_like)
    assert {each.text(nothing) for each in READOUTS} == {"-"}


def test_recovery_quantiles_are_those_of_the_frames():
    frames = np.array([0, 0, 1, 2, 2, 5, 9, 60])
    histogram = np.bincount(frames, minlength=61).astype(float)
    for fraction in (0.25, 0.5, 0.9, 1.0):
        expected = np.quantile(frames, fraction, method="inverted_cdf")
        assert recovery_quantile(histogram, fraction) == expected


def test_labels_are_needed(clip, perfect):
    with pytest.raises(InvalidRecordError, match="without occlusion labels"):
        measured(perfect, replace(clip, occlusion=None))
