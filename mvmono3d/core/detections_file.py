"""`detections.npz`: what a 2D detector saw, with the names of its views and joints.

Arrays: pixels (T,V,K,2), confidence (T,V,K), detected (T,V,K), time_ns (T,) or (T,V), views (V,),
joints (K,), skeleton (); optional sigma_px (T,V,K). With several people, a `person` axis stands before K
everywhere, and `persons` names them: one of them is read. Without `persons` nobody has said yet who is who:
one place on the axis may hold another person in every view and frame.
"""

from collections.abc import Sequence
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


def read_detections(path: Path, *, person: int | None = None) -> Detections:
    """Read and check a detections file; errors say array, expected and got.

    `person` counts from 0 and is needed where the file holds several. Times per view become their mean.
    """
    arrays = _one_person(read_npz(path, required=_REQUIRED), person, str(path))
    _check_shapes(arrays, str(path))
    times = arrays["time_ns"].astype(np.int64)
    observations = Observations(
        pixels=arrays["pixels"].astype(np.float64),
        confidence=arrays["confidence"].astype(np.float64),
        detected=arrays["detected"].astype(bool),
        time_ns=times if times.ndim == 1 else _mean_ns(times),
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


def people_of(path: Path) -> tuple[tuple[str, ...] | None, int]:
    """Return the names of a file's people, where it has any, and their number."""
    arrays = read_npz(path, required=_REQUIRED)
    names = tuple(str(name) for name in arrays["persons"]) if "persons" in arrays else None
    crowd = arrays["pixels"].ndim == 5
    return names, len(names) if names else arrays["pixels"].shape[2] if crowd else 1


def write_people(path: Path, people: Sequence[Detections], *, names: Sequence[str]) -> None:
    """Write several people's detections of one recording, with a person axis."""
    arrays = {
        field: np.stack([np.asarray(getattr(each.observations, field)) for each in people], axis=2)
        for field in ("pixels", "confidence", "detected")
    }
    first = people[0]
    arrays |= {
        "time_ns": np.asarray(first.observations.time_ns),
        "views": np.array(first.views),
        "joints": np.array(first.joints),
        "skeleton": np.array(first.skeleton),
        "persons": np.array(names),
    }
    write_npz(path, arrays)


def _one_person(arrays: dict[str, np.ndarray], person: int | None, where: str) -> dict[str, np.ndarray]:
    """Take one person out of arrays with a person axis; others pass as they are."""
    if "persons" not in arrays and arrays["pixels"].ndim != 5:
        return arrays
    places = [str(place) for place in range(arrays["pixels"].shape[2])]
    names = [str(name) for name in arrays["persons"]] if "persons" in arrays else places
    if person is None and len(names) > 1:
        raise InvalidFileError(
            f"{where} holds {len(names)} people ({', '.join(names)}): choose with --person"
        )
    if not 0 <= (person or 0) < len(names):
        raise InvalidFileError(f"{where}: no person {person}, expected 0 to {len(names) - 1}")
    picked = {
        name: arrays[name][:, :, person or 0]
        for name in ("pixels", "confidence", "detected", "sigma_px")
        if name in arrays and arrays[name].ndim > 3
    }
    return arrays | picked


def _check_shapes(arrays: dict[str, np.ndarray], where: str) -> None:
    shape = arrays["pixels"].shape
    if len(shape) != 4 or shape[-1] != 2:
        raise InvalidFileError(f"{where}: pixels {shape}, expected (time, view, joint, 2)")
    for name in ("confidence", "detected", "sigma_px"):
        if name in arrays and arrays[name].shape != shape[:3]:
            raise InvalidFileError(f"{where}: {name} {arrays[name].shape}, expected {shape[:3]} as in pixels")
    times = arrays["time_ns"].shape
    if times not in (shape[:1], shape[:2]):
        raise InvalidFileError(f"{where}: time_ns {times}, expected {shape[:1]} or {shape[:2]}")


def _mean_ns(times: np.ndarray) -> np.ndarray:
    """Return the mean over views without leaving the integers: nanoseconds exceed a float's precision."""
    first = times[:, :1]
    return first[:, 0] + np.rint((times - first).mean(axis=1)).astype(np.int64)


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
