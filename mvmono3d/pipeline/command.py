"""Turn the 2D joints of a recording, whatever tool wrote them, into 3D joints with covariance.

DETECTIONS is a detections .npz, a folder with one folder of OpenPose .json files per camera, or a folder
with one SLEAP .h5 or DeepLabCut .csv file per camera. RIG is a calibration: a rig.toml (also anipose's and
Pose2Sim's), Kalibr's camchain.yaml, OpenCV's .yml, or a folder of COLMAP or EasyMocap. The result is a
reconstruction .npz; `mvmono3d convert` turns it into TRC or CSV.

Where the files hold several people, all are told apart and reconstructed: OUT.npz becomes OUT_person0.npz,
OUT_person1.npz and so on, and OUT_detections.npz says who is who in every view. --person N takes what stands
at place N of every file instead.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from mvmono3d.association.people import Person, read_people
from mvmono3d.core.detections_file import Detections, write_people
from mvmono3d.core.observations import Observations
from mvmono3d.core.reconstruction_file import write_reconstruction
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import METRES_PER_UNIT
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import PointSource, Reconstruction
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.recording import read_plausible_rig
from mvmono3d.formats.rig_scale import check_actor_scale
from mvmono3d.pipeline.classical import reconstruct_dlt, reconstruct_robust
from mvmono3d.pipeline.leave_one_out import leave_one_view_out
from mvmono3d.pipeline.report import make_report, print_report

Reconstruct = Callable[[Observations], Reconstruction]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("detections", type=Path, metavar="DETECTIONS", help="2D joints: see above")
    parser.add_argument("--rig", type=Path, required=True, metavar="RIG", help="the cameras' calibration")
    parser.add_argument("--out", type=Path, required=True, metavar="NPZ", help="where the result goes")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--bundle", type=Path, metavar="DIR", help="an exported model")
    how.add_argument("--method", choices=("dlt", "robust"), help="a classical method")
    how.add_argument("--offline", action="store_true", help="smooth over the whole take, with bone lengths")
    parser.add_argument("--skeleton", metavar="NAME|YAML", help="joints and bones (default: what fits)")
    parser.add_argument("--units", choices=tuple(METRES_PER_UNIT), default="m", help="of the rig file")
    parser.add_argument("--person", type=int, metavar="N", help="only the one at this place in the files")
    parser.add_argument(
        "--rate", type=_positive, default=60.0, metavar="HZ", help="of files without times (default: 60)"
    )
    parser.add_argument("--plot", type=Path, metavar="DIR", help="write reprojection.png and skeleton.png")


def run(arguments: argparse.Namespace) -> int:
    """Read, reconstruct, write, report."""
    if arguments.out.suffix != ".npz":
        raise InvalidFileError(f"--out {arguments.out}: expected a file name that ends in .npz")
    people = read_people(
        arguments.detections,
        read_plausible_rig(arguments.rig, units=arguments.units),
        skeleton=arguments.skeleton,
        person=arguments.person,
        rate_hz=arguments.rate,
    )
    console = Console(highlight=False, soft_wrap=True)
    jobs = [_job(person, arguments) for person in people]
    if len(jobs) > 1 or people[0].name:
        _say_who(people, arguments, console)
    for job in jobs:
        _reconstruct(job, arguments, console)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One person to reconstruct, and where the results go."""

    person: Person
    out: Path
    plot: Path | None


def _job(person: Person, arguments: argparse.Namespace) -> _Job:
    out, plot = arguments.out, arguments.plot
    if person.name:
        out = out.with_name(f"{out.stem}_{person.name}.npz")
        plot = plot / person.name if plot is not None else None
    return _Job(person=person, out=out, plot=plot)


def _say_who(people: tuple[Person, ...], arguments: argparse.Namespace, console: Console) -> None:
    path = arguments.out.with_name(f"{arguments.out.stem}_detections.npz")
    names = [person.name for person in people]
    write_people(path, [person.recording.detections for person in people], names=names)
    console.print(f"{len(people)} people: {', '.join(names)}; wrote who is who to {path}")


