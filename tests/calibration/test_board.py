from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.calibration.board import Board, BoardKind
from mvmono3d.calibration.board_file import read_board, write_board
from mvmono3d.calibration.board_pattern import draw_board, opencv_charuco
from mvmono3d.errors import InvalidFileError, InvalidRecordError, UnknownNameError
from tests.calibration.printed import CHARUCO, CHESSBOARD, GRID

ANIPOSE = """
[calibration]
board_type = "{kind}"
board_size = [8, 11]
board_marker_bits = 4
board_marker_dict_number = 100
board_marker_length = 18.75
board_marker_separation_length = 5
board_square_side_length = 24
"""
OWN = '[board]\nkind = "charuco"\nsquares = [5, 7]\nsquare_mm = 40.0\nmarker_mm = 30.0\ndictionary = "{}"\n'


def written(folder, text):
    path = folder / "board.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("rows", [5, 6])
def test_charuco_corners_lie_where_opencv_says(rows, legacy):
    board = replace(CHARUCO, squares=(7, rows))
    theirs = np.asarray(opencv_charuco(board, legacy_pattern=legacy).getChessboardCorners())
    np.testing.assert_allclose(board.corners_m(), theirs.reshape(-1, 3), atol=1e-7)


@pytest.mark.parametrize("board", [CHARUCO, GRID, CHESSBOARD])
def test_a_board_has_as_many_corners_as_it_counts(board):
    assert board.corners_m().shape == (board.corners, 3)
    assert len(np.unique(board.corners_m(), axis=0)) == board.corners


def test_generations_differ_only_where_rows_are_even():
    odd, even = replace(CHARUCO, squares=(7, 5)), replace(CHARUCO, squares=(7, 6))
    assert odd.generations == (False,)
    assert even.generations == (False, True)
    assert replace(even, legacy_pattern=True).generations == (True,)
    for board, same in ((odd, True), (even, False)):
        drawn = [
            draw_board(replace(board, legacy_pattern=legacy), pixels_per_square=32)
            for legacy in (False, True)
        ]
        assert np.array_equal(drawn[0], drawn[1]) is same


@pytest.mark.parametrize(("squares", "ambiguous"), [((8, 5), False), ((8, 6), True), ((7, 7), True)])
def test_a_chessboard_is_ambiguous_where_half_a_turn_keeps_its_colours(squares, ambiguous):
    board = replace(CHESSBOARD, squares=squares)
    drawn = draw_board(board, pixels_per_square=4)
    assert board.ambiguous is ambiguous is bool(np.array_equal(drawn, drawn[::-1, ::-1]))


@pytest.mark.parametrize("legacy", [None, False, True])
@pytest.mark.parametrize("board", [CHARUCO, GRID, CHESSBOARD])
def test_a_board_is_read_as_it_was_written(board, legacy, tmp_path):
    board = replace(board, legacy_pattern=legacy, inverted=True)
    write_board(tmp_path / "board.toml", board)
    assert read_board(tmp_path / "board.toml") == board


def test_anipose_tables_are_millimetres(tmp_path):
    charuco = read_board(written(tmp_path, ANIPOSE.format(kind="charuco")))
    assert (charuco.kind, charuco.squares) == (BoardKind.CHARUCO, (8, 11))
    assert (charuco.square_m, charuco.marker_m, charuco.dictionary) == (0.024, 0.01875, "DICT_4X4_100")
    assert charuco.legacy_pattern is None
    aruco = read_board(written(tmp_path, ANIPOSE.format(kind="aruco")))
    assert (aruco.kind, aruco.square_m) == (BoardKind.ARUCO_GRID, 0.02375)


def test_anipose_counts_inner_corners_of_a_checkerboard(tmp_path):
    board = read_board(written(tmp_path, ANIPOSE.format(kind="checkerboard")))
    assert (board.kind, board.squares, board.corners) == (BoardKind.CHESSBOARD, (9, 12), 88)


def test_the_boards_of_recordings_are_read(mouse, realdata):
    board = read_board(mouse / "board.toml")
    assert (board.squares, board.square_m, board.dictionary) == ((8, 11), 0.024, "DICT_4X4_1000")
    assert read_board(mouse / "board_checker.toml").kind is BoardKind.CHESSBOARD
    theirs = read_board(realdata / "caliscope_charuco4cam" / "4_cam_recording" / "charuco.toml")
    assert (theirs.squares, theirs.square_m, theirs.inverted) == ((4, 5), 0.054, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no board in it"),
        ("board = ", "not TOML"),
        (OWN.format("DICT_9X9"), "no dictionary 'DICT_9X9'"),
        (OWN.format("DICT_4X4_50").replace("[5, 7]", '"5x7"'), "squares"),
        (OWN.format("DICT_4X4_50").replace("marker_mm = 30.0\n", ""), "no 'marker_mm'"),
        (OWN.format("DICT_4X4_50").replace("30.0", "45.0"), "less than the square"),
        (OWN.format("DICT_4X4_50").replace("40.0", "-1"), "square_mm"),
        (OWN.format("DICT_4X4_50").replace("[5, 7]", "[11, 12]"), "larger dictionary"),
        (OWN.format("DICT_4X4_50") + "side = 3\n", "unknown field 'side'"),
        (OWN.format("DICT_4X4_50").replace("charuco", "circles"), "kind 'circles'"),
        (ANIPOSE.format(kind="dots"), "board_type 'dots'"),
        ("aruco_scale = 0.75\ncolumns = 4\nrows = 5\n", "square_size_override_cm"),
    ],
)
def test_a_broken_board_is_refused_with_file_and_field(text, message, tmp_path):
    path = written(tmp_path, text)
    with pytest.raises(InvalidFileError, match=message) as refusal:
        read_board(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_board_is_refused(tmp_path):
    with pytest.raises(InvalidFileError, match="can't read board"):
        read_board(tmp_path / "none.toml")


def test_impossible_boards_are_refused():
    with pytest.raises(InvalidRecordError, match="at least 3"):
        Board(kind=BoardKind.CHESSBOARD, squares=(2, 5), square_m=0.03)
    with pytest.raises(InvalidRecordError, match="square of"):
        replace(CHESSBOARD, square_m=30.0)
    with pytest.raises(UnknownNameError):
        replace(CHARUCO, dictionary="DICT_5X5_99")
