"""One camera of a rig file, checked; several become a rig."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mvmono3d.core.camera import Camera
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidFileError

_ORTHONORMAL_WITHIN = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class RigPart:
    """A camera as other programs write it: OpenCV's lens, `[R | t]` in metres."""

    name: str
    size_px: tuple[int, int]
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    distortion: tuple[float, ...]
    """k1 k2 p1 p2 k3, or k1 k2 k3 k4 of a fisheye; shorter is filled with zeros."""
    fisheye: bool
    camera_from_world: np.ndarray


def rig_of(parts: Sequence[RigPart], *, where: str) -> Rig:
    """Return the rig of at least two checked cameras."""
    if len(parts) < 2:
        raise InvalidFileError(f"{where}: {len(parts)} cameras, expected at least 2")
    names = tuple(part.name for part in parts)
    if len(set(names)) != len(names):
        raise InvalidFileError(f"{where}: camera names that repeat: {', '.join(names)}")
    for part in parts:
        if min(part.focal_px) <= 0 or min(part.size_px) < 1:
            raise InvalidFileError(
                f"{where}, camera {part.name!r}: focal lengths {part.focal_px}, size {part.size_px}, "
                "expected above 0 px"
            )
    return Rig(
        camera=Camera(
            focal_px=np.array([part.focal_px for part in parts], dtype=np.float64),
            centre_px=np.array([part.centre_px for part in parts], dtype=np.float64),
            distortion=np.array(
                [[*part.distortion, *(0.0,) * (5 - len(part.distortion))] for part in parts], dtype=np.float64
            ),
            fisheye=np.array([part.fisheye for part in parts]),
            size_px=np.array([part.size_px for part in parts], dtype=np.int64),
        ),
        camera_from_world=np.stack([part.camera_from_world for part in parts]),
        pose_sigma=np.zeros((len(parts), 2)),
        names=names,
    )


def parts_of(rig: Rig) -> list[RigPart]:
    """Return the cameras of a rig, each with as many distortions as its lens model has."""
    camera = rig.camera
    return [
        RigPart(
            name=name,
            size_px=(int(camera.size_px[view][0]), int(camera.size_px[view][1])),
            focal_px=(float(camera.focal_px[view][0]), float(camera.focal_px[view][1])),
            centre_px=(float(camera.centre_px[view][0]), float(camera.centre_px[view][1])),
            distortion=tuple(float(value) for value in camera.distortion[view])[
                : 4 if camera.fisheye[view] else 5
            ],
            fisheye=bool(camera.fisheye[view]),
            camera_from_world=np.asarray(rig.camera_from_world[view], dtype=np.float64),
        )
        for view, name in enumerate(rig.names)
    ]


def numbers(value: Any, *, count: int | None, where: str) -> list[float]:
    """Return a flat list of finite numbers, `count` of them."""
    if not isinstance(value, list | tuple) or not all(
        isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item) for item in value
    ):
        raise InvalidFileError(f"{where}: {value!r} is not a list of finite numbers")
    if count is not None and len(value) != count:
        raise InvalidFileError(f"{where}: {len(value)} numbers, expected {count}")
    return [float(item) for item in value]


def pose_of(rotation: np.ndarray, translation: np.ndarray, *, where: str) -> np.ndarray:
    """Return `[R | t]`; refuse what is no rotation."""
    error = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
    if error > _ORTHONORMAL_WITHIN or np.linalg.det(rotation) < 0:
        raise InvalidFileError(
            f"{where}: not a rotation (R R^T differs from 1 by {error:.2g}, determinant "
            f"{np.linalg.det(rotation):.3g})"
        )
    return np.concatenate([rotation, np.reshape(translation, (3, 1))], axis=1)
