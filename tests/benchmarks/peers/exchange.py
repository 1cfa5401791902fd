"""What a peer is handed, and what it hands back: numpy files, read and written alike in both environments.

Everything is numbers and names, so no pickles. This file and the runners import nothing of the product.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One recording as every method gets it: distorted pixels, metres, cameras as the user knows them."""

    pixels: np.ndarray
    """(time view joint 2); 0 where not detected."""
    confidence: np.ndarray
    detected: np.ndarray
    time_ns: np.ndarray
    lens: np.ndarray
    """(view 10): fx fy cx cy k1 k2 p1 p2 k3, and 0 for a pinhole."""
    camera_from_world: np.ndarray
    """(view 3 4)"""
    size_px: np.ndarray
    """(view 2): width, height."""
    joints: np.ndarray
    """(joint) names."""
    bones: np.ndarray
    """(bone 2): parent and child of bones of constant length."""
    flexible_bones: np.ndarray
    """(bone 2): those of bones whose length varies."""
    start_points: np.ndarray
    """(time joint 3): our robust triangulation, for a peer that would start worse by itself."""
    start_answered: np.ndarray

    @property
    def rate_hz(self):
        return 1e9 / float(np.median(np.diff(self.time_ns)))

    def matrix(self, view):
        fx, fy, cx, cy = self.lens[view, :4]
        return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])

    def distortion(self, view):
        return self.lens[view, 4:9].copy()

    def rotation(self, view):
        """Return the Rodrigues vector of a view."""
        return cv2.Rodrigues(np.ascontiguousarray(self.camera_from_world[view, :, :3]))[0].ravel()

    def translation(self, view):
        return self.camera_from_world[view, :, 3].copy()

    def straight_pixels(self):
        """Return the pixels that pinholes without distortion would have seen (OpenCV's own undistortion)."""
        straight = np.zeros(self.pixels.shape)
        for view in range(len(self.lens)):
            seen = np.ascontiguousarray(self.pixels[:, view].reshape(-1, 1, 2))
            matrix = self.matrix(view)
            found = cv2.undistortPoints(seen, matrix, self.distortion(view), P=matrix)
            straight[:, view] = found.reshape(self.pixels[:, view].shape)
        return straight


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Joints in metres, whether there is one, and the CPU seconds that it took."""

    points: np.ndarray
    """(time joint 3); 0 where not answered."""
    answered: np.ndarray
    cpu_s: float
    """All of it, input and output of the peer's own files included."""
    core_cpu_s: float
    """The optimiser, smoother or triangulation alone."""


def answer_of(points, *, cpu_s, core_cpu_s):
    """Return the answer of points that are NaN where there is none."""
    answered = np.isfinite(points).all(axis=-1)
    return Answer(
        points=np.where(answered[..., None], points, 0.0),
        answered=answered,
        cpu_s=float(cpu_s),
        core_cpu_s=float(core_cpu_s),
    )


def write_arrays(path, record):
    """Write a scene or an answer; `read_scene` and `read_answer` give the same back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {field.name: np.asarray(getattr(record, field.name)) for field in fields(record)}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def read_scene(path):
    return Scene(**_arrays(Path(path)))


def read_answer(path):
    arrays = _arrays(Path(path))
    return Answer(
        points=arrays["points"],
        answered=arrays["answered"],
        cpu_s=float(arrays["cpu_s"]),
        core_cpu_s=float(arrays["core_cpu_s"]),
    )


def _arrays(path):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
