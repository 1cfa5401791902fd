"""OpenPose JSON: one folder per camera, one file per frame, its number in the file's name.

Halpe and COCO detectors write the same form (Pose2Sim's `pose` and `pose-associated` trees). The files
hold no joint names: the skeleton that is asked for decides.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from mvmono3d.core.detections_file import Detections
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton, skeleton_names
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.view_names import match_views
from mvmono3d.formats.view_track import ViewTrack, combine_views, make_view_track


class _Person(msgspec.Struct):
    pose_keypoints_2d: list[float] = []  # msgspec copies an empty list for every person


class _Frame(msgspec.Struct):
    people: list[_Person]


def read_openpose(
    folder: Path,
    *,
    skeleton: Skeleton | None,
    cameras: Sequence[str],
    person: int | None = None,
    rate_hz: float,
) -> Detections:
    """Read a tree of OpenPose files; `person` is the place in every file's `people`.

    Without `person`, no file may hold more than one. Raises `InvalidFileError` with the file's path,
    and with the skeletons that would fit when the number of joints is not the skeleton's.
    """
    frames = _read_tree(folder)
    _check_people(frames, person, folder)
    chosen = _fitting_skeleton(frames, skeleton, folder)
    return _detections(frames, person or 0, chosen, folder=folder, cameras=cameras, rate_hz=rate_hz)


def read_openpose_people(
    folder: Path, *, skeleton: Skeleton | None, cameras: Sequence[str], rate_hz: float
) -> tuple[Detections, ...]:
    """Read everybody in a tree of OpenPose files: one entry per place in the files' `people`.

    What stands at one place in two files may be two people. Raises as `read_openpose` does.
    """
    frames = _read_tree(folder)
    chosen = _fitting_skeleton(frames, skeleton, folder)
    places = max(len(frame.people) for view in frames.values() for frame in view.values())
    return tuple(
        _detections(frames, place, chosen, folder=folder, cameras=cameras, rate_hz=rate_hz)
        for place in range(places)
    )


def _detections(
    frames: dict[Path, dict[Path, _Frame]],
    person: int,
    skeleton: Skeleton,
    *,
    folder: Path,
    cameras: Sequence[str],
    rate_hz: float,
) -> Detections:
    names = match_views([path.name for path in frames], cameras, where=str(folder))
    tracks = {
        camera: _track(view, person, skeleton) for camera, view in zip(names, frames.values(), strict=True)
    }
    ordered = {camera: tracks[camera] for camera in cameras if camera in tracks}
    return combine_views(
        ordered, joints=skeleton.joints, rate_hz=rate_hz, skeleton=skeleton.name, where=str(folder)
    )


def _read_tree(folder: Path) -> dict[Path, dict[Path, _Frame]]:
    views = sorted(path for path in folder.iterdir() if path.is_dir() and any(path.glob("*.json")))
    decoder = msgspec.json.Decoder(_Frame)
    return {
        view: {path: _read_frame(path, decoder) for path in sorted(view.glob("*.json"))} for view in views
    }


def _read_frame(path: Path, decoder: msgspec.json.Decoder[_Frame]) -> _Frame:
    try:
        return decoder.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise InvalidFileError(f"{path} is not an OpenPose file: {error}") from None


def _check_people(frames: dict[Path, dict[Path, _Frame]], person: int | None, folder: Path) -> None:
    crowd = {path: len(frame.people) for view in frames.values() for path, frame in view.items()}
    most = max(crowd.values(), default=0)
    if person is None and most > 1:
        path = next(path for path, count in crowd.items() if count > 1)
        raise InvalidFileError(
            f"{folder}: {path.parent.name}/{path.name} holds {crowd[path]} people; say --person N "
            f"(0 to {most - 1}) if the order is the same in all cameras"
        )
    if person is not None and not 0 <= person < max(most, 1):
        raise InvalidFileError(f"{folder}: no person {person}; the files hold at most {most}, counted from 0")


def _fitting_skeleton(
    frames: dict[Path, dict[Path, _Frame]], skeleton: Skeleton | None, folder: Path
) -> Skeleton:
    counts = {
        path: len(person.pose_keypoints_2d)
        for view in frames.values()
        for path, frame in view.items()
        for person in frame.people
        if person.pose_keypoints_2d
    }
    if not counts:
        raise InvalidFileError(f"{folder}: the recording is empty (nobody in any of its files)")
    path, size = next(iter(counts.items()))
    other = next((path for path, count in counts.items() if count != size), None)
    if other or size % 3:
        odd = other or path
        raise InvalidFileError(
            f"{odd}: {counts[odd]} numbers in pose_keypoints_2d, expected three per joint and as many "
            f"as in {path.name} ({size})"
        )
    joints = size // 3
    if skeleton is not None and len(skeleton.joints) == joints:
        return skeleton
    fitting = [name for name in skeleton_names() if len(load_skeleton(name).joints) == joints]
    known = f"shipped skeletons of {joints} joints: {', '.join(fitting) or 'none, write a YAML'}"
    if skeleton is not None:
        expected = len(skeleton.joints)
        raise InvalidFileError(
            f"{folder}: {joints} joints, but skeleton {skeleton.name!r} has {expected} ({known})"
        )
    if len(fitting) == 1:
        return load_skeleton(fitting[0])
    raise InvalidFileError(f"{folder}: {joints} joints without names: say --skeleton ({known})")


def _track(view: dict[Path, _Frame], person: int, skeleton: Skeleton) -> ViewTrack:
    folder = next(iter(view)).parent
    numbers = [_number(path) for path in view]
    if len(set(numbers)) != len(numbers):
        raise InvalidFileError(f"{folder}: two files have the same frame number as last digits of their name")
    values = np.zeros((len(view), len(skeleton.joints), 3))
    for row, frame in enumerate(view.values()):
        keypoints = frame.people[person].pose_keypoints_2d if person < len(frame.people) else []
        if keypoints:
            values[row] = np.reshape(keypoints, (-1, 3))
    return make_view_track(np.array(numbers), values, where=str(folder), joints=skeleton.joints)


def _number(path: Path) -> int:
    digits = re.findall(r"\d+", path.stem.removesuffix("_keypoints"))
    if not digits:
        raise InvalidFileError(f"{path}: no frame number in the file's name, expected such as 000012.json")
    return int(digits[-1])
