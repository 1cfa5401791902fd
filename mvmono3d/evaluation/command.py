"""Score the classical methods, and a bundle if one is given, on a recording.

With --truth (a reconstruction or trajectory .npz of the same frames) the tables show errors in millimetres,
coverage of the covariances and smoothness. Without it the recording judges by itself: how well the other
views predict a view that was left out, how steady bones are, how much is answered. --out writes the tables
as Markdown and CSV, and the figures.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from mvmono3d.core.clip import Clip
from mvmono3d.core.detections_file import Detections
from mvmono3d.core.observations import Observations
from mvmono3d.core.reconstruction_file import read_trajectory
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import METRES_PER_UNIT, read_rig
from mvmono3d.core.schema import atomic_write
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.any_detections import read_any_detections
from mvmono3d.formats.rig_scale import check_rig_scale

Reconstruct = Callable[[Observations], Reconstruction]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("detections", type=Path, metavar="DETECTIONS", help="2D joints, as for reconstruct")
    parser.add_argument("--rig", type=Path, required=True, metavar="TOML", help="the cameras' calibration")
    parser.add_argument("--truth", type=Path, metavar="NPZ", help="true 3D joints of the same frames")
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="an exported model to compare")
    parser.add_argument("--skeleton", metavar="NAME|YAML", help="joints and bones (default: what fits)")
    parser.add_argument("--units", choices=tuple(METRES_PER_UNIT), default="m", help="of the rig file")
    parser.add_argument("--person", type=int, metavar="N", help="which of several, counted from 0")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where tables and figures go")


def run(arguments: argparse.Namespace) -> int:
    """Read, run all methods, print and write the tables."""
    detections, rig, skeleton = _read(arguments)
    methods = _methods(arguments, rig, skeleton)
    console = Console(highlight=False, soft_wrap=True)
    if arguments.truth is None:
        texts = _without_truth(detections, rig, skeleton, methods=methods, console=console)
    else:
        clip = _clip(arguments.truth, detections, rig, skeleton)
        texts = _with_truth(clip, methods, out=arguments.out, console=console)
    if arguments.out is not None:
        for name, text in texts.items():
            with atomic_write(arguments.out / name) as file:
                file.write(text.encode())
        console.print(f"wrote {arguments.out}")
    return 0


def _read(arguments: argparse.Namespace) -> tuple[Detections, Rig, Skeleton]:
    rig = read_rig(arguments.rig, units=arguments.units)
    check_rig_scale(rig, where=f"rig {arguments.rig}")
    wanted = None if arguments.skeleton is None else load_skeleton(arguments.skeleton)
    detections = read_any_detections(
        arguments.detections, skeleton=wanted, views=rig.names, person=arguments.person
    )
    if not detections.observations.detected.any():
        raise InvalidFileError(f"{arguments.detections}: the recording is empty (nothing detected)")
    return detections, rig.select(detections.views), wanted or load_skeleton(detections.skeleton)


def _methods(arguments: argparse.Namespace, rig: Rig, skeleton: Skeleton) -> dict[str, Reconstruct]:
    from mvmono3d.evaluation.baselines import BASELINES

    methods: dict[str, Reconstruct] = {
        name: partial(_classical, method, rig, skeleton=skeleton) for name, method in BASELINES.items()
    }
    if arguments.bundle is not None:
        from mvmono3d.deploy.reconstruct import reconstruct_with_bundle

        methods["bundle"] = partial(reconstruct_with_bundle, arguments.bundle, rig=rig, skeleton=skeleton)
    return methods


def _classical(
    method: Callable[[Observations, Rig, Skeleton], Reconstruction],
    rig: Rig,
    observations: Observations,
    *,
    skeleton: Skeleton,
) -> Reconstruction:
    return method(observations, rig, skeleton)


def _clip(path: Path, detections: Detections, rig: Rig, skeleton: Skeleton) -> Clip:
    truth = read_trajectory(path, skeleton)
    frames, expected = truth.points_world.shape[0], detections.observations.pixels.shape[0]
    if frames != expected:
        raise InvalidFileError(
            f"truth {path} has {frames} frames, the detections have {expected}: expected the same frames"
        )
    if not np.array_equal(np.asarray(truth.time_ns), np.asarray(detections.observations.time_ns)):
        raise InvalidFileError(f"truth {path}: its time_ns differ from those of the detections")
    return Clip(skeleton=skeleton, rig=rig, observations=detections.observations, truth=truth)


def _with_truth(
    clip: Clip, methods: dict[str, Reconstruct], *, out: Path | None, console: Console
) -> dict[str, str]:
    from mvmono3d.evaluation.compare import compare
    from mvmono3d.evaluation.table import comparison_csv, comparison_markdown, comparison_table

    on_clip = {name: partial(_of_clip, method) for name, method in methods.items()}
    comparison = compare([clip], on_clip)
    console.print(comparison_table(comparison))
    if out is not None:
        from mvmono3d.evaluation.figures import save_figures

        save_figures(out, comparison)
    return {"scores.md": comparison_markdown(comparison), "scores.csv": comparison_csv(comparison)}


def _of_clip(method: Reconstruct, clip: Clip) -> Reconstruction:
    return method(clip.observations)


def _without_truth(
    detections: Detections,
    rig: Rig,
    skeleton: Skeleton,
    *,
    methods: dict[str, Reconstruct],
    console: Console,
) -> dict[str, str]:
    from mvmono3d.evaluation.field import score_field
    from mvmono3d.evaluation.table import field_csv, field_markdown, field_table

    scores = {
        name: score_field(detections.observations, rig, skeleton=skeleton, reconstruct=method)
        for name, method in methods.items()
    }
    console.print(field_table(scores))
    return {"scores.md": field_markdown(scores), "scores.csv": field_csv(scores)}
