from dataclasses import replace

import pytest

from mvmono3d.errors import ConfigurationError, UnknownNameError
from mvmono3d.synthetic.presets import preset, preset_names
from mvmono3d.synthetic.settings import DetectorSettings, WorldSettings, settings_hash


def test_equal_settings_have_equal_hashes_and_any_change_another():
    settings = WorldSettings()
    assert settings_hash(settings) == settings_hash(WorldSettings())
    others = [
        replace(settings, skeleton="hand21"),
        replace(settings, rate_hz=30.0),
        replace(settings, detector=replace(settings.detector, white_px=1.0)),
        replace(settings, rig=replace(settings.rig, layouts=("ring",))),
        replace(settings, calibration=replace(settings.calibration, focal_share=(0.0, 0.0))),
        replace(settings, props=replace(settings.props, held=0.9)),
    ]
    assert len({settings_hash(each) for each in (settings, *others)}) == 1 + len(others)


def test_a_change_of_a_skeleton_file_changes_the_hash(tmp_path):
    path = tmp_path / "worm.yaml"
    text = "joints:\n  head: {parent: null, rest_m: [0, 0, 0]}\n  tail: {parent: head, rest_m: [0.1, 0, 0]}\n"
    path.write_text(text)
    before = settings_hash(WorldSettings(skeleton=str(path)))
    path.write_text(text.replace("0.1", "0.2"))
    assert settings_hash(WorldSettings(skeleton=str(path))) != before


def test_every_preset_is_different():
    assert len({settings_hash(preset(name)) for name in preset_names()}) == len(preset_names()) == 6


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"no preset 'F'.*known: A, B, C, D, E, realistic"):
        preset("F")


@pytest.mark.parametrize(
    "change",
    [
        {"swap_share": 1.2},
        {"missing_hidden": (0.2, 1.5)},
        {"overconfident": (-0.1, 0.2)},
        {"tail_freedom": 1.5},
    ],
)
def test_a_detector_that_cannot_be_is_refused(change):
    with pytest.raises(ConfigurationError, match=next(iter(change))):
        DetectorSettings(**change)


@pytest.mark.parametrize("change", [{"frames": 0}, {"rate_hz": 0.0}])
def test_an_empty_clip_is_refused(change):
    with pytest.raises(ConfigurationError, match="WorldSettings"):
        WorldSettings(**change)
