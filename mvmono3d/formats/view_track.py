"""What one camera's file says, and how the cameras' files become one recording."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.detections_file import Detections, check_detections
from mvmono3d.core.observations import Observations
from mvmono3d.errors import InvalidFileError

HIGHEST_PEAK = 1.5
"""Confidences that are heat-map peaks overshoot 1 after interpolation: 1.41 was seen in OpenPose
(CMU-Perceptual-Computing-Lab/openpose#615), 1.10 in SLEAP. They are taken as 1; more is no confidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewTrack:
    """One actor in one camera; frames may be absent."""

    frames: Int[np.ndarray, " frame"]
    pixels: Float[np.ndarray, "frame joint 2"]
    confidence: Float[np.ndarray, "frame joint"]
    detected: Bool[np.ndarray, "frame joint"]


def make_view_track(
    frames: Int[np.ndarray, " frame"],
    values: Float[np.ndarray, "frame joint 3"],
    *,
    where: str,
    joints: Sequence[str],
) -> ViewTrack:
    """Build a track from u, v and confidence.

    A joint is not detected where a number is NaN or the confidence is 0. Raises `InvalidFileError` for
    confidences outside [0, 1] (see `HIGHEST_PEAK`) and for infinite pixels.
    """
    values = np.where(np.isnan(values).any(axis=-1, keepdims=True), 0.0, values)
    confidence = values[..., 2]
    _refuse(confidence, (confidence < 0) | (confidence > HIGHEST_PEAK), "confidence", where, frames, joints)
    infinite = np.asarray((~np.isfinite(values[..., :2])).any(axis=-1))
    _refuse(values[..., :2].max(axis=-1), infinite, "pixel", where, frames, joints)
    detected = confidence > 0
    return ViewTrack(
        frames=frames,
        pixels=np.where(detected[..., None], values[..., :2], 0.0),
        confidence=np.minimum(confidence, 1.0),
        detected=detected,
    )


def _refuse(
    values: np.ndarray, bad: np.ndarray, kind: str, where: str, frames: np.ndarray, joints: Sequence[str]
) -> None:
    if not bad.any():
        return
    row, joint = (int(index) for index in np.argwhere(bad)[0])
    expected = "within [0, 1]" if kind == "confidence" else "a finite number"
    raise InvalidFileError(
        f"{where}: {kind} {values[row, joint]:.4g} at frame {frames[row]}, joint {joints[joint]!r}, "
        f"expected {expected}"
    )


def combine_views(
    tracks: Mapping[str, ViewTrack], *, joints: Sequence[str], rate_hz: float, skeleton: str, where: str
) -> Detections:
    """Join the cameras' tracks by frame number; frame 0 is time 0.

    The time axis holds every frame that any camera has; a camera without it has detected nothing.
    Raises `InvalidFileError` when no frame is seen by two cameras.
    """
    if len(tracks) < 2:
        raise InvalidFileError(f"{where}: detections of {len(tracks)} camera, expected at least 2")
    frames, counts = np.unique(
        np.concatenate([track.frames for track in tracks.values()]), return_counts=True
    )
    if frames.size == 0:
        raise InvalidFileError(f"{where}: the recording is empty (0 frames)")
    if counts.max() < 2:
        raise InvalidFileError(f"{where}: no frame number occurs in two cameras; are the files of one take?")
    shape = (len(frames), len(tracks), len(joints))
    pixels, confidence, detected = np.zeros((*shape, 2)), np.zeros(shape), np.zeros(shape, dtype=bool)
    for view, track in enumerate(tracks.values()):
        rows = np.searchsorted(frames, track.frames)
        pixels[rows, view] = track.pixels
        confidence[rows, view] = track.confidence
        detected[rows, view] = track.detected
    detections = Detections(
        observations=Observations(
            pixels=pixels,
            confidence=confidence,
            detected=detected,
            time_ns=np.round(frames * (1e9 / rate_hz)).astype(np.int64),
        ),
        views=tuple(tracks),
        joints=tuple(joints),
        skeleton=skeleton,
    )
    check_detections(detections, where=where)
    return detections