def _reconstruct(job: _Job, arguments: argparse.Namespace, console: Console) -> None:
    detections, rig, skeleton = job.person.recording
    if job.person.name:
        console.print(f"\n{job.person.name}", style="bold")
    reconstruct, said = _method(arguments, rig, skeleton)
    result = reconstruct(detections.observations)
    present = np.asarray(result.trajectory.source) != PointSource.MISSING
    check_actor_scale(np.asarray(result.trajectory.points_world), present, where=f"rig {arguments.rig}")
    write_reconstruction(job.out, result, skeleton)
    console.print(said)
    _print_report(result, detections, rig, skeleton, console=console, arguments=arguments)
    if job.plot is not None:
        _plot(job.plot, result, detections, skeleton)
        console.print(f"wrote {job.plot / 'reprojection.png'} and {job.plot / 'skeleton.png'}")
    console.print(f"wrote {job.out}")


def _method(arguments: argparse.Namespace, rig: Rig, skeleton: Skeleton) -> tuple[Reconstruct, str]:
    if arguments.bundle is not None:
        return _with_bundle(arguments.bundle, rig, skeleton), f"bundle {arguments.bundle}"
    if arguments.offline:
        from mvmono3d.pipeline.smoother import reconstruct_map

        return lambda seen: reconstruct_map(seen, rig, skeleton), "offline smoothing with bone lengths"
    if arguments.method == "dlt":
        return lambda seen: reconstruct_dlt(seen, rig, skeleton), "confidence-weighted DLT"
    if arguments.method == "robust":
        return _robust(rig, skeleton), "robust triangulation"
    from mvmono3d.deploy.released import most_views, released_bundle

    released = released_bundle(skeleton)
    if released is None:
        said = "robust triangulation (no released bundle for this skeleton: --bundle DIR chooses one)"
        return _robust(rig, skeleton), said
    if len(rig.names) > most_views(released):
        said = f"robust triangulation (the released bundle takes {most_views(released)} cameras)"
        return _robust(rig, skeleton), said
    return _with_bundle(released, rig, skeleton), f"released bundle {released.name}"


def _robust(rig: Rig, skeleton: Skeleton) -> Reconstruct:
    return lambda seen: reconstruct_robust(seen, rig, skeleton)


def _with_bundle(folder: Path, rig: Rig, skeleton: Skeleton) -> Reconstruct:
    from mvmono3d.deploy.reconstruct import reconstruct_with_bundle

    return lambda seen: reconstruct_with_bundle(folder, seen, rig=rig, skeleton=skeleton)


def _print_report(
    result: Reconstruction,
    detections: Detections,
    rig: Rig,
    skeleton: Skeleton,
    *,
    console: Console,
    arguments: argparse.Namespace,
) -> None:
    observations = detections.observations
    left_out = None
    if len(rig.names) > 2:
        predict = _predictor(arguments, observations, rig, skeleton)
        left_out = leave_one_view_out(observations, rig, reconstruct=predict)
    report = make_report(result, observations, skeleton=skeleton, names=rig.names, left_out=left_out)
    print_report(report, console)


def _predictor(
    arguments: argparse.Namespace, observations: Observations, rig: Rig, skeleton: Skeleton
) -> Reconstruct:
    """Return the classical method that predicts cameras left out: fast, whichever method answers."""
    if arguments.method == "dlt":
        return lambda seen: reconstruct_dlt(seen, rig, skeleton)
    from mvmono3d.pipeline.consensus import triangulate_consensus

    # Two cameras can't tell their own noise; all of them can.
    _, sigma_px = triangulate_consensus(observations, rig)
    return lambda seen: reconstruct_robust(seen, rig, skeleton, sigma_px=sigma_px)


def _plot(folder: Path, result: Reconstruction, detections: Detections, skeleton: Skeleton) -> None:
    from mvmono3d.pipeline.plot import plot_reprojection, plot_skeleton

    detected = np.asarray(detections.observations.detected)
    plot_reprojection(
        folder / "reprojection.png", result, skeleton=skeleton, names=detections.views, detected=detected
    )
    plot_skeleton(folder / "skeleton.png", result, skeleton=skeleton)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a frame rate in Hz")
    return value
