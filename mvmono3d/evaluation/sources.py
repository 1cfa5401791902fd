"""What `mvmono3d evaluate` evaluates on: options that fit each other, and recordings."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from mvmono3d.core.clip import Clip
from mvmono3d.core.detections_file import Detections
from mvmono3d.core.reconstruction_file import read_trajectory
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.errors import ConfigurationError, InvalidFileError
from mvmono3d.formats.recording import RecordingRead, read_plausible_rig, read_recording


def check_source(arguments: argparse.Namespace) -> None:
    """Raise `ConfigurationError` unless exactly one source is named, with what it needs."""
    if (arguments.detections is None) == (arguments.world is None):
        raise ConfigurationError("evaluate needs either DETECTIONS with --rig, or --world PRESET")
    if arguments.world is None and arguments.rig is None:
        raise ConfigurationError("evaluate DETECTIONS needs --rig RIG, the cameras' calibration")
    if arguments.world is not None and (arguments.rig is not None or arguments.truth is not None):
        raise ConfigurationError("--world makes its own rig and truth: leave --rig and --truth out")
    if arguments.animate is not None and arguments.animate.suffix.lower() != ".gif":
        raise ConfigurationError(f"--animate {arguments.animate}: expected a name that ends in .gif")
    if arguments.stress:
        return
    for name in ("rows", "tolerance", "wandb"):
        if getattr(arguments, name) is not None:
            raise ConfigurationError(f"--{name} belongs to --stress")


def read_first_frames(arguments: argparse.Namespace) -> RecordingRead:
    """Read detections and their rig, the first `--frames`."""
    found = read_recording(
        arguments.detections,
        read_plausible_rig(arguments.rig, units=arguments.units),
        skeleton=arguments.skeleton,
        person=arguments.person,
        rate_hz=arguments.rate,
    )
    if arguments.frames is None:
        return found
    shorter = found.detections.observations.map(lambda array: array[: arguments.frames])
    return found._replace(detections=replace(found.detections, observations=shorter))


def clip_with_truth(
    path: Path, detections: Detections, *, rig: Rig, skeleton: Skeleton, first: int | None
) -> Clip:
    """Put true joints (their first frames only, if so asked) beside the detections.

    Raises `InvalidFileError` where they are another recording's.
    """
    truth = read_trajectory(path, skeleton)
    if first is not None:
        truth = truth.map(lambda array: array[:first])
    frames, expected = truth.points_world.shape[0], detections.observations.pixels.shape[0]
    if frames != expected:
        raise InvalidFileError(
            f"truth {path} has {frames} frames, the detections have {expected}: expected the same frames"
        )
    if not np.array_equal(np.asarray(truth.time_ns), np.asarray(detections.observations.time_ns)):
        raise InvalidFileError(f"truth {path}: its time_ns differ from those of the detections")
    return Clip(skeleton=skeleton, rig=rig, observations=detections.observations, truth=truth)


def parts_of(clip: Clip, number: int) -> Iterator[Clip]:
    """Cut a clip into so many parts of equal length; raises `ConfigurationError` where they are too short."""
    frames = len(clip.observations.time_ns) // number
    if frames < 1:
        raise ConfigurationError(f"--scenes {number}: the recording has fewer frames than that")
    for place in range(number):
        chosen = slice(place * frames, (place + 1) * frames)
        yield replace(
            clip,
            observations=clip.observations.map(lambda array, chosen=chosen: array[chosen]),
            truth=None if clip.truth is None else clip.truth.map(lambda array, chosen=chosen: array[chosen]),
        )
