"""Pose2Sim's triangulation and filtering, on a project folder as its users have it.

OpenPose's JSON and a calibration go in, TRC comes out. The pixels are undistorted beforehand and the
calibration says so: with Pose2Sim's own `undistort_points`, undistorted pixels are compared with distorted
projections. The joints go in as a custom model.
"""

import json
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import rtoml  # pyright: ignore[reportMissingImports]
from Pose2Sim.common import read_trc  # pyright: ignore[reportMissingImports]
from Pose2Sim.filtering import filter_all  # pyright: ignore[reportMissingImports]
from Pose2Sim.triangulation import triangulate_all  # pyright: ignore[reportMissingImports]

from .exchange import answer_of

DEFAULTS = {
    "likelihood_threshold": 0.3,
    "reproj_error_threshold": 15.0,
    "min_cameras": 2,
    "interp_gap": 20,
    "fill": "last_value",
    "reject_outliers": True,
    "filter": "butterworth",
    "cut_off_hz": 6.0,
    "handle_swap": False,
}
"""Those of Pose2Sim's own Config.toml."""


def reconstruct(scene, settings):
    settings = DEFAULTS | settings
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        trial = Path(folder) / "session" / "trial_1"
        _write_project(trial, scene)
        config = _config(trial, scene, settings)
        begin = time.process_time()
        triangulate_all(config)
        filter_all(config)
        spent = time.process_time() - begin
        points = _read(trial / "pose-3d", scene)
    return answer_of(points, cpu_s=spent, core_cpu_s=spent)


def _write_project(trial, scene):
    session = trial.parent
    (session / "calibration").mkdir(parents=True)
    (session / "Config.toml").write_text("", encoding="utf-8")
    tables = {}
    for view in range(len(scene.lens)):
        tables[f"cam_{view:02d}"] = {
            "name": f"cam_{view:02d}",
            "size": [float(side) for side in scene.size_px[view]],
            "matrix": scene.matrix(view).tolist(),
            "distortions": [0.0, 0.0, 0.0, 0.0],
            "rotation": scene.rotation(view).tolist(),
            "translation": scene.translation(view).tolist(),
            "fisheye": False,
        }
    (session / "calibration" / "Calib.toml").write_text(rtoml.dumps(tables), encoding="utf-8")
    seen = np.concatenate([scene.straight_pixels(), scene.confidence[..., None]], axis=-1)
    seen = np.where(scene.detected[..., None], seen, 0.0).astype(np.float64)
    for view in range(len(scene.lens)):
        place = trial / "pose" / f"cam_{view:02d}_json"
        place.mkdir(parents=True)
        for frame in range(len(seen)):
            person = {"pose_keypoints_2d": seen[frame, view].ravel().tolist()}
            file = place / f"cam_{view:02d}_{frame:06d}.json"
            file.write_text(json.dumps({"version": 1.3, "people": [person]}), encoding="utf-8")


def _config(trial, scene, settings):
    model = {
        "name": "root",
        "id": "None",
        "children": [{"name": str(name), "id": place} for place, name in enumerate(scene.joints)],
    }
    cut_off = {"cut_off_frequency": settings["cut_off_hz"]}
    return {
        "project": {
            "project_dir": str(trial),
            "multi_person": False,
            "frame_rate": round(scene.rate_hz),
            "frame_range": "all",
        },
        "pose": {"pose_model": "custom_model", "custom_model": model},
        "triangulation": {
            "likelihood_threshold_triangulation": settings["likelihood_threshold"],
            "reproj_error_threshold_triangulation": settings["reproj_error_threshold"],
            "min_cameras_for_triangulation": settings["min_cameras"],
            "interpolation": "linear",
            "interp_if_gap_smaller_than": settings["interp_gap"],
            "fill_large_gaps_with": settings["fill"],
            "sections_to_keep": "all",
            "remove_incomplete_frames": False,
            "handle_LR_swap": settings["handle_swap"],
            "undistort_points": False,
            "show_interp_indices": False,
            "make_c3d": False,
        },
        "filtering": {
            "type": settings["filter"],
            "filter": True,
            "reject_outliers": settings["reject_outliers"],
            "display_figures": False,
            "save_filt_plots": False,
            "make_c3d": False,
            "butterworth": {"order": 4} | cut_off,
            "acc_minimizing": cut_off,
            "gcv_spline": {"cut_off_frequency": "auto", "smoothing_factor": 1.0},
        },
    }


def _read(folder, scene):
    """Return joints (time joint 3), NaN where none, from the filtered file.

    Pose2Sim's filter leaves the last frame out; there its own unfiltered answer stands.
    """
    points = np.full((len(scene.time_ns), len(scene.joints), 3), np.nan)
    for path in sorted(folder.glob("*.trc"), key=lambda path: "filt" in path.name):
        table, frames, _, names, _ = read_trc(path)
        order = [list(names).index(str(name)) for name in scene.joints]
        values = np.asarray(table, dtype=np.float64).reshape(len(frames), -1, 3)[:, order]
        # (X, Y, Z) of a TRC is (Y, Z, X) of the world.
        points[np.asarray(frames, dtype=int)] = values[..., [2, 0, 1]]
    return points
