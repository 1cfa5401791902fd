"""2D joints of a recording, whatever tool wrote them, with the skeleton's joints and the rig's cameras."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mvmono3d.core.detections_file import Detections, people_of, read_detections
from mvmono3d.core.observations import Observations
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton, skeleton_names
from mvmono3d.errors import InvalidFileError, UnknownNameError
from mvmono3d.formats.deeplabcut import count_deeplabcut, read_deeplabcut
from mvmono3d.formats.openpose import read_openpose, read_openpose_people
from mvmono3d.formats.sleap import count_sleap, read_sleap
from mvmono3d.formats.view_names import match_views
from mvmono3d.formats.view_track import ViewTrack, combine_views

_KNOWN = (
    "a detections .npz, a folder with one folder of OpenPose .json files per camera, "
    "or a folder with one SLEAP .h5 or DeepLabCut .csv file per camera"
)


class PeopleRead(NamedTuple):
    """Everybody in a recording."""

    places: tuple[Detections, ...]
    """One entry per place in the files, all of equal shape."""
    names: tuple[str, ...] | None
    """Whose each place is, where the file says so; else one place may hold different people."""


def read_any_people(
    path: Path, *, skeleton: Skeleton | None, views: Sequence[str], rate_hz: float
) -> PeopleRead:
    """Read everybody in a recording; see `read_any_detections`, which reads one."""
    if path.is_dir() and any(path.glob("*/*.json")):
        read = read_openpose_people(path, skeleton=skeleton, cameras=views, rate_hz=rate_hz)
        return PeopleRead(read, None)
    names, count = None, 1
    if path.is_file() and path.suffix == ".npz":
        names, count = people_of(path)
    elif path.is_dir():
        files, _, animals = _files_of_cameras(path)
        count = max(animals(file) for file in files.values())
    if count == 1:
        one = read_any_detections(path, skeleton=skeleton, views=views, rate_hz=rate_hz)
        return PeopleRead((one,), names)
    places = tuple(
        read_any_detections(path, skeleton=skeleton, views=views, person=place, rate_hz=rate_hz, sparse=True)
        for place in range(count)
    )
    return PeopleRead(places, names)


def read_any_detections(
    path: Path,
    *,
    skeleton: Skeleton | None,
    views: Sequence[str],
    person: int | None = None,
    rate_hz: float = 60.0,
    sparse: bool = False,
) -> Detections:
    """Read a recording; joints come in the skeleton's order, views in the rig's.

    Joints are matched by name; what the skeleton doesn't name is left out. Cameras of the rig that the
    recording lacks are absent from the result's views. Without `skeleton`, the file's own word or, failing
    that, the one shipped skeleton that fits decides. `rate_hz` gives the time of files that state none.
    With `sparse`, `person` may be missing in some cameras' files: they have then detected nothing.
    """
    if not path.exists():
        raise InvalidFileError(f"no file or folder {path}")
    if path.is_file():
        if path.suffix != ".npz":
            raise InvalidFileError(f"{path} is not a recording of several cameras; expected {_KNOWN}")
        detections = _with_matched_views(read_detections(path, person=person), views, path)
    elif any(path.glob("*/*.json")):
        return read_openpose(path, skeleton=skeleton, cameras=views, person=person, rate_hz=rate_hz)
    else:
        detections = _read_per_camera(path, views, person, rate_hz=rate_hz, sparse=sparse)
    return _aligned(detections, skeleton or _fitting_skeleton(detections, path), str(path))


def recorded_views(path: Path) -> tuple[str, ...]:
    """Return the names that a recording itself has for its cameras, for where no rig names them."""
    if not path.exists():
        raise InvalidFileError(f"no file or folder {path}")
    if path.is_file():
        if path.suffix != ".npz":
            raise InvalidFileError(f"{path} is not a recording of several cameras; expected {_KNOWN}")
        return read_detections(path).views
    folders = sorted({file.parent.name for file in path.glob("*/*.json")})
    return tuple(folders or sorted(_files_of_cameras(path)[0]))


def _with_matched_views(detections: Detections, cameras: Sequence[str], path: Path) -> Detections:
    matched = match_views(detections.views, cameras, where=str(path))
    present = tuple(camera for camera in cameras if camera in matched)
    order = [matched.index(camera) for camera in present]
    return Detections(
        observations=_select(detections, (slice(None), order)),
        views=present,
        joints=detections.joints,
        skeleton=detections.skeleton,
    )


def _select(detections: Detections, index: tuple[slice | list[int], ...]) -> Observations:
    observations = detections.observations
    sigma_px = observations.sigma_px
    return Observations(
        pixels=observations.pixels[index],
        confidence=observations.confidence[index],
        detected=observations.detected[index],
        time_ns=observations.time_ns,
        sigma_px=None if sigma_px is None else sigma_px[index],
    )


def _read_per_camera(
    folder: Path, cameras: Sequence[str], person: int | None, *, rate_hz: float, sparse: bool
) -> Detections:
    files, read, animals = _files_of_cameras(folder)
    names = match_views(list(files), cameras, where=str(folder))
    tracks: dict[str, ViewTrack] = {}
    joints: tuple[str, ...] = ()
    for name, file in sorted(
        zip(names, files.values(), strict=True), key=lambda pair: cameras.index(pair[0])
    ):
        if sparse and person is not None and person >= animals(file):
            track, own = read(file, person=0)
            tracks[name] = _emptied(track)
        else:
            tracks[name], own = read(file, person=person)
        if joints and own != joints:
            raise InvalidFileError(
                f"{file}: joints {', '.join(own)}, but the cameras before have {', '.join(joints)}"
            )
        joints = own
    return combine_views(tracks, joints=joints, rate_hz=rate_hz, skeleton="", where=str(folder))


def _emptied(track: ViewTrack) -> ViewTrack:
    return replace(
        track,
        pixels=np.zeros_like(track.pixels),
        confidence=np.zeros_like(track.confidence),
        detected=np.zeros_like(track.detected),
    )


def _files_of_cameras(
    folder: Path,
) -> tuple[dict[str, Path], Callable[..., tuple[ViewTrack, tuple[str, ...]]], Callable[[Path], int]]:
    """Return each camera's file, what reads it, and what counts the animals in it."""
    for suffix, read, animals in (
        (".h5", read_sleap, count_sleap),
        (".csv", read_deeplabcut, count_deeplabcut),
    ):
        nested: dict[str, Path] = {}
        for file in sorted(folder.glob(f"*/*{suffix}")):
            if file.parent.name in nested:
                raise InvalidFileError(
                    f"{file.parent}: several {suffix} files ({nested[file.parent.name].name}, {file.name}), "
                    "expected one per camera"
                )
            nested[file.parent.name] = file
        files = nested or {file.stem: file for file in sorted(folder.glob(f"*{suffix}"))}
        if files:
            return files, read, animals
    raise InvalidFileError(f"{folder} holds no detections that mvmono3d reads; expected {_KNOWN}")


