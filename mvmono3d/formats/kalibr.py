"""Kalibr's `camchain.yaml` (https://github.com/ethz-asl/kalibr/wiki/yaml-formats).

A chain of transforms from each camera to the next: the first camera is the world, so turn the rig to the
floor afterwards. Lenses: pinhole with `radtan` (k1 k2 p1 p2), `equidistant` (OpenCV's fisheye) or `none`.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mvmono3d.core.rig import Rig
from mvmono3d.core.schema import atomic_write
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.rig_parts import RigPart, numbers, parts_of, pose_of, rig_of

_COEFFICIENTS = {"radtan": 4, "equidistant": 4, "none": 0}


def read_kalibr(path: Path) -> Rig:
    """Read a chain of cameras; the world is the first camera's frame."""
    content = read_yaml(path)
    keys = sorted((key for key in content if re.fullmatch(r"cam\d+", str(key))), key=lambda key: int(key[3:]))
    parts: list[RigPart] = []
    for place, key in enumerate(keys):
        where = f"{path}, {key}"
        if not isinstance(content[key], dict):
            raise InvalidFileError(f"{where}: {content[key]!r}, expected a table")
        before = parts[-1].camera_from_world if place else None
        parts.append(_part(content[key], key, before, where))
    return rig_of(parts, where=str(path))


def write_kalibr(path: Path, rig: Rig) -> None:
    """Write a chain of cameras; raises `InvalidFileError` where radtan can't hold a lens (k3)."""
    content, before = {}, np.eye(4)
    for place, part in enumerate(parts_of(rig)):
        if not part.fisheye and part.distortion[4] != 0:
            raise InvalidFileError(
                f"{path}: camera {part.name!r} has k3 = {part.distortion[4]:g}, which Kalibr's radtan "
                "(k1 k2 p1 p2) can't hold; calibrate with two radial coefficients"
            )
        pose = np.vstack([part.camera_from_world, [0.0, 0.0, 0.0, 1.0]])
        table: dict[str, Any] = {
            "camera_model": "pinhole",
            "intrinsics": [*part.focal_px, *part.centre_px],
            "distortion_model": "equidistant" if part.fisheye else "radtan",
            "distortion_coeffs": list(part.distortion[:4]),
            "resolution": list(part.size_px),
            "rostopic": f"/{part.name}/image_raw",
        }
        if place:
            table["T_cn_cnm1"] = (pose @ np.linalg.inv(before)).tolist()
        content[f"cam{place}"] = table
        before = pose
    with atomic_write(path) as file:
        file.write(yaml.safe_dump(content, sort_keys=False).encode())


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML table; errors say file and line."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFileError(f"can't read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InvalidFileError(f"{path}: no table of cameras in it")
    return content


def _part(table: dict[str, Any], key: str, before: np.ndarray | None, where: str) -> RigPart:
    for field in ("camera_model", "intrinsics", "distortion_model", "distortion_coeffs", "resolution"):
        if field not in table:
            raise InvalidFileError(f"{where}: no {field!r}")
    if table["camera_model"] != "pinhole":
        raise InvalidFileError(f"{where}: camera_model {table['camera_model']!r}, expected pinhole")
    lens = table["distortion_model"]
    if lens not in _COEFFICIENTS:
        raise InvalidFileError(f"{where}: distortion_model {lens!r}, expected {', '.join(_COEFFICIENTS)}")
    fx, fy, cx, cy = numbers(table["intrinsics"], count=4, where=f"{where}, intrinsics")
    width, height = numbers(table["resolution"], count=2, where=f"{where}, resolution")
    distortion = table["distortion_coeffs"] if lens != "none" else []
    return RigPart(
        name=_name(table, key),
        size_px=(int(width), int(height)),
        focal_px=(fx, fy),
        centre_px=(cx, cy),
        distortion=tuple(numbers(distortion, count=_COEFFICIENTS[lens], where=f"{where}, distortion_coeffs")),
        fisheye=lens == "equidistant",
        camera_from_world=np.eye(4)[:3] if before is None else _follow(table, before, where),
    )


def _name(table: dict[str, Any], key: str) -> str:
    topic = re.fullmatch(r"/([^/]+)/image_raw", str(table.get("rostopic", "")))
    return topic[1] if topic else key


def _follow(table: dict[str, Any], before: np.ndarray, where: str) -> np.ndarray:
    rows = table.get("T_cn_cnm1")
    if not isinstance(rows, list) or len(rows) != 4:
        raise InvalidFileError(f"{where}: T_cn_cnm1 {rows!r}, expected 4 rows of 4 numbers")
    step = np.array([numbers(row, count=4, where=f"{where}, T_cn_cnm1") for row in rows])
    pose_of(step[:3, :3], step[:3, 3], where=f"{where}, T_cn_cnm1")
    return step[:3] @ np.vstack([before, [0.0, 0.0, 0.0, 1.0]])
