"""What `mvmono3d evaluate` evaluates on: options that fit each other, and recordings."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from mvmono3d.association.people import Person, read_people
from mvmono3d.core.clip import Clip
from mvmono3d.core.detections_file import Detections
from mvmono3d.core.reconstruction_file import read_trajectory
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.errors import ConfigurationError, InvalidFileError
from mvmono3d.formats.recording import RecordingRead, read_plausible_rig
from mvmono3d.geometry.projection import project


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


def read_first_frames(arguments: argparse.Namespace) -> tuple[Person, ...]:
    """Read everybody's detections with the rig, the first `--frames`; with --truth, whose truth it is."""
    people = read_people(
        arguments.detections,
        read_plausible_rig(arguments.rig, units=arguments.units),
        skeleton=arguments.skeleton,
        person=arguments.person,
        rate_hz=arguments.rate,
    )
    if arguments.truth is not None and len(people) > 1:
        people = (_nearest_to(arguments.truth, people),)
    if arguments.frames is None:
        return people
    return tuple(person._replace(recording=_first(person.recording, arguments.frames)) for person in people)


def of_person(arguments: argparse.Namespace, name: str) -> argparse.Namespace:
    """Return the options for one of several people: its results go under its name."""
    if not name:
        return arguments
    own = argparse.Namespace(**vars(arguments))
    own.out = None if arguments.out is None else arguments.out / name
    if arguments.animate is not None:
        own.animate = arguments.animate.with_name(f"{arguments.animate.stem}_{name}.gif")
    return own


def _first(recording: RecordingRead, frames: int) -> RecordingRead:
    shorter = recording.detections.observations.map(lambda array: array[:frames])
    return recording._replace(detections=replace(recording.detections, observations=shorter))


def _nearest_to(path: Path, people: tuple[Person, ...]) -> Person:
    """Return the person whose detections lie nearest to the true joints' projections, in the median."""
    return min(people, key=lambda person: _distance_px(path, person.recording))


def _distance_px(path: Path, recording: RecordingRead) -> float:
    detections, rig, skeleton = recording
    clip = clip_with_truth(path, detections, rig=rig, skeleton=skeleton, first=None)
    truth = clip.truth
    if truth is None:
        return float("inf")
    there = project(
        np.asarray(truth.points_world, dtype=np.float64),
        lens=rig.camera.lens,
        camera_from_world=rig.camera_from_world,
    )
    seen = np.asarray(clip.observations.detected) & there.in_front
    far = np.linalg.norm(there.pixels - np.asarray(clip.observations.pixels), axis=-1)[seen]
    return float(np.median(far)) if far.size else float("inf")


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
