"""Turn 3D joints from one file format into another, or a recording into pictures.

IN is a reconstruction or trajectory .npz, or a .trc of any tool; OUT is .trc (millimetres, +Y up, for
OpenSim), .csv (metres, +Z up) or .npz. From .trc to .npz the markers are matched to joints by name.
Where IN is the folder of a recording, OUT is a new folder: a PNG for every frame, or with --video a lossless
video per camera, and frames.csv. A recording's joints go to a .trc.
"""

import argparse
import sys
from pathlib import Path

from mvmono3d.deploy.recording.open_command import add_identity, opened
from mvmono3d.formats import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    command.add_arguments(parser)
    add_identity(parser)
    parser.add_argument(
        "--video", action="store_true", help="of a recording: FFV1 in Matroska instead of PNG, lossless too"
    )


def run(arguments: argparse.Namespace) -> int:
    """Read one, write the other."""
    if not arguments.input.is_dir():
        return command.run(arguments)
    recording = opened(arguments.input, arguments.identity)
    # Joints need none of the packages that recordings do.
    from mvmono3d.deploy.recording.joints_file import write_joints
    from mvmono3d.deploy.recording.pictures import write_pictures
    from mvmono3d.deploy.recording.videos import write_videos

    output: Path = arguments.output
    files = (output,)
    if output.suffix == ".trc":
        answers, files = write_joints(recording, output)
        written = f"{answers} sets of joints"
    elif arguments.video:
        written = f"{write_videos(recording, output)} frames in {len(recording.cameras)} videos"
    else:
        written = f"{write_pictures(recording, output)} pictures"
    sys.stdout.write(f"wrote {', '.join(map(str, files))}: {written}\n")
    return 0
