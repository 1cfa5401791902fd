"""Score the classical methods, and bundles if any are given, on a recording or on synthetic clips.

With --truth (a reconstruction or trajectory .npz of the same frames), or with --world instead of
DETECTIONS, the tables show errors in millimetres, coverage of the covariances and smoothness. Without truth
the recording judges by itself: how well the other views predict a view that was left out, how steady bones
are, how much is answered. --stress replays everything under occluders, dead and shifted cameras, lost frames,
noise, outliers, swaps and more. --out writes the tables as Markdown and CSV, and the figures; --animate draws
truth and methods moving beside each other.

Of a recording of several people each is scored on its own, into OUT/person0 and so on; --truth is that of one
of them, found by where it lies. --person N takes what stands at place N of every file.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from mvmono3d.core.clip import Clip
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import METRES_PER_UNIT
from mvmono3d.core.schema import atomic_write
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.evaluation.compare import Method
from mvmono3d.evaluation.sources import (
    check_source,
    clip_with_truth,
    of_person,
    parts_of,
    read_first_frames,
)
from mvmono3d.evaluation.stress.takes import Take
from mvmono3d.formats.recording import RecordingRead

Reconstruct = Callable[[Observations], Reconstruction]
_STRESSED = ("robust", "kalman")
"""The classical methods that are replayed and animated: what a user would otherwise run on the rig."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    add = parser.add_argument
    add("detections", type=Path, nargs="?", metavar="DETECTIONS", help="2D joints, as for reconstruct")
    add("--rig", type=Path, metavar="RIG", help="the cameras' calibration")
    add("--truth", type=Path, metavar="NPZ", help="true 3D joints of the same frames")
    add("--world", metavar="PRESET", help="synthetic clips instead of a recording: realistic, A to E")
    add("--bundle", type=Path, action="append", metavar="DIR", help="an exported model; may be repeated")
    add("--skeleton", metavar="NAME|YAML", help="joints and bones (default: what fits; body25b for --world)")
    add("--units", choices=tuple(METRES_PER_UNIT), default="m", help="of the rig file")
    add("--person", type=int, metavar="N", help="only the one at this place in the files")
    add("--rate", type=_positive, default=60.0, metavar="HZ", help="of files without times (default: 60)")
    scenes = "synthetic clips, or parts that a recording is cut into (default: 8; 1)"
    add("--scenes", type=_count, metavar="N", help=scenes)
    frames = "of a synthetic clip, or the first ones of a recording (default: 300; all)"
    add("--frames", type=_count, metavar="N", help=frames)
    add("--seed", type=int, default=0, metavar="N", help="of synthetic clips and of --stress (default: 0)")
    add("--stress", action="store_true", help="replay under disturbances")
    add("--rows", nargs="+", metavar="NAME", help="of --stress: these disturbances only (default: all)")
    add(
        "--tolerance",
        type=_positive,
        metavar="MM",
        help="of --stress: which error is large (default: 30; hands and mice: 10)",
    )
    add("--wandb", metavar="PROJECT", help="of --stress: send results to Weights & Biases")
    add("--out", type=Path, metavar="DIR", help="where tables and figures go")
    moving = "draw truth, robust, kalman and bundles side by side: the first clip; under the last of --rows"
    add("--animate", type=Path, metavar="GIF", help=moving)


def run(arguments: argparse.Namespace) -> int:
    """Read, run all methods, print and write the tables."""
    check_source(arguments)
    console = Console(highlight=False, soft_wrap=True)
    if arguments.world is not None:
        _evaluate(None, arguments, console)
        return 0
    for person in read_first_frames(arguments):
        if person.name:
            console.print(f"\n{person.name}", style="bold")
        _evaluate(person.recording, of_person(arguments, person.name), console)
    return 0


def _evaluate(recording: RecordingRead | None, arguments: argparse.Namespace, console: Console) -> None:
    """Evaluate on a recording, or on synthetic clips where there is none."""
    if arguments.stress:
        _stress(recording, arguments, console)
    else:
        _score(recording, arguments, console)
    _animate(recording, arguments, console)


def _score(recording: RecordingRead | None, arguments: argparse.Namespace, console: Console) -> None:
    if recording is not None and arguments.truth is None:
        texts = _without_truth(recording, arguments, console)
    else:
        texts = _with_truth(recording, arguments, console)
    if arguments.out is not None:
        for name, text in texts.items():
            with atomic_write(arguments.out / name) as file:
                file.write(text.encode())
        console.print(f"wrote {arguments.out}")


