"""Targets made from the views alone are near the truth, and never look at it."""

from dataclasses import replace

import pytest
import torch

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.errors import ConfigurationError
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.target import ConsensusTarget, MixedTarget, TruthTarget
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
    assert all(torch.equal(one, other) for one, other in zip(target, bare, strict=True))


def test_truth_targets_refuse_clips_without_labels(lesson):
    batch, evidence, units, _ = lesson
    with pytest.raises(ConfigurationError, match="ssl_multiview"):
        TruthTarget()(replace(batch, truth=None), evidence, units)


def test_truth_targets_are_the_truth_in_network_units(lesson):
    batch, evidence, units, _ = lesson
    target = TruthTarget()(batch, evidence, units)
    torch.testing.assert_close(target.points * units.unit_m, batch.truth.points_world)


def half_labelled(batch):
    """The batch as if its second clip had no labels."""
    truth, occlusion = batch.truth, batch.occlusion
    source, labelled = truth.source.clone(), occlusion.labelled.clone()
    source[1], labelled[1] = 0, False
    return replace(
        batch, truth=replace(truth, source=source), occlusion=replace(occlusion, labelled=labelled)
    )


def test_a_mixed_target_is_the_truth_where_there_is_one_and_the_consensus_elsewhere(lesson):
    batch, evidence, units, consensus = lesson
    mixed = MixedTarget(skeleton=batch.skeleton).train()(half_labelled(batch), evidence, units)
    truth = TruthTarget()(batch, evidence, units)
    assert mixed.independent.tolist() == [True, False]
    for found, true, agreed in zip(mixed, truth, consensus, strict=True):
        assert torch.equal(found[0], true[0])
        assert torch.equal(found[1], agreed[1])


def test_a_mixed_target_reads_no_label_in_validation(lesson):
    batch, evidence, units, consensus = lesson
    mixed = MixedTarget(skeleton=batch.skeleton).eval()(batch, evidence, units)
    assert all(torch.equal(found, agreed) for found, agreed in zip(mixed, consensus, strict=True))


def test_a_mixed_target_of_clips_that_never_had_labels_is_the_consensus(lesson):
    batch, evidence, units, consensus = lesson
    bare = replace(batch, truth=None, occlusion=None)
    mixed = MixedTarget(skeleton=batch.skeleton).train()(bare, evidence, units)
    assert all(torch.equal(found, agreed) for found, agreed in zip(mixed, consensus, strict=True))
