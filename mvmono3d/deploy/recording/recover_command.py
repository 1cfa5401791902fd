"""Mend a recording after a crash, a power loss or bad bits: keep what is right, say what was lost.

Checks every byte of every segment; those that are unfinished or damaged are written anew, and the old files
go to damaged/ in the same folder. No key is needed for an encrypted recording.
"""

import argparse
import sys
from pathlib import Path

from mvmono3d.deploy.recording.recover import DAMAGED, CameraReport, RecoveryReport, recover
from mvmono3d.deploy.recording.seal import read_identity
from mvmono3d.errors import RecordingError

_GAPS_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("recording", type=Path, metavar="RECORDING", help="a folder with recording.toml")
    parser.add_argument("--quick", action="store_true", help="trust finished segments without reading them")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="open encrypted frames as a check, too")


def run(arguments: argparse.Namespace) -> int:
    """Mend and report."""
    identity = None if arguments.identity is None else read_identity(arguments.identity)
    try:
        report = recover(arguments.recording, identity=identity, quick=arguments.quick)
    except OSError as error:
        raise RecordingError(
            f"{arguments.recording}: mending needs room for a copy of the damaged segment: {error}"
        ) from None
    sys.stdout.write(described(report))
    return 0


def described(report: RecoveryReport) -> str:
    """Say what was found and done, in lines."""
    lines = [f"{len(report.segments)} segments, {report.mended} written anew, {report.seconds:.1f} s"]
    lines += [
        f"  {segment.name}: {segment.frames} frames kept; {segment.reason}"
        for segment in report.segments
        if segment.mended
    ]
    lines += [f"  {_camera(camera)}" for camera in report.cameras]
    if not report.ended:
        lines.append("the recorder did not come to its end: what it had in hand after these frames is lost")
    if report.mended:
        lines.append(f"the files as they were are in {DAMAGED}/")
    return "\n".join(lines) + "\n"


def _camera(report: CameraReport) -> str:
    text = f"{report.camera}: {report.kept} frames, {report.lost} missing"
    if report.missing:
        gaps = [f"{first}" if first == last else f"{first}-{last}" for first, last in report.missing]
        more = f" and {len(gaps) - _GAPS_SHOWN} more gaps" if len(gaps) > _GAPS_SHOWN else ""
        text += f" (frames {', '.join(gaps[:_GAPS_SHOWN])}{more}; {report.counted} counted while recording)"
    return text
