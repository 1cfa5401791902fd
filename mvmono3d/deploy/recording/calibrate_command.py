"""Calibrate cameras from pictures of a board: a rig, a report, or the reasons why there is none.

IMAGES_OR_VIDEOS is a folder with one subfolder of images per camera (files that end in the same number
are one pose of the board), a folder with one video per camera, a .npz of saved corners, or a recording
(`mvmono3d record --calibration`), whose corners are kept beside the rig as NAME.corners.npz. Where a check
refuses, no rig is written and the exit code is 1; what only warns is said beside the rig.
"""

import argparse
from pathlib import Path

from mvmono3d.calibration import calibrate_command as command
from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.sightings_file import write_sightings
from mvmono3d.deploy.recording.open_command import add_identity, opened
from mvmono3d.errors import InvalidFileError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    command.add_arguments(parser)
    add_identity(parser)


def run(arguments: argparse.Namespace) -> int:
    """Calibrate; the board in a recording is looked for here, everything else below."""
    if not (arguments.path / "recording.toml").is_file():
        return command.run(arguments)
    if arguments.board is None:
        raise InvalidFileError(f"{arguments.path}: a recording needs a board file: --board board.toml")
    # Pictures need none of the packages that recordings do.
    from mvmono3d.deploy.recording.board_frames import sightings_from_recording

    found = sightings_from_recording(
        opened(arguments.path, arguments.identity),
        read_board(arguments.board),
        most_frames=arguments.frames,
        threads=arguments.processes,
    )
    corners: Path = arguments.save_corners or arguments.out.with_suffix(".corners.npz")
    write_sightings(corners, found)
    return command.run(argparse.Namespace(**vars(arguments) | {"path": corners, "save_corners": None}))
