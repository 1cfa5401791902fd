"""Samples for detectors: the same every time, and never the same in two splits."""

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.render.detector_samples import SampleSettings, detector_samples
from mvmono3d.synthetic.render.look import draw_look
from mvmono3d.synthetic.splits import Split, clip_seeds, split_of

SMALL = SampleSettings(size=64, frames=2, samples=1, sensor_px=(240, 150))


@pytest.fixture(scope="module")
def samples():
    return list(detector_samples(Split.TRAIN, 2, settings=SMALL))


def test_the_same_seeds_give_the_same_samples(samples):
    for one, other in zip(samples, detector_samples(Split.TRAIN, 2, settings=SMALL), strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_scenes_can_be_made_apart(samples):
    second = list(detector_samples(Split.TRAIN, 1, settings=SMALL, first=1))
    first = len(samples) - len(second)
    for one, other in zip(samples[first:], second, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_most_joints_are_in_the_crop_and_something_is_to_be_seen(samples):
    assert len(samples) >= 12
    for sample in samples:
        known = sample.state != OcclusionState.UNKNOWN
        place = sample.pixels[known]
        assert ((place > -0.15 * SMALL.size) & (place < 1.15 * SMALL.size)).all()
        assert np.ptp(sample.image) > 5
        assert (sample.sigma_px >= 0.0).all()


def test_a_split_never_shares_an_actor_a_look_or_a_rig_with_another():
    drawn = {split: list(clip_seeds(split, 200)) for split in Split}
    for split, seeds in drawn.items():
        assert all(
            split_of(number) is split for each in seeds for number in (each.seed, each.subject, each.rig_seed)
        )
    looks = {split: {draw_look(each.seed) for each in seeds} for split, seeds in drawn.items()}
    assert not looks[Split.TRAIN] & looks[Split.TEST]


def test_looks_differ_widely():
    looks = [draw_look(seed) for seed in range(60)]
    for name, spread in (("skin", 0.25), ("background", 0.3), ("cloth", 0.5), ("gloss", 0.25)):
        assert np.ptp([getattr(look, name) for look in looks]) > spread


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigurationError, match="margins"):
        SampleSettings(margin=(0.5, 1.0))
