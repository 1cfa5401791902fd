from dataclasses import replace

import cv2
import numpy as np
import pytest

from mvmono3d.calibration import examine
from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.inputs import InputKind, gather_sightings, look_into
from mvmono3d.calibration.sightings_file import read_sightings, write_sightings
from mvmono3d.errors import InvalidFileError
from tests.calibration.printed import CHARUCO, CHESSBOARD, POSES, SIZE, photograph


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two cameras, three poses; camera `b` lacks pose 12 and keeps its images one level deeper."""
    place = tmp_path_factory.mktemp("images")
    for camera, inner, numbers in (("a", "", (3, 7, 12)), ("b", "calibration_images", (3, 7))):
        (place / camera / inner).mkdir(parents=True)
        for number in numbers:
            picture, _ = photograph(CHARUCO, POSES[number % 4])
            cv2.imwrite(str(place / camera / inner / f"{camera}-2022-{number:03d}.png"), picture)
    return place


def test_files_of_the_same_number_are_one_pose(folder):
    found = gather_sightings(folder, CHARUCO)
    assert found.cameras == ("a", "b")
    assert found.labels == ("3", "7", "12")
    assert found.size_px.tolist() == [list(SIZE)] * 2
    np.testing.assert_array_equal(found.pixels[:2, 0], found.pixels[:2, 1])
    _, pixels = photograph(CHARUCO, POSES[3])
    np.testing.assert_allclose(found.pixels[0, 0], pixels, atol=0.5)


def test_a_camera_that_lacks_a_pose_has_not_seen_it(folder):
    found = gather_sightings(folder, CHARUCO)
    assert found.seen[2, 0].all()
    assert not found.seen[2, 1].any()
    assert not found.pixels[2, 1].any()


def test_processes_change_nothing(folder):
    alone = gather_sightings(folder, CHARUCO, processes=1)
    several = gather_sightings(folder, CHARUCO, processes=2)
    np.testing.assert_array_equal(alone.pixels, several.pixels)


def test_the_cache_returns_the_same_without_looking_again(folder, tmp_path, monkeypatch):
    first = gather_sightings(folder, CHARUCO, cache=tmp_path)
    monkeypatch.setattr(examine, "find_corners", lambda *_: pytest.fail("looked again"))
    second = gather_sightings(folder, CHARUCO, cache=tmp_path)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.seen, second.seen)


def test_another_board_is_looked_for_anew(folder, tmp_path):
    gather_sightings(folder, CHARUCO, cache=tmp_path)
    with pytest.raises(InvalidFileError, match="no corner of the charuco of 7 x 5 found by camera a, b"):
        gather_sightings(folder, replace(CHARUCO, first_id=40), cache=tmp_path)


def test_a_damaged_cache_is_found_anew(folder, tmp_path):
    first = gather_sightings(folder, CHARUCO, cache=tmp_path)
    for kept in tmp_path.rglob("*.npz"):
        kept.write_bytes(b"damaged")
    second = gather_sightings(folder, CHARUCO, cache=tmp_path)
    np.testing.assert_array_equal(first.pixels, second.pixels)


def test_pictures_that_seem_of_another_generation_are_left_out(tmp_path):
    even = replace(CHARUCO, squares=(7, 6))
    for number, legacy in enumerate((True, True, False)):
        (tmp_path / "a").mkdir(exist_ok=True)
        picture, _ = photograph(replace(even, legacy_pattern=legacy), POSES[0])
        cv2.imwrite(str(tmp_path / "a" / f"{number}.png"), picture)
    assert gather_sightings(tmp_path, even).seen.any(axis=-1)[:, 0].tolist() == [True, True, False]


def test_sightings_are_read_as_they_were_written(folder, tmp_path):
    found = gather_sightings(folder, CHARUCO)
    timed = replace(found, time_ns=np.arange(6, dtype=np.int64).reshape(3, 2))
    for written in (found, timed):
        write_sightings(tmp_path / "corners.npz", written)
        read = read_sightings(tmp_path / "corners.npz")
        assert (read.cameras, read.labels) == (written.cameras, written.labels)
        for name in ("size_px", "corners_m", "pixels", "seen"):
            np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
        assert (read.time_ns is None) is (written.time_ns is None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixels": np.zeros((3, 2, 4, 2))}, "pixels"),
        ({"cameras": np.array(["a", "a"])}, "repeat"),
        ({"seen": np.zeros((3, 2), dtype=bool)}, "expected .pose, view, corner"),
        ({"schema": np.array(99)}, "schema version 99"),
        ({"pixels": np.full((3, 2, 24, 2), np.nan)}, "not finite"),
    ],
)
def test_broken_sightings_are_refused_with_file_and_array(folder, tmp_path, change, message):
    path = tmp_path / "corners.npz"
    write_sightings(path, gather_sightings(folder, CHARUCO))
    with np.load(path) as content:
        np.savez(path, **(dict(content) | change))
    with pytest.raises(InvalidFileError, match=message) as refusal:
        read_sightings(path)
    assert str(path) in str(refusal.value)


def test_a_chessboard_that_looks_the_same_upside_down_serves_one_camera_only(tmp_path):
    board = replace(CHESSBOARD, squares=(8, 6))
    picture, _ = photograph(board, POSES[0])
    for camera in ("a", "b"):
        (tmp_path / camera).mkdir()
        cv2.imwrite(str(tmp_path / camera / "1.png"), picture)
    with pytest.raises(InvalidFileError, match="ChArUco"):
        gather_sightings(tmp_path, board)
    (tmp_path / "b" / "1.png").unlink()
    assert gather_sightings(tmp_path, board).seen.all()


def test_images_are_found_by_a_pattern(folder):
    found = look_into(folder, pattern="calibration_images/*.png")
    assert found.kind is InputKind.IMAGES
    assert {name: sorted(images) for name, images in found.images.items()} == {"b": [3, 7]}
    assert [file.name for file in found.files] == ["b-2022-003.png", "b-2022-007.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "no images"),
        (("a/first.png",), "no number in the name"),
        (("a/x1.png", "a/y01.png"), "same number 1"),
        (("a/one/1.png", "a/two/1.png"), "say which with a pattern"),
        (("a/1.png",), "not a readable image"),
    ],
)
def test_unclear_folders_are_refused(names, message, tmp_path):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InvalidFileError, match=message) as refusal:
        gather_sightings(tmp_path, CHARUCO)
    assert "\n" not in str(refusal.value)


def test_images_of_two_sizes_of_one_camera_are_refused(tmp_path):
    (tmp_path / "a").mkdir()
    picture, _ = photograph(CHARUCO, POSES[0])
    cv2.imwrite(str(tmp_path / "a" / "1.png"), picture)
    cv2.imwrite(str(tmp_path / "a" / "2.png"), picture[:-2])
    with pytest.raises(InvalidFileError, match="640 x 510 px"):
        gather_sightings(tmp_path, CHARUCO)


@pytest.mark.slow
def test_the_board_of_the_mouse_rig_is_found_nearly_whole(mouse):
    found = gather_sightings(mouse, read_board(mouse / "board.toml"), processes=1)
    assert found.cameras == ("back", "mid", "side", "top")
    assert len(found.labels) == 14
    assert found.seen.sum(axis=-1).mean() > 65
