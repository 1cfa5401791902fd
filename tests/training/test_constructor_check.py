import pytest

from mvmono3d.errors import ConfigurationError, MVMono3DError, UnknownNameError
from mvmono3d.training.constructor_check import ALLOWED, check_constructors


def message_of(config, kind=MVMono3DError) -> str:
    with pytest.raises(kind) as caught:
        check_constructors({"part": config}, allowed=ALLOWED)
    return str(caught.value)


AUGMENTATION = {
    "_target_": "mvmono3d.data.augment.Augmentation",
    "view_loss": 0.1,
    "joint_loss": 0,
    "joint_loss_frames": 8,
    "rig_error_share": 0.0,
    "rig_rotation_rad": 0.0,
    "rig_translation_m": 0.0,
    "turn_world": True,
    "shift_world_m": 0.0,
    "confidence_noise": 0.0,
}


def test_what_fits_its_constructor_passes():
    check_constructors({"part": [AUGMENTATION]}, allowed=ALLOWED)


@pytest.mark.parametrize(
    "target", ["os.system", "builtins.print", "subprocess.run", "mvmono3dx.f", "torch.load"]
)
def test_a_target_outside_the_allowed_packages_is_refused(target):
    assert "own_packages" in message_of({"_target_": target})


def test_a_target_that_does_not_exist_is_named_with_the_nearest():
    text = message_of({"_target_": "mvmono3d.data.augment.Augmentaton"}, UnknownNameError)
    assert "'Augmentation'" in text


def test_an_argument_that_the_constructor_lacks_is_named_with_the_nearest():
    text = message_of(AUGMENTATION | {"view_los": 0.1}, UnknownNameError)
    assert "did you mean 'view_loss'" in text
    assert "part" in text


def test_an_argument_that_is_missing_is_named():
    without = {key: value for key, value in AUGMENTATION.items() if key != "view_loss"}
    assert "no value for 'view_loss'" in message_of(without)
    check_constructors({"part": without | {"_partial_": True}}, allowed=ALLOWED)


@pytest.mark.parametrize(
    ("key", "value"),
    [("view_loss", "high"), ("joint_loss_frames", 2.5), ("turn_world", 1), ("view_loss", True)],
)
def test_a_value_of_another_type_is_refused(key, value):
    assert f"part.{key} is {value!r}" in message_of(AUGMENTATION | {key: value}, ConfigurationError)


def test_a_word_where_a_library_wants_a_number_is_refused():
    optimiser = {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": "fast"}
    assert "part.lr is 'fast'; expected float" in message_of(optimiser, ConfigurationError)


def test_a_mistake_deep_inside_is_found():
    with pytest.raises(UnknownNameError, match=r"task\.parts\[1\]"):
        check_constructors({"task": {"parts": [{}, AUGMENTATION | {"x": 1}]}}, allowed=ALLOWED)
