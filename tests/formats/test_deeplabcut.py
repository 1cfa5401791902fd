import numpy as np
import pytest

from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.deeplabcut import read_deeplabcut

ONE = """scorer,net,net,net,net,net,net
bodyparts,nose,nose,nose,tail,tail,tail
coords,x,y,likelihood,x,y,likelihood
0,10,20,0.9,30,40,0.8
1,11,21,0.7,,,
"""
TWO = """scorer,net,net,net,net,net,net
individuals,a,a,a,b,b,b
bodyparts,nose,nose,nose,nose,nose,nose
coords,x,y,likelihood,x,y,likelihood
0,10,20,0.9,30,40,0.8
"""


def write(folder, text):
    path = folder / "cam.csv"
    path.write_text(text)
    return path


def test_columns_are_found_by_their_headers(tmp_path):
    track, joints = read_deeplabcut(write(tmp_path, ONE))
    assert joints == ("nose", "tail")
    assert track.frames.tolist() == [0, 1]
    np.testing.assert_array_equal(track.pixels[0], [[10, 20], [30, 40]])
    np.testing.assert_array_equal(track.confidence, [[0.9, 0.8], [0.7, 0.0]])
    np.testing.assert_array_equal(track.detected, [[True, True], [True, False]])


def test_several_animals_need_a_choice(tmp_path):
    path = write(tmp_path, TWO)
    with pytest.raises(InvalidFileError, match="holds a, b: say --person"):
        read_deeplabcut(path)
    assert read_deeplabcut(path, person=1)[0].pixels.tolist() == [[[30.0, 40.0]]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "expected DeepLabCut's CSV"),
        (ONE.replace("coords,x,y", "coords,x,z"), "joint 'nose' has x, likelihood"),
        (ONE.replace("11,21", "11,oops"), "'oops' in data row 1"),
        (ONE.replace("\n1,11", "\n0,11"), "frame numbers repeat"),
        (ONE.replace("0.9", "9.0"), r"confidence 9 at frame 0, joint 'nose'"),
        (ONE.replace("10,20", "inf,20"), "pixel"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(InvalidFileError, match=message):
        read_deeplabcut(write(tmp_path, text))
