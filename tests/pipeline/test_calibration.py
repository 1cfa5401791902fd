"""What the calibrator is fitted to: answers before any correction; true joints only where it says so."""

from dataclasses import replace

import pytest
import torch

from mvmono3d.geometry.projection import project
from mvmono3d.nn.lesson import make_lesson
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import ConsensusTarget
from mvmono3d.pipeline.calibration import misses, reconstruct, whole_evidence, withheld_misses
from mvmono3d.pipeline.reconstructor import Reconstructor
from tests.learned import as_batch, clip, small_reconstructor

MASK = MaskSettings(joint_spans=5, view_spans=12, longest_span=10, drop_view=0.5, drop_frames=0.1)


@pytest.fixture(scope="module")
def reconstructor() -> Reconstructor:
    return small_reconstructor()


@pytest.fixture(scope="module")
def batch():
    return as_batch(clip(0), clip(1))


@pytest.fixture(scope="module")
def lesson(reconstructor, batch):
    target = ConsensusTarget(skeleton=reconstructor.skeleton)
    bare = replace(batch, truth=None, occlusion=None)
    return make_lesson(bare, units=reconstructor.units, target=target, mask=MASK, seed=0, counter=0)


def corrected(reconstructor: Reconstructor) -> Reconstructor:
    """The same network after a calibration that changed much."""
    other = small_reconstructor()
    other.load_state_dict(reconstructor.state_dict())
    other.calibrator.weight[:4] = torch.tensor([1.0, -0.5, 0.3, 0.7])
    return other


def test_withheld_detections_are_compared_without_any_label(reconstructor, lesson):
    with torch.no_grad():
        found = withheld_misses(reconstructor, lesson)
    assert 100 < len(found.noise) <= int(lesson.withheld.sum())
    assert all(torch.isfinite(value).all() for value in found)
    assert (found.spread.diagonal(dim1=-2, dim2=-1) > 0).all()
    assert (found.noise >= 1).all()


def test_a_residual_is_the_distance_in_the_image_in_units_of_the_noise(reconstructor, batch, lesson):
    with torch.no_grad():
        found = withheld_misses(reconstructor, lesson)
        start = reconstructor.start(batch=2, views=4)
        answer, _, _ = reconstructor(lesson.evidence, start)
    frames = lesson.whole.frames
    points = answer.points_world / reconstructor.units.unit_m
    pixels = project(points, lens=frames.lens, camera_from_world=frames.camera_from_world).pixels
    asked = lesson.withheld & (answer.source > 0)[:, :, None]
    torch.testing.assert_close(found.residual, (frames.pixels - pixels)[asked], rtol=1e-3, atol=1e-3)


def test_an_earlier_calibration_leaves_no_trace(reconstructor, batch, lesson):
    evidence = whole_evidence(reconstructor, batch)
    with torch.no_grad():
        for one, other in (
            (misses(each, evidence, batch.truth) for each in (reconstructor, corrected(reconstructor))),
            (withheld_misses(each, lesson) for each in (reconstructor, corrected(reconstructor))),
        ):
            for before, after in zip(one, other, strict=True):
                torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-6)


def test_a_calibration_changes_covariances_and_nothing_else(reconstructor, batch):
    evidence = whole_evidence(reconstructor, batch)
    with torch.no_grad():
        before, _ = reconstruct(reconstructor, evidence)
        after, _ = reconstruct(corrected(reconstructor), evidence)
    assert torch.equal(after.points_world, before.points_world)
    assert not torch.equal(after.covariance_world, before.covariance_world)
