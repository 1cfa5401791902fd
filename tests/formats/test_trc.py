import numpy as np
import pytest

from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.trc import Markers, read_trc, write_trc


@pytest.fixture
def markers():
    generator = np.random.default_rng(0)
    present = generator.random((6, 3)) < 0.7
    points = np.where(present[..., None], generator.normal(size=(6, 3, 3)), 0.0)
    return Markers(
        names=("hip", "knee", "heel"),
        points_world=points,
        present=present,
        time_s=np.arange(6) / 120,
        rate_hz=120.0,
    )


def test_writing_then_reading_is_identity_to_ten_nanometres(tmp_path, markers):
    write_trc(tmp_path / "a.trc", markers)
    back = read_trc(tmp_path / "a.trc")
    assert back.names == markers.names
    assert back.rate_hz == 120
    np.testing.assert_array_equal(back.present, markers.present)
    np.testing.assert_allclose(back.points_world, markers.points_world, atol=1e-8)
    np.testing.assert_allclose(back.time_s, markers.time_s, atol=1e-9)


def test_up_is_the_second_axis_of_the_file(tmp_path):
    up = Markers(
        names=("top",),
        points_world=np.array([[[0.0, 0.0, 1.0]]]),
        present=np.array([[True]]),
        time_s=np.zeros(1),
        rate_hz=60.0,
    )
    write_trc(tmp_path / "a.trc", up)
    assert (tmp_path / "a.trc").read_text().splitlines()[-1].split("\t")[2:] == [
        "0.00000",
        "1000.00000",
        "0.00000",
    ]


def test_metres_are_read_by_their_header(tmp_path, markers):
    write_trc(tmp_path / "a.trc", markers)
    text = (tmp_path / "a.trc").read_text().replace("\tmm\t", "\tm\t")
    (tmp_path / "a.trc").write_text(text)
    np.testing.assert_allclose(
        read_trc(tmp_path / "a.trc").points_world, markers.points_world * 1e3, atol=1e-4
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("PathFileType", "Something", "not a TRC file"),
        ("\tmm\t", "\tinch\t", "bad TRC header at 'inch'"),
        ("\t3\tmm", "\t4\tmm", "3 marker names, but NumMarkers is 4"),
        ("0.008333333", "soon", "data row 2"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, markers, old, new, message):
    write_trc(tmp_path / "a.trc", markers)
    text = (tmp_path / "a.trc").read_text()
    assert old in text
    (tmp_path / "a.trc").write_text(text.replace(old, new))
    with pytest.raises(InvalidFileError, match=message):
        read_trc(tmp_path / "a.trc")
