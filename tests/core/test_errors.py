import inspect

from mvmono3d import errors


def test_every_error_raised_on_purpose_is_one_family_with_exit_code_two():
    classes = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
    own = [value for value in classes if value.__module__ == errors.__name__]
    assert len(own) > 5
    assert all(issubclass(value, errors.MVMono3DError) and value.exit_code == 2 for value in own)


def test_an_unknown_name_says_where_what_was_meant_and_what_is_known():
    error = errors.unknown_name("camera", "frnt", ["side", "front"], where="rig a.toml")
    assert str(error) == "no camera 'frnt' in rig a.toml; did you mean 'front'? (known: front, side)"


def test_a_name_like_no_other_gets_no_guess():
    assert "did you mean" not in str(errors.unknown_name("camera", "zzz", ["front"]))
