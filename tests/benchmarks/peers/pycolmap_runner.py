"""COLMAP's LO-RANSAC triangulation, joint by joint and frame by frame: no time, no bones."""

import time

import numpy as np
import pycolmap  # pyright: ignore[reportMissingImports] - lives in the peers' environment

from .exchange import answer_of

DEFAULTS = {"max_error_px": 12.0, "least_confidence": 0.0, "min_angle_deg": 0.0}


def reconstruct(scene, settings):
    settings = DEFAULTS | settings
    begin = time.process_time()
    cameras = [_camera(scene, view) for view in range(len(scene.lens))]
    poses = [
        pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:, :3]), pose[:, 3]) for pose in scene.camera_from_world
    ]
    options = _options(settings)
    points = np.full((*scene.pixels.shape[:1], scene.pixels.shape[2], 3), np.nan)
    pixels = np.ascontiguousarray(np.moveaxis(scene.pixels, 1, 2), dtype=np.float64)
    use = np.moveaxis(scene.detected & (scene.confidence >= settings["least_confidence"]), 1, 2)
    core = time.process_time()
    for place in np.ndindex(points.shape[:2]):
        views = np.flatnonzero(use[place])
        if len(views) < 2:
            continue
        found = pycolmap.estimate_triangulation(
            pixels[place][views], [poses[view] for view in views], [cameras[view] for view in views], options
        )
        if found is not None:
            points[place] = found["xyz"]
    end = time.process_time()
    return answer_of(points, cpu_s=end - begin, core_cpu_s=end - core)


def _camera(scene, view):
    width, height = (int(side) for side in scene.size_px[view])
    parameters = [*scene.lens[view, :9].tolist(), 0.0, 0.0, 0.0]
    return pycolmap.Camera(model="FULL_OPENCV", width=width, height=height, params=parameters)


def _options(settings):
    options = pycolmap.EstimateTriangulationOptions()
    options.residual_type = pycolmap.TriangulationResidualType.REPROJECTION_ERROR
    options.min_tri_angle = float(np.deg2rad(settings["min_angle_deg"]))
    options.ransac.max_error = settings["max_error_px"]
    options.ransac.random_seed = 0
    return options
