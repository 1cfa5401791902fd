import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mvmono3d.calibration.board_cells import dark_cells
from mvmono3d.calibration.board_file import write_board
from mvmono3d.calibration.board_pattern import draw_board
from mvmono3d.calibration.board_sheet import PAPERS_MM, draw_sheet, pattern_corner_mm, write_sheet
from mvmono3d.calibration.detect import find_corners
from mvmono3d.cli import main
from mvmono3d.errors import InvalidFileError, UnknownNameError
from tests.calibration.printed import CHARUCO, CHESSBOARD, GRID

A4 = (297.0, 210.0)
DPI = 127.0
PX_PER_MM = DPI / 25.4
# 56 pixels a square: 7 bits and borders of a marker are 6 pixels each, its inset 7.
WHOLE = replace(CHARUCO, square_m=0.056, marker_m=0.042)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "board",
    [WHOLE, replace(WHOLE, squares=(6, 6)), replace(GRID, square_m=0.056, marker_m=0.042), CHESSBOARD],
)
def test_cells_are_what_opencv_draws(board, legacy):
    board = replace(board, legacy_pattern=legacy)
    side = round(board.square_m * 1e3)
    drawn = draw_board(board, pixels_per_square=side)
    cells = np.full_like(drawn, 255)
    for x, y, width, height in np.rint(dark_cells(board) * 1e3).astype(int):
        cells[y : y + height, x : x + width] = 0
    np.testing.assert_array_equal(cells, drawn)


def rendered(board, *, back=False):
    canvas = FigureCanvasAgg(draw_sheet(board, size_mm=A4, paper="A4", back=back))
    canvas.figure.set_dpi(DPI)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., 0].copy()


@pytest.mark.parametrize(
    "board",
    [
        CHARUCO,
        replace(CHARUCO, inverted=True),
        replace(CHARUCO, squares=(7, 4), legacy_pattern=True),
        CHESSBOARD,
    ],
)
def test_corners_lie_on_the_page_at_their_true_millimetres(board):
    found = find_corners(rendered(board), board)
    assert len(found.numbers) == board.corners
    page_mm = (found.pixels + 0.5) / PX_PER_MM
    expected = board.corners_m()[found.numbers, :2] * 1e3 + pattern_corner_mm(board, A4)
    np.testing.assert_allclose(page_mm, expected, atol=0.03)


def test_the_back_of_a_sheet_has_each_corner_behind_itself():
    board = replace(CHARUCO, two_sided=True)
    front, back = (find_corners(rendered(board, back=side), board) for side in (False, True))
    np.testing.assert_array_equal(front.numbers, back.numbers)
    through = np.stack([A4[0] * PX_PER_MM - 1.0 - back.pixels[:, 0], back.pixels[:, 1]], axis=-1)
    np.testing.assert_allclose(through, front.pixels, atol=0.5)


def test_the_pdf_has_the_papers_size(tmp_path):
    path = tmp_path / "board.pdf"
    assert write_sheet(path, CHARUCO, paper="A3") == "A3"
    boxes = re.findall(rb"/MediaBox \[ ?([\d. ]+) ?\]", path.read_bytes())
    assert len(boxes) == 1
    sizes = [float(value) / 72 * 25.4 for value in boxes[0].split()[2:]]
    np.testing.assert_allclose(sorted(sizes), PAPERS_MM["A3"], atol=0.01)


def test_a_two_sided_board_has_two_pages(tmp_path):
    write_sheet(tmp_path / "board.pdf", replace(CHARUCO, two_sided=True))
    assert (tmp_path / "board.pdf").read_bytes().count(b"/MediaBox") == 2


def test_the_same_board_is_the_same_file(tmp_path):
    for name in ("one.pdf", "two.pdf"):
        write_sheet(tmp_path / name, CHARUCO)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_the_smallest_paper_is_taken(tmp_path):
    for square_m, paper in ((0.03, "A4"), (0.04, "A3"), (0.06, "A2")):
        board = replace(CHARUCO, square_m=square_m)
        assert write_sheet(tmp_path / "board.pdf", board) == paper


def test_a_board_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(InvalidFileError, match="more than A4"):
        write_sheet(tmp_path / "board.pdf", replace(CHARUCO, square_m=0.06), paper="A4")
    with pytest.raises(InvalidFileError, match="more than A0"):
        write_sheet(tmp_path / "board.pdf", replace(CHARUCO, square_m=0.6))
    with pytest.raises(UnknownNameError, match="no paper 'A9'"):
        write_sheet(tmp_path / "board.pdf", CHARUCO, paper="A9")
    assert not (tmp_path / "board.pdf").exists()


def test_the_command_prints_a_board(tmp_path, capsys):
    write_board(tmp_path / "board.toml", CHARUCO)
    assert main(["board", str(tmp_path / "board.toml"), "--pdf", str(tmp_path / "out.pdf")]) == 0
    assert (
        "charuco 7 x 5, square 30 mm, marker 22.5 mm, DICT_5X5_100 0 to 16, on A4" in capsys.readouterr().out
    )
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF")
