"""A board as a PDF in its true size, with its specification and a ruler to check the printer."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from mvmono3d.calibration.board import Board, BoardKind
from mvmono3d.calibration.board_cells import dark_cells
from mvmono3d.core.schema import atomic_write
from mvmono3d.errors import InvalidFileError, unknown_name

PAPERS_MM = {"A4": (210, 297), "A3": (297, 420), "A2": (420, 594), "A1": (594, 841), "A0": (841, 1189)}
MARGIN_MM = 10.0
FOOTER_MM = 24.0
RULER_MM = 100.0
_MM_PER_INCH = 25.4


def write_sheet(path: Path, board: Board, *, paper: str | None = None) -> str:
    """Write the PDF and return the paper's name; a two-sided board has its back on a second page.

    Without `paper` the smallest that holds the board is taken. Raises `InvalidFileError` where it does
    not fit.
    """
    name, size = _paper(board, paper, path)
    pages = [draw_sheet(board, size_mm=size, paper=name, back=False)]
    if board.two_sided:
        pages.append(draw_sheet(board, size_mm=size, paper=name, back=True))
    # Without a date the same board is the same file.
    with atomic_write(path) as file, PdfPages(file, metadata={"CreationDate": None}) as pdf:
        for page in pages:
            pdf.savefig(page)
    return name


def draw_sheet(board: Board, *, size_mm: tuple[float, float], paper: str, back: bool = False) -> Figure:
    """Draw one page, whose data coordinates are millimetres from its upper left corner."""
    width, height = size_mm
    figure = Figure(figsize=(width / _MM_PER_INCH, height / _MM_PER_INCH), facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0.0, width)
    axes.set_ylim(height, 0.0)
    _draw_pattern(axes, board, size_mm, back)
    _draw_footer(axes, board, size_mm, f"{paper}, back" if back else paper)
    return figure


def pattern_corner_mm(board: Board, size_mm: tuple[float, float]) -> tuple[float, float]:
    """Return the pattern's upper left corner on the page; centred, so front and back lie on each other."""
    pattern_width, pattern_height = _pattern_mm(board)
    free = size_mm[1] - FOOTER_MM - pattern_height
    return (size_mm[0] - pattern_width) / 2.0, max(MARGIN_MM + _border_mm(board), free / 2.0)


def _draw_pattern(axes: Axes, board: Board, size_mm: tuple[float, float], back: bool) -> None:
    left, top = pattern_corner_mm(board, size_mm)
    width, height = _pattern_mm(board)
    x, y, wide, high = (dark_cells(board) * 1e3).T
    if back:
        x = board.squares[0] * board.square_m * 1e3 - x - wide
        left = size_mm[0] - left - board.squares[0] * board.square_m * 1e3
    if board.inverted:
        border = _border_mm(board)
        frame = (left - border, top - border), width + 2 * border, height + 2 * border
        axes.add_patch(Rectangle(*frame, facecolor="black", linewidth=0, snap=False))
    x, y = x + left, y + top
    corners = np.stack([x, y, x + wide, y, x + wide, y + high, x, y + high, x, y], axis=-1).reshape(-1, 2)
    codes = [Outline.MOVETO, *[Outline.LINETO] * 3, Outline.CLOSEPOLY] * len(x)
    colour = "white" if board.inverted else "black"
    # One outline, so that no seams show between touching parts.
    axes.add_patch(PathPatch(Outline(corners, codes), facecolor=colour, linewidth=0, snap=False))


def _draw_footer(axes: Axes, board: Board, size_mm: tuple[float, float], paper: str) -> None:
    left, base = (size_mm[0] - RULER_MM) / 2.0, size_mm[1] - MARGIN_MM
    axes.plot([left, left + RULER_MM], [base, base], color="black", linewidth=0.5)
    for step in range(11):
        place = left + step * RULER_MM / 10.0
        axes.plot(
            [place, place], [base, base - (3.0 if step % 5 == 0 else 2.0)], color="black", linewidth=0.5
        )
    lines = [
        describe(board),
        f"{paper}. Print at 100 %, not fitted to the page: the ruler is {RULER_MM:.0f} mm long. "
        "Measure the squares and write what you measured.",
    ]
    for row, text in enumerate(lines):
        axes.text(size_mm[0] / 2.0, base - 10.0 + 4.0 * row, text, fontsize=7, ha="center", va="baseline")


def describe(board: Board) -> str:
    """Return the board's specification in one line."""
    columns, rows = board.squares
    words = [f"{board.kind} {columns} x {rows}", f"square {board.square_m * 1e3:g} mm"]
    if board.kind is not BoardKind.CHESSBOARD:
        last = board.first_id + board.markers - 1
        words += [f"marker {board.marker_m * 1e3:g} mm", f"{board.dictionary} {board.first_id} to {last}"]
    words += ["legacy pattern"] * bool(board.legacy_pattern) + ["inverted"] * board.inverted
    return ", ".join(words + ["two-sided"] * board.two_sided)


def _pattern_mm(board: Board) -> tuple[float, float]:
    gap = board.square_m - board.marker_m if board.kind is BoardKind.ARUCO_GRID else 0.0
    columns, rows = board.squares
    return (columns * board.square_m - gap) * 1e3, (rows * board.square_m - gap) * 1e3


def _border_mm(board: Board) -> float:
    """Return the plain border round the pattern, without which markers at the edge aren't found."""
    return max(3.0, 0.25 * board.square_m * 1e3)


def _paper(board: Board, paper: str | None, path: Path) -> tuple[str, tuple[float, float]]:
    if paper is not None and paper not in PAPERS_MM:
        raise unknown_name("paper", paper, PAPERS_MM)
    border = 2 * (MARGIN_MM + _border_mm(board))
    needed = np.array(_pattern_mm(board)) + np.array([border, border + FOOTER_MM])
    for name in PAPERS_MM if paper is None else [paper]:
        short, long = PAPERS_MM[name]
        for size in ((short, long), (long, short)):
            if (needed <= size).all():
                return name, (float(size[0]), float(size[1]))
    asked = paper or "A0"
    raise InvalidFileError(
        f"{path}: the board with its margins needs {needed[0]:.0f} x {needed[1]:.0f} mm, more than {asked}; "
        "take a larger paper or smaller squares"
    )
