import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.bvh import read_bvh
from mvmono3d.formats.motion_capture import WORLD_FROM_FILE
from tests.formats.motion_files import BVH
from tests.tolerances import EXACT


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "take.bvh"
        path.write_text(text)
        return path

    return write


def in_file_axes(capture, name, frame):
    return WORLD_FROM_FILE.T @ capture.points_world[frame, capture.index(name)]


def test_a_bent_knee_is_where_it_was_drawn(written):
    capture = read_bvh(written(BVH), metres_per_unit=1.0)
    assert capture.names == ("hips", "knee", "knee_end", "chest", "chest_end")
    assert capture.rate_hz == 50.0
    for name, place in (("hips", (0, 10, 0)), ("knee", (0, 6, 0)), ("chest_end", (1, 17, 0))):
        np.testing.assert_allclose(in_file_axes(capture, name, 0), place, atol=EXACT)
    # The knee is turned by +90 degrees about x: y goes to z, and z to -y.
    np.testing.assert_allclose(in_file_axes(capture, "knee_end", 0), (0, 5, -3), atol=EXACT)


def test_forward_kinematics_agree_with_scipy(written):
    capture = read_bvh(written(BVH), metres_per_unit=0.01)
    hips = Rotation.from_euler("ZXY", [30, -20, 50], degrees=True)
    knee = hips * Rotation.from_euler("ZXY", [5, 80, -7], degrees=True)
    chest = hips * Rotation.from_euler("XYZ", [12, -34, 56], degrees=True)
    root = np.array([1.0, 10.0, -2.0])
    expected = {
        "knee": root + hips.apply([0, -4, 0]),
        "knee_end": root + hips.apply([0, -4, 0]) + knee.apply([0, -3, 1]),
        "chest_end": root + hips.apply([1, 5, 0]) + chest.apply([0, 2, 0]),
    }
    for name, place in expected.items():
        np.testing.assert_allclose(in_file_axes(capture, name, 1), 0.01 * place, atol=EXACT)
    turned = capture.world_from_node[1, capture.index("chest")]
    np.testing.assert_allclose(turned, WORLD_FROM_FILE @ chest.as_matrix(), atol=EXACT)


def test_up_in_the_file_is_up_in_the_world_and_nothing_is_mirrored():
    np.testing.assert_array_equal(WORLD_FROM_FILE @ [0, 1, 0], [0, 0, 1])
    assert np.linalg.det(WORLD_FROM_FILE) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ROOT hips", "JOINT hips", "line 2: expected ROOT"),
        ("OFFSET 0 -4 0", "OFFSET 0 -4", "line 8: expected 3 numbers, got '0 -4'"),
        ("CHANNELS 3 Z", "CHANNELS 2 Z", "line 9: expected the number of channels"),
        ("CHANNELS 3 Xrotation", "CHANNELS 3 Xposition", "line 18: .*only the root moves"),
        ("JOINT chest", "JOINT knee", "line 15: .*a second joint 'knee'"),
        ("Frames: 2", "Frames: many", "line 26: expected 1 numbers"),
        ("Frames: 2", "Frames: 3", "line 29: expected another line, got the end of the file"),
        ("Frames: 2", "Frames: 1", "line 29: expected the end after 1 frames"),
        ("Frame Time: 0.02", "Frame Time: 0", "line 27: expected at least one frame above 0 s"),
        ("0 10 0 0 0", "0 10 nan 0 0", "line 28: expected 12 numbers"),
        ("MOTION", "", "expected MOTION"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(written, old, new, message):
    with pytest.raises(InvalidFileError, match=rf"take.bvh, {message}" if "line" in message else message):
        read_bvh(written(BVH.replace(old, new, 1)), metres_per_unit=1.0)


def test_no_file_and_no_text_are_refused(tmp_path):
    with pytest.raises(InvalidFileError, match="no file"):
        read_bvh(tmp_path / "none.bvh", metres_per_unit=1.0)
    (tmp_path / "noise.bvh").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidFileError, match="not a readable text file"):
        read_bvh(tmp_path / "noise.bvh", metres_per_unit=1.0)
