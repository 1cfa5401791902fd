"""Targets made from the views alone are near the truth, and never look at it."""

from dataclasses import replace

import pytest
import torch

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.errors import ConfigurationError
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.target import ConsensusTarget, TruthTarget
from tests.learned import as_batch, clip, small_reconstructor


@pytest.fixture(scope="module")
def lesson():
    reconstructor = small_reconstructor()
    batch = as_batch(clip(0, frames=48), clip(1, frames=48))
    evidence = reconstructor.gather(frames_of_clip(batch))
    maker = ConsensusTarget(skeleton=reconstructor.skeleton)
    return batch, evidence, reconstructor.units, maker(batch, evidence, reconstructor.units)


def test_the_consensus_averaged_over_time_is_nearer_than_the_consensus_itself(lesson):
    batch, evidence, units, target = lesson
    truth = batch.truth.points_world / units.unit_m
    averaged = (target.points - truth).norm(dim=-1)[target.reliable]
    single = (evidence.points - truth).norm(dim=-1)[target.reliable]
    assert averaged.mean() < single.mean()
    assert target.reliable.float().mean() > 0.4


def test_pseudo_states_say_more_than_that_all_is_visible(lesson):
    batch, _, _, target = lesson
    visible = (target.states == OcclusionState.VISIBLE)[target.labelled]
    true = (batch.occlusion.state == OcclusionState.VISIBLE)[target.labelled]
    assert (visible == true).float().mean() > 1.02 * true.float().mean()


def test_without_a_label_nothing_changes(lesson):
    batch, evidence, units, target = lesson
    maker = ConsensusTarget(skeleton=batch.skeleton)
    bare = maker(replace(batch, truth=None, occlusion=None), evidence, units)
    for one, other in zip(target._replace(independent=True), bare._replace(independent=True), strict=True):
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(other))


def test_truth_targets_refuse_clips_without_labels(lesson):
    batch, evidence, units, _ = lesson
    with pytest.raises(ConfigurationError, match="ssl_multiview"):
        TruthTarget()(replace(batch, truth=None), evidence, units)


def test_truth_targets_are_the_truth_in_network_units(lesson):
    batch, evidence, units, _ = lesson
    target = TruthTarget()(batch, evidence, units)
    torch.testing.assert_close(target.points * units.unit_m, batch.truth.points_world)