def _fitting_skeleton(detections: Detections, path: Path) -> Skeleton:
    if detections.skeleton in skeleton_names():
        return load_skeleton(detections.skeleton)
    joints = {_plain(name) for name in detections.joints}
    fitting = [
        name for name in skeleton_names() if {_plain(joint) for joint in load_skeleton(name).joints} == joints
    ]
    if len(fitting) == 1:
        return load_skeleton(fitting[0])
    own = f"skeleton {detections.skeleton!r}" if detections.skeleton else "no skeleton name"
    raise UnknownNameError(
        f"{path}: {own} and joints {', '.join(detections.joints)}; say --skeleton with one of "
        f"{', '.join(skeleton_names())} or your own YAML"
    )


def _aligned(detections: Detections, skeleton: Skeleton, where: str) -> Detections:
    places = {_plain(name): place for place, name in enumerate(detections.joints)}
    missing = [joint for joint in skeleton.joints if _plain(joint) not in places]
    if missing:
        raise UnknownNameError(
            f"{where}: no joint {', '.join(missing)} of skeleton {skeleton.name!r}; "
            f"the recording has {', '.join(detections.joints)}"
        )
    order = [places[_plain(joint)] for joint in skeleton.joints]
    return Detections(
        observations=_select(detections, (slice(None), slice(None), order)),
        views=detections.views,
        joints=skeleton.joints,
        skeleton=skeleton.name,
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