def _stress(recording: RecordingRead | None, arguments: argparse.Namespace, console: Console) -> None:
    from mvmono3d.evaluation.stress.command import run_stress

    takes = _takes(recording, arguments)
    run_stress(takes, _usual_methods(arguments), arguments=arguments, console=console)


def _animate(recording: RecordingRead | None, arguments: argparse.Namespace, console: Console) -> None:
    if arguments.animate is None:
        return
    from mvmono3d.evaluation.animation.command import animate_take

    animate_take(_takes(recording, arguments)[0], _usual_methods(arguments), arguments=arguments)
    console.print(f"wrote {arguments.animate}")


def _takes(recording: RecordingRead | None, arguments: argparse.Namespace) -> Sequence[Take]:
    from mvmono3d.evaluation.stress.command import world_takes

    return world_takes(arguments) if recording is None else _clips(recording, arguments)


def _usual_methods(arguments: argparse.Namespace) -> dict[str, Method]:
    from mvmono3d.evaluation.baselines import baselines

    usual = {name: method for name, method in baselines().items() if name in _STRESSED}
    return usual | _bundles_on_clips(arguments)


def _clips(recording: RecordingRead, arguments: argparse.Namespace) -> list[Clip]:
    detections, rig, skeleton = recording
    if arguments.truth is None:
        clip = Clip(skeleton=skeleton, rig=rig, observations=detections.observations)
    else:
        first = arguments.frames
        clip = clip_with_truth(arguments.truth, detections, rig=rig, skeleton=skeleton, first=first)
    return list(parts_of(clip, arguments.scenes or 1))


def _bundles(folders: Sequence[Path] | None) -> dict[str, Path]:
    """Name bundles by their folders; a single one is "bundle"."""
    if folders is None:
        return {}
    if len(folders) == 1:
        return {"bundle": folders[0]}
    names = [folder.resolve().name for folder in folders]
    unique = len(set(names)) == len(names)
    return dict(zip(names if unique else map(str, folders), folders, strict=True))


def _bundles_on_clips(arguments: argparse.Namespace) -> dict[str, Callable[[Clip], Reconstruction]]:
    return {name: partial(_bundle_on_clip, folder) for name, folder in _bundles(arguments.bundle).items()}


def _bundle_on_clip(folder: Path, clip: Clip) -> Reconstruction:
    return _bundle(folder, clip.observations, rig=clip.rig, skeleton=clip.skeleton)


def _bundle(folder: Path, observations: Observations, *, rig: Rig, skeleton: Skeleton) -> Reconstruction:
    from mvmono3d.deploy.reconstruct import reconstruct_with_bundle

    return reconstruct_with_bundle(folder, observations, rig=rig, skeleton=skeleton)


def _with_truth(
    recording: RecordingRead | None, arguments: argparse.Namespace, console: Console
) -> dict[str, str]:
    from mvmono3d.evaluation.baselines import baselines
    from mvmono3d.evaluation.compare import compare
    from mvmono3d.evaluation.table import comparison_csv, comparison_markdown, comparison_table

    takes = _takes(recording, arguments)
    clips = [take if isinstance(take, Clip) else take.clip(take.settings) for take in takes]
    comparison = compare(clips, baselines() | _bundles_on_clips(arguments))
    console.print(comparison_table(comparison))
    if arguments.out is not None:
        from mvmono3d.evaluation.figures import save_figures

        save_figures(arguments.out, comparison)
    return {"scores.md": comparison_markdown(comparison), "scores.csv": comparison_csv(comparison)}


def _without_truth(
    recording: RecordingRead, arguments: argparse.Namespace, console: Console
) -> dict[str, str]:
    from mvmono3d.evaluation.baselines import BASELINES
    from mvmono3d.evaluation.field import score_field
    from mvmono3d.evaluation.table import field_csv, field_markdown, field_table

    detections, rig, skeleton = recording
    methods: dict[str, Reconstruct] = {
        name: lambda seen, method=method: method(seen, rig, skeleton) for name, method in BASELINES.items()
    }
    for name, folder in _bundles(arguments.bundle).items():
        methods[name] = partial(_bundle, folder, rig=rig, skeleton=skeleton)
    scores = {
        name: score_field(detections.observations, rig, skeleton=skeleton, reconstruct=method)
        for name, method in methods.items()
    }
    console.print(field_table(scores))
    return {"scores.md": field_markdown(scores), "scores.csv": field_csv(scores)}


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 1")
    return value
