import pytest

from mvmono3d.errors import UnknownNameError
from mvmono3d.formats.view_names import match_views


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("cam_01", "cam_01"),
        ("cam01_json", "cam_01"),
        ("Cam1_openpose", "cam_01"),
        ("minimal_back_proofread.analysis", "back"),
        ("cam1DLC_resnet50_projectshuffle1_500000", "cam_01"),
    ],
)
def test_a_decorated_name_finds_its_camera(name, camera):
    assert match_views([name], ["cam_01", "cam_11", "back"], where="take") == (camera,)


def test_an_exact_name_wins_over_alike_ones():
    assert match_views(["cam1"], ["cam1", "cam_1"], where="take") == ("cam1",)


def test_a_number_matches_whole_and_never_as_a_prefix():
    assert match_views(["cam_10"], ["cam_1", "cam_10"], where="take") == ("cam_10",)


def test_a_name_without_camera_is_refused_with_both_lists():
    with pytest.raises(
        UnknownNameError, match=r"'drone' fits no camera.*has cam1, drone, the rig has cam_1, cam_2"
    ):
        match_views(["cam1", "drone"], ["cam_1", "cam_2"], where="take")


def test_a_name_that_fits_several_cameras_is_refused():
    with pytest.raises(UnknownNameError, match="several cameras"):
        match_views(["left_right"], ["left", "right"], where="take")


def test_two_names_for_one_camera_are_refused():
    with pytest.raises(UnknownNameError, match="cam01, cam_1 all fit camera 'cam_01'"):
        match_views(["cam01", "cam_1"], ["cam_01", "cam_02"], where="take")
