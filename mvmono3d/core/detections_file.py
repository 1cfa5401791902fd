"""`detections.npz`: what a 2D detector saw, with the names of its views and joints.

Arrays: pixels (T,V,K,2), confidence (T,V,K), detected (T,V,K), time_ns (T,), views (V,), joints (K,),
skeleton (); optional sigma_px (T,V,K).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.core.observations import Observations
from mvmono3d.errors import InvalidFileError

_REQUIRED = ("pixels", "confidence", "detected", "time_ns", "views", "joints")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """Observations of a recording with the names on their axes."""

    observations: Observations
    views: tuple[str, ...]
    joints: tuple[str, ...]
    skeleton: str
    """Name of the skeleton, or "" when the file doesn't say."""


def read_detections(path: Path) -> Detections:
    """Read and check a detections file; errors say array, expected and got."""
    arrays = read_npz(path, required=_REQUIRED)
    observations = Observations(
        pixels=arrays["pixels"].astype(np.float64),
        confidence=arrays["confidence"].astype(np.float64),
        detected=arrays["detected"].astype(bool),
        time_ns=arrays["time_ns"].astype(np.int64),
        sigma_px=arrays["sigma_px"].astype(np.float64) if "sigma_px" in arrays else None,
    )
    detections = Detections(
        observations=observations,
        views=tuple(str(name) for name in arrays["views"]),
        joints=tuple(str(name) for name in arrays["joints"]),
        skeleton=str(arrays.get("skeleton", "")),
    )
    check_detections(detections, where=str(path))
    return detections


def write_detections(path: Path, detections: Detections) -> None:
    """Write detections; `read_detections` gives the same back."""
    observations = detections.observations
    arrays = {
        "pixels": np.asarray(observations.pixels),
        "confidence": np.asarray(observations.confidence),
        "detected": np.asarray(observations.detected),
        "time_ns": np.asarray(observations.time_ns),
        "views": np.array(detections.views),
        "joints": np.array(detections.joints),
        "skeleton": np.array(detections.skeleton),
    }
    if observations.sigma_px is not None:
        arrays["sigma_px"] = np.asarray(observations.sigma_px)
    write_npz(path, arrays)


def check_detections(detections: Detections, *, where: str) -> None:
    """Refuse detections that break their own shapes or ranges."""
    observations = detections.observations
    shape = observations.pixels.shape
    if len(shape) != 4 or shape[-1] != 2:
        raise InvalidFileError(f"{where}: pixels {shape}, expected (time, view, joint, 2)")
    frames, views, joints = shape[:3]
    if frames == 0:
        raise InvalidFileError(f"{where}: the recording is empty (0 frames)")
    for name in ("confidence", "detected", "sigma_px"):
        array = getattr(observations, name)
        if array is not None and array.shape != shape[:3]:
            raise InvalidFileError(f"{where}: {name} {array.shape}, expected {shape[:3]} as in pixels")
    for name, got, expected in (
        ("time_ns", observations.time_ns.shape[0], frames),
        ("views", len(detections.views), views),
        ("joints", len(detections.joints), joints),
    ):
        if got != expected:
            raise InvalidFileError(f"{where}: {got} {name}, but pixels has {expected}")
    _check_values(observations, detections, where)


def _check_values(observations: Observations, detections: Detections, where: str) -> None:
    bad = ~np.isfinite(observations.pixels).all(axis=-1)
    if bad.any():
        frame, view, joint = (int(index) for index in np.argwhere(bad)[0])
        raise InvalidFileError(
            f"{where}: {int(bad.sum())} pixels are not finite, first at frame {frame}, view "
            f"{detections.views[view]!r}, joint {detections.joints[joint]!r}; "
            "mark what is missing in 'detected' and set its pixels to 0"
        )
    confidence = observations.confidence
    if not ((confidence >= 0) & (confidence <= 1)).all():
        low, high = np.nanmin(confidence), np.nanmax(confidence)
        raise InvalidFileError(f"{where}: confidence from {low:.3g} to {high:.3g}, expected within [0, 1]")
    if (np.diff(observations.time_ns) <= 0).any():
        raise InvalidFileError(f"{where}: time_ns does not increase from frame to frame")
