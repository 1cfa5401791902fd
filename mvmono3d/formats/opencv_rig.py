"""Rigs in OpenCV's YAML (FileStorage), of OpenCV 4 and 5.

Two layouts are read. EasyMocap's: `names`, and per name `K_name` (3 x 3), `dist_name`, `Rot_name` (3 x 3)
or `R_name` (Rodrigues vector), `T_name`, in one file or in a folder's `intri.yml` and `extri.yml`. And the
stereo sample's: `M1 D1 M2 D2 R T`, of which the first camera is the world. `H_name`, `W_name` or
`image_width`, `image_height` say the size.

It is written in the first layout, with the header and the (1, N) matrices that every OpenCV reads.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from mvmono3d.core.rig import Rig
from mvmono3d.core.schema import atomic_write
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.rig_parts import RigPart, numbers, parts_of, pose_of, rig_of

_INTRINSICS, _EXTRINSICS = "intri.yml", "extri.yml"


class _Loader(yaml.SafeLoader):
    """Plain YAML and OpenCV's matrices, which become arrays."""


def _matrix(loader: yaml.SafeLoader, node: yaml.MappingNode) -> np.ndarray:
    table: dict[str, Any] = loader.construct_mapping(node, deep=True)  # pyright: ignore[reportAssignmentType]
    shape = table.get("sizes") or [table.get("rows", ""), table.get("cols", "")]
    try:
        return np.array(table.get("data"), dtype=np.float64).reshape([int(size) for size in shape])
    except (TypeError, ValueError):
        raise yaml.constructor.ConstructorError(
            None, None, f"matrix of shape {shape} whose data are not as many numbers", node.start_mark
        ) from None


_Loader.add_constructor("tag:yaml.org,2002:opencv-matrix", _matrix)
_Loader.add_constructor("tag:yaml.org,2002:opencv-nd-matrix", _matrix)


def read_opencv(path: Path) -> Rig:
    """Read a file, or a folder with intri.yml and extri.yml; lengths are metres."""
    content = _load(path) if not path.is_dir() else _load(path / _INTRINSICS) | _load(path / _EXTRINSICS)
    if "names" in content:
        names = content["names"]
        if not isinstance(names, list) or not names:
            raise InvalidFileError(f"{path}, names: {names!r}, expected the cameras' names")
        parts = [_named(content, str(name), f"{path}, camera {str(name)!r}") for name in names]
        return rig_of(parts, where=str(path))
    if {"R", "T"} <= set(content):
        return rig_of(_stereo(content, str(path)), where=str(path))
    raise InvalidFileError(
        f"{path}: neither 'names' (K_name, dist_name, Rot_name or R_name, T_name) nor a stereo pair "
        f"(M1 D1 M2 D2 R T); it has {', '.join(sorted(content)[:8]) or 'nothing'}"
    )


def write_opencv(path: Path, rig: Rig) -> None:
    """Write one file that `cv2.FileStorage` of OpenCV 4 and 5 reads, and `read_opencv`."""
    rows = ["%YAML:1.0", "---", "names:"]
    rows += [f'   - "{name}"' for name in rig.names]
    for part in parts_of(rig):
        (fx, fy), (cx, cy) = part.focal_px, part.centre_px
        rotation, translation = part.camera_from_world[:, :3], part.camera_from_world[:, 3]
        rows += _node(f"K_{part.name}", np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]))
        rows += _node(f"dist_{part.name}", np.array([part.distortion]))
        rows += _node(f"R_{part.name}", Rotation.from_matrix(rotation).as_rotvec()[:, None])
        rows += _node(f"Rot_{part.name}", rotation)
        rows += _node(f"T_{part.name}", translation[:, None])
        rows += [f"W_{part.name}: {part.size_px[0]}", f"H_{part.name}: {part.size_px[1]}"]
        rows += [f"fisheye_{part.name}: {int(part.fisheye)}"]
    for name in rig.names:
        # FileStorage accepts letters, digits, "_" and "-" in a key.
        if not re.fullmatch(r"[\w-]+", name, flags=re.ASCII):
            raise InvalidFileError(f"{path}: camera name {name!r} can't stand in an OpenCV file")
    with atomic_write(path) as file:
        file.write(("\n".join(rows) + "\n").encode())


