"""COLMAP's `cameras.txt` and `images.txt` (https://colmap.github.io/format.html), one image per camera.

COLMAP puts the centre of the first pixel at (0.5, 0.5); here it is (0, 0). Its reconstructions have no
unit: a rig read here is in metres only if the model was scaled to metres.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from scipy.spatial.transform import Rotation

from mvmono3d.core.rig import Rig
from mvmono3d.core.schema import atomic_write
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.rig_parts import RigPart, parts_of, pose_of, rig_of

_HALF_PX = 0.5
_IMAGE_SUFFIX = ".png"

# Each parameter by name; "f" is both focal lengths. Coefficients as in `RigPart.distortion`.
_MODELS: dict[str, tuple[str, ...]] = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
    "FULL_OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
    "OPENCV_FISHEYE": ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"),
    "SIMPLE_RADIAL_FISHEYE": ("f", "cx", "cy", "k1"),
    "RADIAL_FISHEYE": ("f", "cx", "cy", "k1", "k2"),
}
_PINHOLE, _FISHEYE = ("k1", "k2", "p1", "p2", "k3"), ("k1", "k2", "k3", "k4")


def read_colmap(folder: Path) -> Rig:
    """Read a folder with cameras.txt and images.txt; an image's name without suffix is its camera's."""
    lenses = dict(_lens(line, where) for line, where in _lines(folder / "cameras.txt"))
    path = folder / "images.txt"
    # Every second line lists the image's points, and may be empty.
    parts = [_image(line, where, lenses) for line, where in _lines(path, every_second=True)]
    return rig_of(parts, where=str(path))


def write_colmap(folder: Path, rig: Rig) -> None:
    """Write cameras.txt, images.txt and an empty points3D.txt; lenses are exact."""
    cameras, images = [], []
    for number, part in enumerate(parts_of(rig), start=1):
        model = "OPENCV_FISHEYE" if part.fisheye else "OPENCV" if part.distortion[4] == 0 else "FULL_OPENCV"
        values = [*part.focal_px, *(value + _HALF_PX for value in part.centre_px), *part.distortion]
        values = values[: len(_MODELS[model])] + [0.0] * (len(_MODELS[model]) - len(values))
        cameras.append(_row(number, model, *part.size_px, *values))
        quaternion = Rotation.from_matrix(part.camera_from_world[:, :3]).as_quat(scalar_first=True)
        pose = (*quaternion.tolist(), *part.camera_from_world[:, 3].tolist())
        images.append(_row(number, *pose, number, part.name + _IMAGE_SUFFIX) + "\n")
    for name, rows in (("cameras", cameras), ("images", images), ("points3D", [])):
        with atomic_write(folder / f"{name}.txt") as file:
            file.write("".join(row + "\n" for row in rows).encode())


def _row(*values: object) -> str:
    return " ".join(str(value) for value in values)


def _lines(path: Path, *, every_second: bool = False) -> Iterator[tuple[str, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidFileError(f"can't read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidFileError(f"{path} is not text: {error}") from None
    numbered = [
        (line.strip(), f"{path}, line {number}")
        for number, line in enumerate(text.splitlines(), start=1)
        if not line.startswith("#")
    ]
    if every_second:
        numbered = numbered[::2]
    yield from ((line, where) for line, where in numbered if line)


def _lens(line: str, where: str) -> tuple[str, RigPart]:
    fields = line.split()
    if len(fields) < 4:
        raise InvalidFileError(f"{where}: {len(fields)} fields, expected CAMERA_ID MODEL WIDTH HEIGHT PARAMS")
    number, model, width, height = fields[:4]
    if model not in _MODELS:
        raise InvalidFileError(f"{where}: camera model {model!r}, expected one of {', '.join(_MODELS)}")
    names = _MODELS[model]
    if len(fields) != 4 + len(names):
        raise InvalidFileError(f"{where}: {len(fields) - 4} parameters, {model} has {' '.join(names)}")
    values = dict(zip(names, _floats(fields[4:], where), strict=True))
    fisheye = model.endswith("FISHEYE")
    rational = [name for name in ("k4", "k5", "k6") if not fisheye and values.get(name, 0.0) != 0]
    if rational:
        raise InvalidFileError(
            f"{where}: {rational[0]} = {values[rational[0]]:g} of a rational lens; only k1 k2 p1 p2 k3 can "
            "be kept: estimate the model as OPENCV"
        )
    size = _floats([width, height], where)
    part = RigPart(
        name=number,
        size_px=(int(size[0]), int(size[1])),
        focal_px=(values.get("f", values.get("fx", 0.0)), values.get("f", values.get("fy", 0.0))),
        centre_px=(values["cx"] - _HALF_PX, values["cy"] - _HALF_PX),
        distortion=tuple(values.get(name, 0.0) for name in (_FISHEYE if fisheye else _PINHOLE)),
        fisheye=fisheye,
        camera_from_world=np.eye(4)[:3],
    )
    return number, part


def _image(line: str, where: str, lenses: dict[str, RigPart]) -> RigPart:
    fields = line.split(maxsplit=9)
    if len(fields) != 10:
        raise InvalidFileError(
            f"{where}: {len(fields)} fields, expected IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"
        )
    values = np.array(_floats(fields[1:8], where))
    if not 0.9 < np.linalg.norm(values[:4]) < 1.1:
        raise InvalidFileError(f"{where}: quaternion {fields[1:5]} is not of length 1")
    if fields[8] not in lenses:
        raise InvalidFileError(
            f"{where}: no camera {fields[8]!r} in cameras.txt, which has {', '.join(lenses)}"
        )
    lens = lenses[fields[8]]
    rotation = Rotation.from_quat(values[:4], scalar_first=True).as_matrix()
    return replace(
        lens,
        name=str(PurePosixPath(fields[9]).with_suffix("")),
        camera_from_world=pose_of(rotation, values[4:7], where=where),
    )


def _floats(fields: list[str], where: str) -> list[float]:
    try:
        values = [float(field) for field in fields]
    except ValueError:
        raise InvalidFileError(f"{where}: {' '.join(fields)!r} are not numbers") from None
    if not np.isfinite(values).all():
        raise InvalidFileError(f"{where}: {' '.join(fields)!r} are not finite")
    return values
