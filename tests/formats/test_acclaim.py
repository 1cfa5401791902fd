import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.acclaim import read_amc, read_asf
from mvmono3d.formats.motion_capture import WORLD_FROM_FILE
from tests.formats.motion_files import AMC, ASF
from tests.tolerances import EXACT

METRES = 0.0254 / 0.5


@pytest.fixture
def written(tmp_path):
    def write(asf, amc):
        (tmp_path / "07.asf").write_text(asf)
        (tmp_path / "07_01.amc").write_text(amc)
        return tmp_path

    return write


def read(folder):
    return read_amc(folder / "07_01.amc", read_asf(folder / "07.asf"), rate_hz=120.0)


def in_file_units(capture, name, frame):
    return WORLD_FROM_FILE.T @ capture.points_world[frame, capture.index(name)] / METRES


def test_a_leaning_stick_is_where_it_was_drawn(written):
    capture = read(written(ASF, AMC))
    assert capture.names == ("root", "spine", "arm", "tip")
    np.testing.assert_allclose(in_file_units(capture, "root", 0), (1, 2, 3), atol=1e-9)
    # +90 degrees about z lay the spine along -x, and the arm along +y.
    np.testing.assert_allclose(in_file_units(capture, "spine", 0), (-3, 2, 3), atol=1e-9)
    np.testing.assert_allclose(in_file_units(capture, "arm", 0), (-3, 4, 3), atol=1e-9)
    np.testing.assert_allclose(in_file_units(capture, "tip", 0), (-3, 4, 4), atol=1e-9)


def test_forward_kinematics_agree_with_scipy(written):
    capture = read(written(ASF, AMC))
    root = Rotation.from_euler("xyz", [10, 20, 30], degrees=True)
    spine = root * Rotation.from_euler("xyz", [-40, 50, 60], degrees=True)
    frame = Rotation.from_euler("xyz", [10, -20, 30], degrees=True)
    arm = spine * frame * Rotation.from_euler("yz", [70, -80], degrees=True) * frame.inv()
    places = {"spine": spine.apply([0, 4, 0])}
    places["arm"] = places["spine"] + arm.apply([2, 0, 0])
    places["tip"] = places["arm"] + arm.apply([0, 0, 1])
    for name, place in places.items():
        np.testing.assert_allclose(in_file_units(capture, name, 1), place, atol=1e-9)
    turned = capture.world_from_node[1, capture.index("arm")]
    np.testing.assert_allclose(turned, WORLD_FROM_FILE @ arm.as_matrix(), atol=EXACT)


def test_radians_are_read_as_radians(written):
    degrees, radians = ASF.replace("axis 10 -20 30", "axis 0 0 0"), AMC
    for value in ("90", "10", "20", "30", "-40", "50", "60", "70", "-80"):
        radians = radians.replace(f" {value}", f" {np.deg2rad(float(value)):.17g}")
    one = read(written(degrees, AMC)).points_world
    two = read(written(degrees.replace("angle deg", "angle rad"), radians)).points_world
    np.testing.assert_allclose(one, two, atol=EXACT)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("angle deg", "angle grad", "07.asf, line 5: expected angle deg or angle rad"),
        ("length 4", "length four", "07.asf, line 18: expected 1 numbers, got 'four'"),
        ("axis 10 -20 30 XYZ", "axis 10 -20 30 XYX", "07.asf, line 30: expected an order of axes"),
        ("dof ry rz", "dof ry rw", "07.asf, line 31: expected some of tx"),
        ("    direction 1 0 0\n", "", "a bone without direction"),
        ("arm tip", "arm hand", "07.asf, line 46: expected the root or a bone of :bonedata, got bone 'hand'"),
        ("    arm tip\n", "", "no parent of tip"),
        ("root 1 2 3 0 0 0", "root 1 2 3 0 0", "07_01.amc, line 5: expected 6 numbers"),
        ("\n2\nroot", "\n3\nroot", "07_01.amc, line 8: expected frame 2, got '3'"),
        ("arm 0 0\n", "", "frame 1 with 0 or 2 of arm"),
        ("arm 70 -80", "leg 70 -80", "07_01.amc, line 11: expected a frame's number, then bones"),
        (AMC, ":FULLY-SPECIFIED\n", "the recording is empty"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(written, old, new, message):
    with pytest.raises(InvalidFileError, match=message):
        read(written(ASF.replace(old, new, 1), AMC.replace(old, new, 1)))
