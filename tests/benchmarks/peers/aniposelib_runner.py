"""anipose's offline refinement: `CameraGroup.optim_points` (reprojection, smoothness, constant bones).

Millimetres, as anipose's own calibrations. Its RANSAC takes 70 to 140 ms per frame, and its linear
triangulation believes outliers; `start` chooses between them and our robust triangulation.
"""

import time

import numpy as np
from aniposelib.cameras import Camera, CameraGroup  # pyright: ignore[reportMissingImports]

from .exchange import answer_of

_MM = 1e3
DEFAULTS = {
    "start": "robust",
    "scale_smooth": 4.0,
    "scale_length": 2.0,
    "scale_length_weak": 0.5,
    "reproj_error_threshold": 15.0,
    "n_deriv_smooth": 1,
    "scores": False,
    "least_confidence": 0.0,
}


def cameras_of(scene):
    """Return the rig as aniposelib knows it, in millimetres."""
    return CameraGroup(
        [
            Camera(
                matrix=scene.matrix(view),
                dist=scene.distortion(view),
                size=tuple(int(side) for side in scene.size_px[view]),
                rvec=scene.rotation(view),
                tvec=_MM * scene.translation(view),
                name=f"cam_{view:02d}",
            )
            for view in range(len(scene.lens))
        ]
    )


def reconstruct(scene, settings):
    settings = DEFAULTS | settings
    begin = time.process_time()
    group = cameras_of(scene)
    use = scene.detected & (scene.confidence >= settings["least_confidence"])
    seen = np.where(use[..., None], scene.pixels.astype(np.float64), np.nan).transpose(1, 0, 2, 3).copy()
    start = _start(group, seen, scene, settings["start"])
    core = time.process_time()
    points = group.optim_points(
        seen,
        start,
        constraints=scene.bones.tolist(),
        constraints_weak=scene.flexible_bones.tolist(),
        scores=scene.confidence.astype(np.float64).transpose(1, 0, 2).copy() if settings["scores"] else None,
        **{
            name: settings[name]
            for name in (
                "scale_smooth",
                "scale_length",
                "scale_length_weak",
                "reproj_error_threshold",
                "n_deriv_smooth",
            )
        },
    )
    end = time.process_time()
    return answer_of(points / _MM, cpu_s=end - begin, core_cpu_s=end - core)


def _start(group, seen, scene, name):
    if name == "robust":
        return np.where(scene.start_answered[..., None], _MM * scene.start_points, np.nan)
    flat = seen.reshape(len(seen), -1, 2)
    found = group.triangulate(flat) if name == "linear" else group.triangulate_ransac(flat)[0]
    return np.asarray(found, dtype=np.float64).reshape(*seen.shape[1:3], 3)
