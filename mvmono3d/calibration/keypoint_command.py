"""`mvmono3d calibrate --keypoints`: cameras placed by people or hands, where no board is at hand."""

import argparse
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import mvmono3d
from mvmono3d.calibration.camera_model import cameras_from_lens
from mvmono3d.calibration.keypoint_checks import JointJudgement, judge_joints
from mvmono3d.calibration.keypoint_refine import KnownLength
from mvmono3d.calibration.keypoint_report import joint_content, joint_verdict
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import METRES_PER_UNIT, write_rig
from mvmono3d.core.schema import atomic_write
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.errors import ConfigurationError, InvalidRecordError
from mvmono3d.formats.any_detections import recorded_views
from mvmono3d.formats.any_rig import read_any_rig
from mvmono3d.formats.recording import RecordingRead, read_recording


def add_keypoint_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what calibrating by joints takes."""
    add = parser.add_argument_group("without a board").add_argument
    add(
        "--keypoints",
        action="store_true",
        help="IMAGES_OR_VIDEOS is 2D joints of one actor, as for mvmono3d reconstruct",
    )
    add(
        "--lenses",
        type=Path,
        metavar="RIG",
        help="a rig of any program with these lenses; poses don't matter",
    )
    add("--units", choices=tuple(METRES_PER_UNIT), default="m", help="of --lenses")
    add(
        "--guess",
        nargs=3,
        type=float,
        metavar=("WIDTH", "HEIGHT", "DEGREES"),
        help="instead of --lenses: the images' size (px) and their horizontal field of view, roughly",
    )
    add(
        "--length",
        nargs=3,
        metavar=("JOINT", "JOINT", "METRES"),
        help="two joints whose distance is known: a bone or a bar; sets the scale",
    )
    add("--up", nargs=2, metavar=("LOWER", "UPPER"), help="two joints, one above the other most of the time")
    add("--skeleton", metavar="NAME|YAML", help="joints and bones (default: what fits)")
    add("--person", type=int, metavar="N", help="which of several, counted from 0")
    add("--rate", type=float, default=60.0, metavar="HZ", help="of files without times (default: 60)")


def run_keypoints(arguments: argparse.Namespace) -> int:
    """Read joints, place the cameras, judge, write; 0 for a rig, 1 where a check refuses."""
    recording = _recording(arguments)
    known = _known(arguments, recording.skeleton)
    judgement = judge_joints(
        recording,
        known=known,
        upward=None if arguments.up is None else _joints(arguments.up, recording.skeleton),
        focal=arguments.guess is not None,
    )
    sys.stdout.write(joint_verdict(judgement))
    if judgement.accepted and judgement.calibration is not None:
        write_rig(arguments.out, _with_metadata(judgement, arguments))
        sys.stdout.write(f"wrote {arguments.out}: check it with a board before you trust millimetres\n")
    if arguments.report is not None:
        with atomic_write(arguments.report / "calibration.json") as file:
            file.write((json.dumps(joint_content(judgement), indent=1) + "\n").encode())
        sys.stdout.write(f"wrote {arguments.report / 'calibration.json'}\n")
    return 0 if judgement.accepted else 1


def _recording(arguments: argparse.Namespace) -> RecordingRead:
    if (arguments.lenses is None) == (arguments.guess is None):
        raise ConfigurationError("--keypoints needs --lenses RIG, or --guess WIDTH HEIGHT DEGREES: say one")
    if arguments.lenses is not None:
        lenses = read_any_rig(arguments.lenses, units=arguments.units)
    else:
        lenses = guessed_lenses(recorded_views(arguments.path), *arguments.guess)
    return read_recording(
        arguments.path,
        lenses,
        skeleton=arguments.skeleton,
        person=arguments.person,
        rate_hz=arguments.rate,
    )


def guessed_lenses(names: tuple[str, ...], width: float, height: float, degrees: float) -> Rig:
    """Return cameras without distortion, all alike: their field of view across the image is known roughly."""
    if not (width >= 1.0 and height >= 1.0 and 5.0 <= degrees <= 150.0):
        raise ConfigurationError(
            f"--guess {width:g} {height:g} {degrees:g}: expected a size in px and 5 to 150 degrees"
        )
    lens = np.zeros((len(names), 10))
    lens[:, :2] = width / 2.0 / np.tan(np.radians(degrees) / 2.0)
    lens[:, 2:4] = (width - 1.0) / 2.0, (height - 1.0) / 2.0
    size = np.tile(np.array([round(width), round(height)]), (len(names), 1))
    poses = np.tile(np.eye(3, 4), (len(names), 1, 1))
    return Rig(
        camera=cameras_from_lens(lens, size),
        camera_from_world=poses,
        pose_sigma=np.zeros((len(names), 2)),
        names=names,
    )


def _known(arguments: argparse.Namespace, skeleton: Skeleton) -> KnownLength:
    if arguments.length is None:
        raise ConfigurationError(
            "--keypoints needs --length JOINT JOINT METRES: joints have no size of their own"
        )
    *ends, metres = arguments.length
    first, second = _joints(ends, skeleton)
    try:
        return KnownLength(first=first, second=second, length_m=float(metres))
    except ValueError:
        raise ConfigurationError(f"--length {metres}: expected two joints and a number of metres") from None


def _joints(names: list[str], skeleton: Skeleton) -> tuple[int, int]:
    first, second = (skeleton.index(name) for name in names)
    if first == second:
        raise ConfigurationError(f"{names[0]} twice: expected two different joints")
    return first, second


def _with_metadata(judgement: JointJudgement, arguments: argparse.Namespace) -> Rig:
    found = judgement.calibration
    if found is None:
        raise InvalidRecordError("no rig to describe")
    words = [
        ("date", datetime.now(UTC).isoformat(timespec="seconds")),
        ("target", f"joints; scale by {' to '.join(arguments.length[:2])} = {arguments.length[2]} m"),
        ("made_by", f"mvmono3d {mvmono3d.__version__}"),
        ("warnings", "; ".join(sorted({str(one.fault) for one in judgement.findings})) or "none"),
    ]
    if arguments.temperature is not None:
        words.append(("temperature_c", f"{arguments.temperature:g}"))
    return replace(found.rig, metadata=tuple(words))