def _node(key: str, matrix: np.ndarray) -> list[str]:
    # OpenCV reads "1." and "1.0e+00", but not "1e-05": without a point it is a text.
    data = ", ".join(_decimal(value) for value in matrix.ravel().tolist())
    rows, columns = matrix.shape
    return [
        f"{key}: !!opencv-matrix",
        f"   rows: {rows}",
        f"   cols: {columns}",
        "   dt: d",
        f"   data: [ {data} ]",
    ]


def _decimal(value: float) -> str:
    return f"{value:.17e}"


def _load(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidFileError(f"can't read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidFileError(f"{path} is not text: {error}") from None
    # "%YAML:1.0" is no YAML directive; the empty line keeps the line numbers of messages.
    loader = _Loader(re.sub(r"\A\ufeff?%YAML[^\n]*", "", text))
    try:
        content = loader.get_single_data()
    except yaml.YAMLError as error:
        raise InvalidFileError(f"{path} is not OpenCV YAML: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()
    if not isinstance(content, dict):
        raise InvalidFileError(f"{path}: no table of matrices in it")
    return content


def _named(content: dict[str, Any], name: str, where: str) -> RigPart:
    if f"Rot_{name}" in content:
        rotation = _array(content, f"Rot_{name}", (3, 3), where)
    else:
        vector = _array(content, f"R_{name}", (3,), where)
        rotation = Rotation.from_rotvec(vector).as_matrix()
    pose = pose_of(rotation, _array(content, f"T_{name}", (3,), where), where=where)
    matrix = _array(content, f"K_{name}", (3, 3), where)
    fisheye = bool(content.get(f"fisheye_{name}", False))
    distortion = _array(content, f"dist_{name}", None, where)
    size = _size(content, ((f"W_{name}", f"H_{name}"), ("image_width", "image_height")), where)
    return _part(name, matrix, distortion, size=size, pose=pose, fisheye=fisheye, where=where)


def _stereo(content: dict[str, Any], where: str) -> list[RigPart]:
    rotation = _array(content, "R", (3, 3), where)
    second = pose_of(rotation, _array(content, "T", (3,), where), where=where)
    size = _size(content, (("image_width", "image_height"),), where)
    return [
        _part(
            f"camera_{number}",
            _array(content, f"M{number}", (3, 3), where),
            _array(content, f"D{number}", None, where),
            size=size,
            pose=pose,
            fisheye=False,
            where=f"{where}, camera {number}",
        )
        for number, pose in ((1, np.eye(4)[:3]), (2, second))
    ]


def _part(
    name: str,
    matrix: np.ndarray,
    distortion: np.ndarray,
    *,
    size: tuple[int, int],
    pose: np.ndarray,
    fisheye: bool,
    where: str,
) -> RigPart:
    if abs(matrix[0, 1]) > 1e-6 * abs(matrix[0, 0]):
        raise InvalidFileError(f"{where}: skew {matrix[0, 1]:g} in the camera matrix, expected 0")
    most, beyond = (4, "k1 k2 k3 k4") if fisheye else (5, "k1 k2 p1 p2 k3")
    if np.any(distortion[most:]):
        raise InvalidFileError(
            f"{where}: {len(distortion)} distortion coefficients of a rational, thin prism or tilted lens; "
            f"only {beyond} can be kept: calibrate without CALIB_RATIONAL_MODEL"
        )
    return RigPart(
        name=name,
        size_px=size,
        focal_px=(float(matrix[0, 0]), float(matrix[1, 1])),
        centre_px=(float(matrix[0, 2]), float(matrix[1, 2])),
        distortion=tuple(distortion[:most].tolist()),
        fisheye=fisheye,
        camera_from_world=pose,
    )


def _array(content: dict[str, Any], key: str, shape: tuple[int, ...] | None, where: str) -> np.ndarray:
    if not isinstance(content.get(key), np.ndarray):
        raise InvalidFileError(f"{where}: no matrix {key!r}")
    flat = content[key].ravel()
    numbers(flat.tolist(), count=None if shape is None else int(np.prod(shape)), where=f"{where}, {key}")
    return flat if shape is None else flat.reshape(shape)


def _size(content: dict[str, Any], pairs: tuple[tuple[str, str], ...], where: str) -> tuple[int, int]:
    for width, height in pairs:
        if width in content and height in content:
            found = numbers([content[width], content[height]], count=2, where=f"{where}, {width} {height}")
            return int(found[0]), int(found[1])
    named = " or ".join(f"{width}, {height}" for width, height in pairs)
    raise InvalidFileError(f"{where}: no image size; write {named} into the file")
