from dataclasses import replace

import cv2
import numpy as np
import pytest

from mvmono3d.calibration.detect import find_corners
from tests.calibration.printed import CHARUCO, CHESSBOARD, GRID, POSES, photograph

BOARDS = {
    "charuco": CHARUCO,
    "numbered from 7": replace(CHARUCO, first_id=7),
    "new": replace(CHARUCO, squares=(7, 6), legacy_pattern=False),
    "legacy": replace(CHARUCO, squares=(7, 6), legacy_pattern=True),
    "inverted": replace(CHARUCO, inverted=True),
    "aruco grid": GRID,
    "inverted grid": replace(GRID, inverted=True),
    "chessboard": CHESSBOARD,
}


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("name", BOARDS)
def test_corners_are_found_where_they_were_drawn(name, pose):
    picture, pixels = photograph(BOARDS[name], pose)
    found = find_corners(picture, BOARDS[name])
    assert len(found.numbers) == BOARDS[name].corners
    error_px = np.linalg.norm(found.pixels - pixels[found.numbers], axis=-1)
    assert error_px.mean() < 0.1
    assert error_px.max() < 0.5


@pytest.mark.parametrize("legacy", [False, True])
def test_an_open_generation_is_found_from_the_picture(legacy):
    board = replace(CHARUCO, squares=(7, 6))
    picture, pixels = photograph(replace(board, legacy_pattern=legacy), POSES[1])
    found = find_corners(picture, board)
    assert found.legacy_pattern is legacy
    assert np.abs(found.pixels - pixels[found.numbers]).max() < 0.5


@pytest.mark.parametrize("legacy", [False, True])
def test_the_wrong_generation_finds_nothing(legacy):
    board = replace(CHARUCO, squares=(7, 6), legacy_pattern=legacy)
    picture, _ = photograph(board, POSES[1])
    assert len(find_corners(picture, replace(board, legacy_pattern=not legacy)).numbers) == 0


def test_a_mirrored_board_is_not_found():
    picture, _ = photograph(CHARUCO, POSES[1])
    assert len(find_corners(np.ascontiguousarray(picture[:, ::-1]), CHARUCO).numbers) == 0


def test_the_back_of_a_two_sided_board_has_the_same_corners():
    board = replace(CHARUCO, two_sided=True)
    picture, pixels = photograph(board, POSES[1])
    found = find_corners(np.ascontiguousarray(picture[:, ::-1]), board)
    assert len(found.numbers) == board.corners
    through = picture.shape[1] - 1 - pixels[found.numbers, 0]
    assert np.abs(found.pixels[:, 0] - through).max() < 0.5


def test_turning_the_picture_turns_the_corners():
    for board in (CHARUCO, CHESSBOARD):
        picture, _ = photograph(board, POSES[1])
        found = find_corners(picture, board)
        turned = find_corners(cv2.rotate(picture, cv2.ROTATE_180), board)
        height, width = picture.shape
        np.testing.assert_array_equal(turned.numbers, found.numbers)
        back = np.array([width - 1, height - 1]) - turned.pixels
        np.testing.assert_allclose(back, found.pixels, atol=0.1)


def test_a_part_of_a_charuco_board_keeps_its_numbers():
    picture, pixels = photograph(CHARUCO, POSES[1])
    picture[:, : picture.shape[1] // 2] = 128
    found = find_corners(picture, CHARUCO)
    assert 4 <= len(found.numbers) < CHARUCO.corners
    assert np.abs(found.pixels - pixels[found.numbers]).max() < 0.5


@pytest.mark.parametrize("board", [CHARUCO, GRID, CHESSBOARD])
def test_nothing_is_found_in_a_picture_without_a_board(board):
    noise = np.random.default_rng(0).integers(0, 255, (200, 300), dtype=np.uint8)
    for picture in (noise, np.zeros_like(noise)):
        found = find_corners(picture, board)
        assert found.numbers.shape == (0,)
        assert found.pixels.shape == (0, 2)


def test_a_marker_seen_twice_is_not_trusted():
    picture, _ = photograph(GRID, POSES[0])
    twice = np.concatenate([picture, picture])
    assert len(find_corners(twice, GRID).numbers) == 0


def test_another_boards_markers_are_left_out():
    picture, _ = photograph(replace(GRID, first_id=40), POSES[0])
    assert len(find_corners(picture, GRID).numbers) == 0


def test_markers_of_any_blur_keep_their_corners():
    picture, pixels = photograph(GRID, POSES[2])
    for sigma_px in (0.5, 1.0, 1.5):
        found = find_corners(cv2.GaussianBlur(picture, (0, 0), sigma_px), GRID)
        assert np.linalg.norm(found.pixels - pixels[found.numbers], axis=-1).mean() < 0.1
