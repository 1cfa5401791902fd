"""The people of any recording: one as read, several as the file names them or as association tells them."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mvmono3d.association.recording import associate_recording, candidates_of
from mvmono3d.core.detections_file import Detections
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.any_detections import read_any_people
from mvmono3d.formats.recording import RecordingRead, read_recording


class Person(NamedTuple):
    """One of the people of a recording; the name is empty where there is only one."""

    name: str
    recording: RecordingRead


def read_people(
    path: Path, rig: Rig, *, skeleton: str | None, person: int | None, rate_hz: float
) -> tuple[Person, ...]:
    """Read everybody in a recording, or only the person at one place in its files.

    Names in the file (`persons`) are believed. Otherwise the order of people in the files means nothing, and
    they are told apart by geometry and motion. Raises `InvalidFileError` where nobody is found.
    """
    if person is not None:
        one = read_recording(path, rig, skeleton=skeleton, person=person, rate_hz=rate_hz)
        return (Person("", one),)
    wanted = None if skeleton is None else load_skeleton(skeleton)
    found = read_any_people(path, skeleton=wanted, views=rig.names, rate_hz=rate_hz)
    if not any(place.observations.detected.any() for place in found.places):
        raise InvalidFileError(f"{path}: the recording is empty (nothing detected)")
    first = found.places[0]
    seen_by, chosen = rig.select(first.views), wanted or load_skeleton(first.skeleton)
    if len(found.places) == 1:
        return (Person("", RecordingRead(first, seen_by, chosen)),)
    if found.names is not None:
        named = zip(found.names, found.places, strict=True)
        return tuple(Person(name, RecordingRead(place, seen_by, chosen)) for name, place in named)
    candidates = candidates_of([place.observations for place in found.places])
    associated = associate_recording(candidates, seen_by, chosen)
    if not associated.people:
        raise InvalidFileError(
            f"{path}: up to {len(found.places)} people in its files, but no two views agree on anybody; is "
            "the rig that of this recording? --person N takes the order in the files"
        )
    return tuple(
        Person(f"person{place}", RecordingRead(_of(first, observations), seen_by, chosen))
        for place, observations in enumerate(associated.people)
    )


def _of(like: Detections, observations: Observations) -> Detections:
    return replace(like, observations=observations)
