"""Calibrate cameras from pictures of a board, or from joints: a rig, a report, or why there is none.

IMAGES_OR_VIDEOS is a folder with one subfolder of images per camera (files that end in the same number
are one pose of the board), a folder with one video per camera, or a .npz of saved corners; with --keypoints
2D joints of a recording. Where a check
refuses, no rig is written and the exit code is 1; what only warns is said beside the rig.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.camera_model import MODELS
from mvmono3d.calibration.corner_cache import default_cache
from mvmono3d.calibration.inputs import MOST_FRAMES, gather_sequence, look_into, thin
from mvmono3d.calibration.keypoint_command import add_keypoint_arguments, run_keypoints
from mvmono3d.calibration.provenance import Provenance, provenance
from mvmono3d.calibration.report_json import report_content
from mvmono3d.calibration.report_page import report_page
from mvmono3d.calibration.report_text import verdict_text
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.sightings_file import write_sightings
from mvmono3d.calibration.solution import CalibrationSettings
from mvmono3d.calibration.time_offsets import board_motion, of_labels
from mvmono3d.calibration.trusted import Judgement, judge, judge_synchronised
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import write_rig
from mvmono3d.core.schema import atomic_write

REFUSED = 1
"""Exit code where a check forbids a rig."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "path", type=Path, metavar="IMAGES_OR_VIDEOS", help="a folder, or a .npz of saved corners"
    )
    parser.add_argument("--board", type=Path, metavar="TOML", help="the board; a .npz needs none")
    parser.add_argument("--out", type=Path, required=True, metavar="rig.toml", help="the rig to write")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write calibration.html and .json there")
    parser.add_argument(
        "--pattern", metavar="GLOB", help="which files of each camera, such as 'calibration_images/*.jpg'"
    )
    parser.add_argument(
        "--frames",
        type=_positive,
        default=MOST_FRAMES,
        metavar="N",
        help=f"poses kept of videos and saved corners; default {MOST_FRAMES}",
    )
    parser.add_argument("--save-corners", type=Path, metavar="NPZ", help="keep the corners that were found")
    parser.add_argument(
        "--models",
        nargs="+",
        choices=[model.name for model in MODELS],
        default=[model.name for model in MODELS],
        metavar="NAME",
        help=f"lens models that compete: {', '.join(model.name for model in MODELS)}; default: all",
    )
    parser.add_argument(
        "--world",
        metavar="POSE",
        help="number of the pose that is the floor: origin at its first corner, +Z up; "
        "default: the pose seen best, which is no floor",
    )
    parser.add_argument(
        "--synchronise",
        action="store_true",
        help="take the cameras' time offsets, found from the board's motion, out of what they saw",
    )
    parser.add_argument("--temperature", type=float, metavar="DEG_C", help="written into rig and report")
    parser.add_argument("--processes", type=_positive, metavar="N", help="that look for the board")
    parser.add_argument("--no-cache", action="store_true", help="look for every corner anew")
    add_keypoint_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Find corners, judge, write."""
    if arguments.keypoints:
        return run_keypoints(arguments)
    board = None if arguments.board is None else read_board(arguments.board)
    source = look_into(arguments.path, pattern=arguments.pattern)
    sequence = gather_sequence(
        source,
        board,
        most_frames=arguments.frames,
        cache=None if arguments.no_cache else default_cache(),
        processes=arguments.processes,
    )
    if arguments.save_corners is not None:
        write_sightings(arguments.save_corners, sequence)
    sightings = sequence
    if source.is_sequence:
        sightings = thin(sequence, most=arguments.frames)
    judgement, sightings = _judged(sightings, sequence, arguments)
    told = provenance(
        source,
        board=board,
        board_path=arguments.board,
        temperature_c=arguments.temperature,
    )
    return _written(judgement, told, sightings, arguments)


def _judged(
    sightings: BoardSightings, sequence: BoardSightings, arguments: argparse.Namespace
) -> tuple[Judgement, BoardSightings]:
    settings = CalibrationSettings(models=tuple(arguments.models), world_pose=arguments.world)
    motion = of_labels(board_motion(sequence), sequence, sightings.labels)
    if arguments.synchronise:
        return judge_synchronised(sightings, settings=settings, motion=motion)
    return judge(sightings, settings=settings, motion=motion), sightings


def _written(
    judgement: Judgement, told: Provenance, sightings: BoardSightings, arguments: argparse.Namespace
) -> int:
    sys.stdout.write(verdict_text(judgement, cameras=sightings.cameras))
    if judgement.accepted and judgement.calibration is not None:
        write_rig(arguments.out, _with_metadata(judgement.calibration.rig, judgement, told))
        sys.stdout.write(f"wrote {arguments.out}\n")
    if arguments.report is not None:
        _write_report(arguments.report, judgement, told, sightings)
        sys.stdout.write(f"wrote {arguments.report / 'calibration.html'} and calibration.json\n")
    return 0 if judgement.accepted else REFUSED


def _write_report(folder: Path, judgement: Judgement, told: Provenance, sightings: BoardSightings) -> None:
    content = report_content(judgement, told, cameras=sightings.cameras)
    with atomic_write(folder / "calibration.json") as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
    with atomic_write(folder / "calibration.html") as file:
        file.write(report_page(judgement, told, sightings).encode())


def _with_metadata(rig: Rig, judgement: Judgement, told: Provenance) -> Rig:
    words = [
        ("date", told.date),
        ("board", told.board),
        ("inputs_sha256", told.sha256),
        ("made_by", f"mvmono3d {dict(told.versions)['mvmono3d']}"),
        ("warnings", "; ".join(sorted({str(finding.fault) for finding in judgement.findings})) or "none"),
    ]
    if told.temperature_c is not None:
        words.append(("temperature_c", f"{told.temperature_c:g}"))
    return replace(rig, metadata=(*rig.metadata, *words))


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value}, expected at least 1")
    return value
