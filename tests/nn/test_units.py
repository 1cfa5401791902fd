"""The network's units follow the recording, not the other way round."""

from dataclasses import replace

import pytest
import torch

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import ConfigurationError
from mvmono3d.nn.batch import frames_of_clip
from mvmono3d.nn.evidence import Frames, gather_evidence, gather_evidence_in_bulk, normalise
from mvmono3d.nn.units import Units, masked_median
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip
from tests.learned import SKELETON, as_batch, clip, frames_for


def fitted(frames: Frames) -> Units:
    units = Units(skeleton=load_skeleton(SKELETON))
    units.fit([frames])
    return units


def scaled(frames: Frames, factor: float) -> Frames:
    """The same recording of an actor and a rig of another size."""
    pose = frames.camera_from_world * torch.tensor([1.0, 1.0, 1.0, factor])
    return frames._replace(camera_from_world=pose)


def test_noise_is_found_in_pixels():
    world = preset("A", skeleton=SKELETON)
    made = make_clip(replace(world, frames=60), seed=0, subject=0, rig_seed=0)
    units = fitted(frames_of_clip(as_batch(made)))
    assert 0.9 < float(units.noise_px) < 1.1


def test_an_actor_twice_as_large_has_twice_the_unit_and_the_same_pose():
    frames = frames_for(clip(0))
    small, large = fitted(frames), fitted(scaled(frames, 2.0))
    assert float(large.unit_m / small.unit_m) == pytest.approx(2.0, rel=1e-3)
    torch.testing.assert_close(large.mean_pose, small.mean_pose, rtol=0, atol=1e-2)
    torch.testing.assert_close(large.bone_length, small.bone_length, rtol=0, atol=1e-2)


def test_normalised_frames_do_not_know_the_actors_size():
    frames = frames_for(clip(0))
    units = fitted(frames)
    one = normalise(frames, unit_m=units.unit_m, noise_px=units.noise_px)
    other = normalise(scaled(frames, 2.0), unit_m=2.0 * units.unit_m, noise_px=units.noise_px)
    torch.testing.assert_close(other.camera_from_world, one.camera_from_world)
    torch.testing.assert_close(other.pixels, one.pixels)


def test_the_compiled_kernel_and_the_graph_give_the_same_evidence():
    frames = frames_for(clip(0))
    units = fitted(frames)
    normalised = normalise(frames, unit_m=units.unit_m, noise_px=units.noise_px)
    graph, kernel = gather_evidence(normalised), gather_evidence_in_bulk(normalised)
    same = graph.solved == kernel.solved
    assert same.float().mean() > 0.99
    both = graph.confident & kernel.confident
    gap = (graph.points - kernel.points).norm(dim=-1)[both]
    assert gap.quantile(0.99) < 1e-3


def test_a_recording_without_consensus_is_refused():
    frames = frames_for(clip(0))
    blind = frames._replace(detected=torch.zeros_like(frames.detected))
    with pytest.raises(ConfigurationError, match="three agreeing views"):
        fitted(blind)


def test_masked_median_ignores_what_is_masked():
    values = torch.tensor([[1.0], [100.0], [3.0], [2.0]])
    mask = torch.tensor([[True], [False], [True], [True]])
    assert float(masked_median(values, mask)) == 2.0
    assert float(masked_median(values, torch.zeros_like(mask))) == 0.0
