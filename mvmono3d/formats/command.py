"""Turn 3D joints from one file format into another.

IN is a reconstruction or trajectory .npz, or a .trc of any tool; OUT is .trc (millimetres, +Y up, for
OpenSim), .csv (metres, +Z up) or .npz. From .trc to .npz the markers are matched to joints by name.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from mvmono3d.core.npz import read_npz
from mvmono3d.core.reconstruction_file import write_trajectory
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource, Trajectory
from mvmono3d.errors import InvalidFileError, UnknownNameError
from mvmono3d.formats.points_csv import write_points_csv
from mvmono3d.formats.trc import Markers, read_trc, write_trc

_ARRAYS = ("points_world", "covariance_world", "source", "time_ns", "joints")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("input", type=Path, metavar="IN", help="a .npz or .trc with 3D joints")
    parser.add_argument("output", type=Path, metavar="OUT", help="a .trc, .csv or .npz to write")
    parser.add_argument("--skeleton", metavar="NAME|YAML", help="needed from .trc to .npz: whose joints")


def run(arguments: argparse.Namespace) -> int:
    """Read one file, write the other."""
    source, target, skeleton = arguments.input, arguments.output, arguments.skeleton
    if (source.suffix, target.suffix) == (".trc", ".npz"):
        if skeleton is None:
            raise InvalidFileError(f"{source}: markers belong to no skeleton: say --skeleton NAME or YAML")
        chosen = load_skeleton(skeleton)
        write_trajectory(target, _trajectory(read_trc(source), chosen, source), chosen)
    elif source.suffix == ".npz" and target.suffix in {".trc", ".csv"}:
        trajectory, joints = _read(source)
        if target.suffix == ".csv":
            write_points_csv(target, trajectory, joints=joints)
        else:
            write_trc(target, _markers(trajectory, joints))
    else:
        raise InvalidFileError(
            f"no conversion from {source.name!r} to {target.name!r}; "
            "expected .npz to .trc or .csv, or .trc to .npz"
        )
    sys.stdout.write(f"wrote {target}\n")
    return 0


def _read(path: Path) -> tuple[Trajectory, tuple[str, ...]]:
    arrays = read_npz(path, required=_ARRAYS)
    joints = tuple(str(name) for name in arrays["joints"])
    trajectory = Trajectory(
        points_world=arrays["points_world"],
        covariance_world=arrays["covariance_world"],
        source=arrays["source"],
        time_ns=arrays["time_ns"],
    )
    return trajectory, joints


def _markers(trajectory: Trajectory, joints: tuple[str, ...]) -> Markers:
    time_s = (np.asarray(trajectory.time_ns) - trajectory.time_ns[0]) * 1e-9
    step = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0
    return Markers(
        names=joints,
        points_world=np.asarray(trajectory.points_world, dtype=np.float64),
        present=np.asarray(trajectory.source) != PointSource.MISSING,
        time_s=time_s,
        rate_hz=round(1.0 / step, 6),
    )


def _trajectory(markers: Markers, skeleton: Skeleton, path: Path) -> Trajectory:
    missing = [joint for joint in skeleton.joints if joint not in markers.names]
    if missing:
        raise UnknownNameError(
            f"{path}: no marker {', '.join(missing)} of skeleton {skeleton.name!r}; "
            f"the file has {', '.join(markers.names)}"
        )
    order = [markers.names.index(joint) for joint in skeleton.joints]
    present = markers.present[:, order]
    return Trajectory(
        points_world=markers.points_world[:, order],
        covariance_world=np.zeros((*present.shape, 3, 3)),
        source=np.where(present, PointSource.MEASURED, PointSource.MISSING).astype(np.int64),
        time_ns=np.round(markers.time_s * 1e9).astype(np.int64),
    )
