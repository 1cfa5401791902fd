"""The multi-camera ensemble Kalman smoother with calibrated cameras (an extended Kalman smoother in 3D).

EKS takes the spread of an ensemble of detectors as the variance of a detection. There is one detector
here; EKS then uses 1 / likelihood, px². `variance` "own" hands it the score as the likelihood, so that
this is its own rule; "score" hands it 1 / sigma², with sigma = sigma_px (1 + doubt (1 - score)). A missing
detection, which EKS does not know, is interpolated in its view with the largest variance EKS allows
(316 px, squared). The answer is EKS's 3D latent, so nothing is triangulated again. Where its variance
inflation fails (a singular matrix, no sure frame), it runs without.
"""

import time

import numpy as np
from eks.marker_array import MarkerArray  # pyright: ignore[reportMissingImports]
from eks.multicam_smoother import (  # pyright: ignore[reportMissingImports]
    ensemble_kalman_smoother_multicam,
)

from .aniposelib_runner import cameras_of
from .exchange import answer_of

_MM = 1e3
_LEAST_LIKELIHOOD = 1e-5
DEFAULTS = {
    "variance": "own",
    "sigma_px": 4.0,
    "doubt": 4.0,
    "smooth_per_px2": 0.0,
    "inflate": False,
    "least_confidence": 0.0,
}
"""EKS's smoothing parameter is `smooth_per_px2` times the variance of a sure detection: so tuning one does
not move the other. 0 lets EKS find it by maximum likelihood."""


def reconstruct(scene, settings):
    settings = DEFAULTS | settings
    begin = time.process_time()
    markers = _markers(scene, settings)
    core = time.process_time()
    try:
        table = _smooth(markers, scene, settings)
    except (np.linalg.LinAlgError, ValueError):
        # Inflation multiplies variances until all views agree, sometimes without end; or finds no frame
        # that is sure enough to begin with.
        table = _smooth(markers, scene, settings | {"inflate": False})
    end = time.process_time()
    values = np.asarray(table, dtype=np.float64).reshape(len(scene.time_ns), len(scene.joints), 6)
    return answer_of(values[..., :3] / _MM, cpu_s=end - begin, core_cpu_s=end - core)


def _smooth(markers, scene, settings):
    """Return EKS's table of 3D latents: x, y, z and their variances for each joint."""
    variance = settings["sigma_px"] ** 2 if settings["variance"] == "score" else 1.0
    return ensemble_kalman_smoother_multicam(
        marker_array=MarkerArray(markers.copy(), data_fields=["x", "y", "likelihood"]),
        keypoint_names=[str(name).replace("_", "") for name in scene.joints],
        camera_names=[f"cam_{view:02d}" for view in range(len(scene.lens))],
        smooth_param=settings["smooth_per_px2"] * variance or None,
        inflate_vars=settings["inflate"],
        inflate_vars_kwargs={},
        camgroup=cameras_of(scene),
    )[2]


def _markers(scene, settings):
    """Return (model view time joint field) with one model."""
    use = scene.detected & (scene.confidence >= settings["least_confidence"])
    score = np.clip(scene.confidence.astype(np.float64), 0.0, 1.0)
    likelihood = score
    if settings["variance"] == "score":
        likelihood = (settings["sigma_px"] * (1.0 + settings["doubt"] * (1.0 - score))) ** -2.0
    likelihood = np.where(use, np.maximum(likelihood, _LEAST_LIKELIHOOD), _LEAST_LIKELIHOOD)
    pixels = _interpolated(scene.pixels.astype(np.float64), use, scene.size_px)
    stacked = np.concatenate([pixels, likelihood[..., None]], axis=-1)
    return stacked.transpose(1, 0, 2, 3)[None].astype(np.float32)


def _interpolated(pixels, use, size_px):
    """Return the pixels with gaps bridged in a straight line; the image's centre where there is none."""
    filled = pixels.copy()
    frames = np.arange(len(pixels))
    for view in range(pixels.shape[1]):
        for joint in range(pixels.shape[2]):
            seen = np.flatnonzero(use[:, view, joint])
            if len(seen) == 0:
                filled[:, view, joint] = size_px[view] / 2.0
                continue
            for axis in range(2):
                filled[:, view, joint, axis] = np.interp(frames, seen, pixels[seen, view, joint, axis])
    return filled
