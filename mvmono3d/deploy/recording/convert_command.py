"""Turn 3D joints from one file format into another, or a recording into pictures.

IN is a reconstruction or trajectory .npz, or a .trc of any tool; OUT is .trc (millimetres, +Y up, for
OpenSim), .csv (metres, +Z up) or .npz. From .trc to .npz the markers are matched to joints by name.
Where IN is the folder of a recording, OUT is a new folder: a PNG for every frame, and frames.csv.
"""

import argparse
import sys
from pathlib import Path

from mvmono3d.errors import MissingDependencyError
from mvmono3d.formats import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    command.add_arguments(parser)
    parser.add_argument(
        "--identity", type=Path, metavar="FILE", help="age identity of an encrypted recording"
    )


def run(arguments: argparse.Namespace) -> int:
    """Read one, write the other."""
    if not arguments.input.is_dir():
        return command.run(arguments)
    # Joints need none of the packages that recordings do.
    try:
        from mvmono3d.deploy.recording.pictures import write_pictures
        from mvmono3d.deploy.recording.reader import open_recording
        from mvmono3d.deploy.recording.seal import read_identity
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"recordings need {error.name}, which is not installed: pip install 'mvmono3d[rig]'"
        ) from None
    identity = None if arguments.identity is None else read_identity(arguments.identity)
    recording = open_recording(arguments.input, identity=identity)
    written = write_pictures(recording, arguments.output)
    sys.stdout.write(f"wrote {arguments.output}: {written} pictures\n")
    return 0
