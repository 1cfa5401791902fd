"""How commands are told of a recording that may be encrypted."""

import argparse
from pathlib import Path
from typing import Any

from mvmono3d.errors import MissingDependencyError


def add_identity(parser: argparse.ArgumentParser) -> None:
    """Declare `--identity`."""
    parser.add_argument(
        "--identity", type=Path, metavar="FILE", help="age identity of an encrypted recording"
    )


def opened(folder: Path, identity: Path | None) -> Any:
    """Open a `Recording`; raises `MissingDependencyError` where its packages are not installed."""
    try:
        from mvmono3d.deploy.recording.reader import open_recording
        from mvmono3d.deploy.recording.seal import read_identity
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"recordings need {error.name}, which is not installed: pip install 'mvmono3d[rig]'"
        ) from None
    return open_recording(folder, identity=None if identity is None else read_identity(identity))
