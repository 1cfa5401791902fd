"""Say whether a calibration is still true, which camera moved if not, and by how much.

RIG is a rig of any program. Evidence are pictures of a board (--boards with --board) or the 2D joints of a
recording (--detections). Joints say most with --baseline, a recording made right after calibrating: what the
detector always gets wrong is learned from it, and a turn of a tenth of a degree shows. Without it only what
no detector gets wrong is refused. Exit code 0: to be trusted; 1: not to be trusted; 2: it can't be told.
"""

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console

from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.guard_age import Age, AgeRules, Freshness, age_of
from mvmono3d.calibration.guard_baseline import learn_baseline
from mvmono3d.calibration.guard_boards import check_boards, repaired_by_boards
from mvmono3d.calibration.guard_bones import typical_breathing
from mvmono3d.calibration.guard_keypoints import check_recording
from mvmono3d.calibration.guard_report import Findings, say_boards, say_keypoints
from mvmono3d.calibration.guard_rig import centres_outside, copied_cameras, without_copies
from mvmono3d.calibration.guard_settings import GuardSettings
from mvmono3d.calibration.inputs import gather_sightings
from mvmono3d.calibration.keypoint_refine import KnownLength, refine_from_keypoints
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import METRES_PER_UNIT, write_rig
from mvmono3d.errors import ConfigurationError
from mvmono3d.formats.any_rig import read_any_rig
from mvmono3d.formats.recording import RecordingRead, read_recording
from mvmono3d.formats.rig_scale import check_rig_scale
from mvmono3d.formats.view_names import match_views

TRUSTED, DISTRUSTED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    rules, settings = AgeRules(), GuardSettings()
    add = parser.add_argument
    add("rig", type=Path, metavar="RIG", help="the calibration to check")
    add("--units", choices=tuple(METRES_PER_UNIT), default="m", help="of the rig file")
    add("--detections", type=Path, metavar="PATH", help="2D joints, as for mvmono3d reconstruct")
    add("--baseline", type=Path, metavar="PATH", help="2D joints of a recording while the rig was true")
    add("--skeleton", metavar="NAME|YAML", help="joints and bones (default: what fits)")
    add("--person", type=int, metavar="N", help="which of several, counted from 0")
    add("--rate", type=float, default=60.0, metavar="HZ", help="of files without times (default: 60)")
    add("--boards", type=Path, metavar="PATH", help="images or videos of a board, or saved corners (.npz)")
    add("--board", type=Path, metavar="TOML", help="what is on the board")
    add("--pattern", metavar="GLOB", help="which files of each camera's folder show the board")
    add(
        "--tolerance",
        type=float,
        metavar="PX",
        help=f"refused beyond this, by boards (default: {settings.board_tolerance_px:g}) or joints without "
        f"a baseline (default: {100 * settings.tolerance_share:g} %% of the image's diagonal)",
    )
    add("--strict", action="store_true", help="also distrust what is only suspected")
    add("--repair", type=Path, metavar="OUT.toml", help="write the rig with the moved cameras placed anew")
    add("--refine", action="store_true", help="with --repair: place all cameras anew by the joints")
    add(
        "--length",
        nargs=3,
        metavar=("JOINT", "JOINT", "METRES"),
        help="with --refine: two joints whose distance is known, which sets the scale",
    )
    add("--temperature", type=float, metavar="C", help="temperature now, in degrees Celsius")
    add("--warn-hours", type=float, default=rules.warn_hours, metavar="H", help="old (default: 5)")
    add("--stale-hours", type=float, default=rules.stale_hours, metavar="H", help="too old (default: 12)")


def run(arguments: argparse.Namespace) -> int:
    """Look at the file, its age, boards and joints; say what was found."""
    _check_options(arguments)
    console = Console(highlight=False, soft_wrap=True)
    rig = read_any_rig(arguments.rig, units=arguments.units)
    findings = _look_at_rig(rig)
    settings = _settings(arguments)
    repaired = None
    if arguments.boards is not None:
        repaired = _look_at_boards(arguments, rig, findings, settings, console)
    if arguments.detections is not None:
        by_joints = _look_at_joints(arguments, rig, findings, settings, console)
        repaired = repaired or by_joints
    age = _age(arguments, rig)
    evident = arguments.boards is not None or arguments.detections is not None
    _say_age(age, findings, evident=evident)
    if arguments.repair is not None and repaired is not None:
        write_rig(arguments.repair, repaired)
        findings.notes.append(f"wrote {arguments.repair}: check it with a board before you trust it")
    elif arguments.repair is not None and not findings.refused:
        findings.notes.append("nothing to repair")
    return _conclude(arguments, findings, console, evident=evident)


def _check_options(arguments: argparse.Namespace) -> None:
    if arguments.baseline is not None and arguments.detections is None:
        raise ConfigurationError("--baseline is what --detections are compared with: say both")
    if arguments.boards is not None and arguments.board is None and arguments.boards.suffix != ".npz":
        raise ConfigurationError("--boards needs --board TOML, the board's description")
    if arguments.refine and (arguments.repair is None or arguments.detections is None):
        raise ConfigurationError("--refine places cameras by --detections and writes --repair: say both")
    if arguments.length is not None and not arguments.refine:
        raise ConfigurationError("--length belongs to --refine")
    if arguments.repair is not None and arguments.repair.suffix != ".toml":
        raise ConfigurationError(f"--repair {arguments.repair}: expected a file name that ends in .toml")


def _settings(arguments: argparse.Namespace) -> GuardSettings:
    settings = GuardSettings()
    if arguments.tolerance is None:
        return settings
    return replace(settings, board_tolerance_px=arguments.tolerance, refuse_px=arguments.tolerance)


