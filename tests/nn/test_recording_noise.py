"""Recordings of any noise look alike to the network."""

import pytest
import torch

from mvmono3d.nn.evidence import normalise
from mvmono3d.nn.recording_noise import bring_to_noise, measure_noise_px, misjudge, rescale
from tests.learned import clip, frames_for, small_reconstructor


def test_noise_scales_with_the_image():
    frames = frames_for(clip(0), clip(2))
    doubled = rescale(frames, torch.tensor([2.0, 3.0]))
    ratio = measure_noise_px(doubled) / measure_noise_px(frames)
    torch.testing.assert_close(ratio, torch.tensor([2.0, 3.0]), rtol=0.05, atol=0)


def test_rescaling_changes_no_direction():
    frames = frames_for(clip(0))
    one = torch.tensor(1.0)
    before, after = (
        normalise(each, unit_m=one, noise_px=one) for each in (frames, rescale(frames, torch.tensor([1.7])))
    )
    rays = [each.pixels / each.lens[..., None, :2] for each in (before, after)]
    torch.testing.assert_close(rays[1], rays[0])


def test_a_recording_brought_to_a_noise_has_it():
    frames = bring_to_noise(frames_for(clip(0), clip(2)), torch.tensor(5.0))
    assert measure_noise_px(frames).tolist() == pytest.approx([5.0, 5.0], rel=0.05)


def test_answers_do_not_depend_on_the_resolution():
    reconstructor = small_reconstructor()
    frames = frames_for(clip(0))
    answers = []
    for each in (frames, rescale(frames, torch.tensor([2.5]))):
        known = bring_to_noise(each, reconstructor.units.noise_px)
        start = reconstructor.start(batch=1, views=4)
        with torch.no_grad():
            answers.append(reconstructor(reconstructor.gather(known), start)[0].points_world)
    assert (answers[1] - answers[0]).norm(dim=-1).quantile(0.99) < 1e-3


def test_a_misjudged_noise_is_off_by_as_much_as_said():
    frames = frames_for(*[clip(0)] * 64)
    shaken = misjudge(frames, sigma=0.2, generator=torch.Generator().manual_seed(0))
    factor = torch.log(shaken.lens[:, 0, 0, 0] / frames.lens[:, 0, 0, 0])
    assert float(factor.std()) == pytest.approx(0.2, rel=0.3)
