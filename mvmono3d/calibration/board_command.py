"""Print a calibration board in its true size.

BOARD.toml says what is on it; lengths are millimetres. Boards of anipose, sleap-anipose and caliscope are
read too. Print the PDF at 100 %, check the ruler on it, and write what you measured into BOARD.toml.
"""

import argparse
import sys
from pathlib import Path

from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.board_sheet import PAPERS_MM, describe, write_sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "board", type=Path, metavar="BOARD", help="a board.toml, also of anipose or caliscope"
    )
    parser.add_argument("--pdf", type=Path, required=True, metavar="OUT.pdf", help="the file to print")
    parser.add_argument(
        "--paper", metavar="NAME", help=f"{', '.join(PAPERS_MM)}; default: the smallest that holds it"
    )


def run(arguments: argparse.Namespace) -> int:
    """Read the board, write the sheet."""
    board = read_board(arguments.board)
    paper = write_sheet(arguments.pdf, board, paper=arguments.paper)
    sys.stdout.write(f"wrote {arguments.pdf}: {describe(board)}, on {paper}\n")
    return 0
