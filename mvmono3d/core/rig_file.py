"""`rig.toml`: the tables that anipose and Pose2Sim share, in metres, with our own extras.

One table per camera: `name, size [width, height], matrix, distortions, rotation` (Rodrigues vector,
rad), `translation` (m; millimetres in anipose's files), `fisheye`; optional `rotation_sigma` (rad) and
`translation_sigma`. A `[metadata]` table holds the schema version and free text.
"""

import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tomli_w

from mvmono3d.core.camera import Camera
from mvmono3d.core.rig import Rig
from mvmono3d.core.schema import SCHEMA_VERSION, atomic_write, check_schema
from mvmono3d.errors import InvalidFileError

METRES_PER_UNIT = {"m": 1.0, "mm": 1e-3}
_REQUIRED = ("size", "matrix", "distortions", "rotation", "translation")


def read_rig(path: Path, *, units: str = "m") -> Rig:
    """Read a rig whose translations are in `units` ("m" or "mm").

    Raises `InvalidFileError` with camera and field for anything that is not a calibration.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFileError(f"can't read rig {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"rig {path} is not TOML: {error}") from None
    metadata = content.pop("metadata", {})
    if "schema" in metadata:
        check_schema(metadata["schema"], where=str(path))
    tables = {key: table for key, table in content.items() if isinstance(table, dict) and "matrix" in table}
    if len(tables) < 2:
        raise InvalidFileError(f"rig {path}: {len(tables)} cameras, expected at least 2 tables with a matrix")
    cameras = [_parse(table, where=f"rig {path}, camera {key!r}") for key, table in tables.items()]
    scale = METRES_PER_UNIT[units]
    return Rig(
        camera=Camera(
            focal_px=np.array([camera["focal_px"] for camera in cameras]),
            centre_px=np.array([camera["centre_px"] for camera in cameras]),
            distortion=np.array([camera["distortion"] for camera in cameras]),
            fisheye=np.array([camera["fisheye"] for camera in cameras]),
            size_px=np.array([camera["size_px"] for camera in cameras]),
        ),
        camera_from_world=np.array([_scaled(camera["camera_from_world"], scale) for camera in cameras]),
        pose_sigma=np.array([camera["pose_sigma"] for camera in cameras]) * np.array([1.0, scale]),
        names=tuple(str(table.get("name", key)) for key, table in tables.items()),
        metadata=tuple((str(key), str(value)) for key, value in metadata.items() if key != "schema"),
    )


def write_rig(path: Path, rig: Rig) -> None:
    """Write a rig in metres; `read_rig` gives the same rig back."""
    content: dict[str, Any] = {}
    for view, name in enumerate(rig.names):
        content[f"cam_{view:02d}"] = _table(rig, view, name)
    content["metadata"] = {"schema": SCHEMA_VERSION, **dict(rig.metadata)}
    with atomic_write(path) as file:
        tomli_w.dump(content, file)


def _table(rig: Rig, view: int, name: str) -> dict[str, Any]:
    camera, pose = rig.camera, np.asarray(rig.camera_from_world[view], dtype=np.float64)
    (fx, fy), (cx, cy) = camera.focal_px[view].tolist(), camera.centre_px[view].tolist()
    fisheye = bool(camera.fisheye[view])
    rotation_sigma, translation_sigma = rig.pose_sigma[view].tolist()
    return {
        "name": name,
        "size": [int(value) for value in camera.size_px[view]],
        "matrix": [[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]],
        "distortions": camera.distortion[view].tolist()[: 4 if fisheye else 5],
        "rotation": cv2.Rodrigues(pose[:, :3])[0].ravel().tolist(),
        "translation": pose[:, 3].tolist(),
        "fisheye": fisheye,
        "rotation_sigma": rotation_sigma,
        "translation_sigma": translation_sigma,
    }


def _scaled(camera_from_world: np.ndarray, scale: float) -> np.ndarray:
    return camera_from_world * np.array([1.0, 1.0, 1.0, scale])


def _parse(table: dict[str, Any], *, where: str) -> dict[str, Any]:
    for field in _REQUIRED:
        if field not in table:
            raise InvalidFileError(f"{where}: no {field!r}; expected {', '.join(_REQUIRED)}")
    matrix = _numbers(table["matrix"], (3, 3), f"{where}, matrix")
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise InvalidFileError(f"{where}: focal lengths {matrix[0, 0]}, {matrix[1, 1]}, expected > 0 px")
    if abs(matrix[0, 1]) > 1e-6 * matrix[0, 0]:
        raise InvalidFileError(f"{where}: skew {matrix[0, 1]} in matrix, expected 0")
    size = _numbers(table["size"], (2,), f"{where}, size")
    if (size < 1).any():
        raise InvalidFileError(f"{where}: size {size.tolist()}, expected [width, height] in px")
    fisheye = bool(table.get("fisheye", False))
    sigma = [float(table.get("rotation_sigma", 0.0)), float(table.get("translation_sigma", 0.0))]
    rotation = _rotation(table["rotation"], where)
    translation = _numbers(table["translation"], (3,), f"{where}, translation")
    return {
        "focal_px": matrix[[0, 1], [0, 1]],
        "centre_px": matrix[:2, 2],
        "distortion": _distortion(table["distortions"], fisheye, where),
        "fisheye": fisheye,
        "size_px": size.astype(np.int64),
        "camera_from_world": np.concatenate([rotation, translation[:, None]], axis=1),
        "pose_sigma": np.array(sigma),
    }


def _rotation(value: Any, where: str) -> np.ndarray:
    if np.shape(value) == (3,):
        return cv2.Rodrigues(_numbers(value, (3,), f"{where}, rotation"))[0]
    matrix = _numbers(value, (3, 3), f"{where}, rotation")
    error = np.abs(matrix @ matrix.T - np.eye(3)).max()
    if error > 1e-4 or np.linalg.det(matrix) < 0:
        raise InvalidFileError(
            f"{where}: rotation is not orthonormal (R R^T differs from 1 by {error:.2g}, "
            f"determinant {np.linalg.det(matrix):.3g}); expected a rotation matrix or a Rodrigues vector"
        )
    return matrix


def _distortion(value: Any, fisheye: bool, where: str) -> np.ndarray:
    numbers = _numbers(value, None, f"{where}, distortions")
    most = 4 if fisheye else 5
    if numbers.ndim != 1 or len(numbers) > most:
        expected = "k1 k2 k3 k4 (fisheye)" if fisheye else "k1 k2 p1 p2 k3"
        raise InvalidFileError(f"{where}: {numbers.size} distortions, expected at most {most}: {expected}")
    return np.concatenate([numbers, np.zeros(5 - len(numbers))])


def _numbers(value: Any, shape: tuple[int, ...] | None, where: str) -> np.ndarray:
    try:
        numbers = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidFileError(f"{where}: {value!r} is not a table of numbers") from None
    if shape is not None and numbers.shape != shape:
        raise InvalidFileError(f"{where}: shape {numbers.shape}, expected {shape}")
    if not np.isfinite(numbers).all():
        raise InvalidFileError(f"{where}: not finite: {value!r}")
    return numbers
