"""Lay a recording out as the graph's inputs, one set of frames after the other."""

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig

_NS_PER_S = 1e9


def graph_inputs(
    observations: Observations, rig: Rig, *, views: int, magnify: float = 1.0
) -> dict[str, np.ndarray]:
    """Return every input of the graph except the state, frames on the first axis.

    A rig of fewer cameras than `views` is filled up with copies of its first camera that are false in
    `view_mask`: numbers a graph can compute with, that it must not use. `magnify` enlarges all images,
    which changes no geometry: it brings a recording to the detector noise that a graph expects.
    """
    frames, missing = observations.pixels.shape[0], views - len(rig.names)
    cameras = {
        "lens": rig.camera.lens * np.where(np.arange(10) < 4, magnify, 1.0),
        "camera_from_world": rig.camera_from_world,
        "pose_sigma": rig.pose_sigma,
    }
    return {
        "pixels": _float(_fill_zeros(observations.pixels * magnify, missing)),
        "confidence": _float(_fill_zeros(observations.confidence, missing)),
        "detected": _fill_zeros(np.asarray(observations.detected), missing),
        "view_mask": np.broadcast_to(np.arange(views) < len(rig.names), (frames, views)).copy(),
        **{name: _float(_repeat(_fill_first(array, missing), frames)) for name, array in cameras.items()},
        "time_step_s": _time_steps(np.asarray(observations.time_ns)),
    }


def _fill_zeros(array: np.ndarray, missing: int) -> np.ndarray:
    zeros = np.zeros((array.shape[0], missing, *array.shape[2:]), dtype=array.dtype)
    return np.concatenate([array, zeros], axis=1)


def _fill_first(array: np.ndarray, missing: int) -> np.ndarray:
    return np.concatenate([array, np.repeat(array[:1], missing, axis=0)], axis=0)


def _repeat(array: np.ndarray, frames: int) -> np.ndarray:
    return np.broadcast_to(array, (frames, *array.shape))


def _float(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float32)


def _time_steps(time_ns: np.ndarray) -> Float[np.ndarray, " time"]:
    # Differences in integers first: a float32 can't hold a clock.
    return (np.diff(time_ns, prepend=time_ns[:1]) / _NS_PER_S).astype(np.float32)


def drop_views(inputs: dict[str, np.ndarray], lost: Bool[np.ndarray, "time view"]) -> dict[str, np.ndarray]:
    """Return the inputs as if the cameras had not delivered in those frames."""
    seen = ~lost
    return inputs | {
        "view_mask": inputs["view_mask"] & seen,
        "detected": inputs["detected"] & seen[:, :, None],
        "confidence": np.where(seen[:, :, None], inputs["confidence"], 0).astype(np.float32),
        "pixels": np.where(seen[:, :, None, None], inputs["pixels"], 0).astype(np.float32),
    }