def _look_at_rig(rig: Rig) -> Findings:
    findings = Findings()
    for first, second in copied_cameras(rig):
        findings.refused.append(
            f"cameras {first!r} and {second!r} have the same pose: one of them is a copy of the other"
        )
    check_rig_scale(without_copies(rig), where="rig")
    for name in centres_outside(rig):
        findings.suspected.append(f"camera {name!r}: the lens's centre lies outside the image")
    return findings


def _look_at_boards(
    arguments: argparse.Namespace, rig: Rig, findings: Findings, settings: GuardSettings, console: Console
) -> Rig | None:
    board = None if arguments.board is None else read_board(arguments.board)
    found = gather_sightings(arguments.boards, board, pattern=arguments.pattern)
    seen = rig.select(match_views(found.cameras, rig.names, where=str(arguments.boards)))
    named = _named(found, seen)
    check = check_boards(named, seen, tolerance_px=settings.board_tolerance_px)
    say_boards(check, seen, findings, settings, console)
    if check.agrees.all():
        return None
    return _put_back(repaired_by_boards(seen, check), rig)


def _named(sightings: BoardSightings, rig: Rig) -> BoardSightings:
    return replace(sightings, cameras=rig.names)


def _look_at_joints(
    arguments: argparse.Namespace, rig: Rig, findings: Findings, settings: GuardSettings, console: Console
) -> Rig | None:
    how = {"skeleton": arguments.skeleton, "person": arguments.person, "rate_hz": arguments.rate}
    found = read_recording(arguments.detections, rig, **how)
    baseline, usual = None, None
    if arguments.baseline is not None:
        before = read_recording(arguments.baseline, found.rig, **how)
        baseline = learn_baseline(before.detections.observations, before.rig, settings)
        usual = typical_breathing(
            before.detections.observations, before.rig, before.skeleton, sigma_px=baseline.sigma_px
        )
    observations = found.detections.observations
    if arguments.refine:
        return _refine(arguments, found, rig, findings)
    check = check_recording(observations, found.rig, baseline=baseline, settings=settings)
    breathing = typical_breathing(observations, found.rig, found.skeleton, sigma_px=check.baseline.sigma_px)
    say_keypoints(check, found.rig, findings, breathing=breathing, usual=usual, console=console)
    return None if check.repair is None else _put_back(check.repair.rig, rig)


def _refine(arguments: argparse.Namespace, found: RecordingRead, rig: Rig, findings: Findings) -> Rig | None:
    known = None
    if arguments.length is not None:
        first, second, metres = arguments.length
        known = KnownLength(
            first=found.skeleton.index(first), second=found.skeleton.index(second), length_m=_metres(metres)
        )
    refined = refine_from_keypoints(found.detections.observations, found.rig, known=known)
    findings.notes.append(
        f"joints place all cameras: {refined.before_px:.2f} px before, {refined.after_px:.2f} px after "
        "(median at frames that took no part)"
    )
    if refined.length is not None:
        findings.notes.append(
            f"the known length was {1e3 * refined.length.measured_m:.1f} mm: the world is scaled by "
            f"{refined.length.factor:.4f} ± {refined.length.factor_sigma:.4f}"
        )
    elif not refined.better:
        findings.notes.append("that is no better: the rig stays as it is")
        return None
    if refined.length is not None and len(found.rig.names) < len(rig.names):
        raise ConfigurationError("--length scales the whole rig, but some of its cameras have no detections")
    return _put_back(refined.rig, rig)


def _put_back(placed: Rig, rig: Rig) -> Rig:
    """Return the whole rig with the poses of those of its cameras that were placed."""
    poses, sigma = np.array(rig.camera_from_world), np.array(rig.pose_sigma)
    for view, name in enumerate(placed.names):
        poses[rig.index(name)] = placed.camera_from_world[view]
        sigma[rig.index(name)] = placed.pose_sigma[view]
    return replace(rig, camera_from_world=poses, pose_sigma=sigma, metadata=placed.metadata)


def _metres(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"--length {text}: expected two joints and a number of metres") from None


def _age(arguments: argparse.Namespace, rig: Rig) -> Age:
    rules = AgeRules(warn_hours=arguments.warn_hours, stale_hours=arguments.stale_hours)
    now = datetime.now(UTC)
    return age_of(rig, now=now, temperature_c=arguments.temperature, rules=rules)


def _say_age(age: Age, findings: Findings, *, evident: bool) -> None:
    if age.freshness is Freshness.STALE and not evident:
        findings.refused.append(f"{age.said}: too old to be trusted unseen; show a board or joints")
    elif age.freshness in {Freshness.STALE, Freshness.AGEING}:
        findings.notes.append(f"{age.said}: calibrate anew soon")
    else:
        findings.notes.append(age.said)


def _conclude(arguments: argparse.Namespace, findings: Findings, console: Console, *, evident: bool) -> int:
    for line in findings.notes:
        console.print(line)
    for line in findings.suspected:
        console.print(f"suspected: {line}")
    for line in findings.refused:
        console.print(f"refused: {line}")
    distrusted = bool(findings.refused or (arguments.strict and findings.suspected))
    if distrusted:
        console.print(f"{arguments.rig}: NOT to be trusted")
    elif findings.suspected:
        console.print(f"{arguments.rig}: not refused, but mind what is suspected")
    elif evident:
        console.print(f"{arguments.rig}: true as far as this evidence goes")
    else:
        console.print(f"{arguments.rig}: nothing wrong in the file; say --boards or --detections to test it")
    return DISTRUSTED if distrusted else TRUSTED
