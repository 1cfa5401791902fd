"""Every triangulation that is compared: recording in, points (time joint 3) out, NaN where none."""

from itertools import combinations

import cv2
import numpy as np
import onnxruntime
import pycolmap  # pyright: ignore[reportMissingImports] - only `make bench` installs it
import torch

from mvmono3d.geometry.robust import triangulate_robust
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings
from mvmono3d.geometry.triangulation import triangulate_dlt

SETTINGS = RobustSettings(sigma_px=1.0)
BLIND = RobustSettings(sigma_px=1.0, gate=1e4, refine_gates=(1e4, 1e4, 1e4, 1e4))
PEER_GATE_PX = 6.0


def kernel(recording):
    return _points(_solve(recording, SETTINGS, recording.detected))


def oracle(recording):
    """Maximum likelihood by one who knows which detections are good."""
    return _solve(recording, BLIND, recording.good)


def graph(recording):
    with torch.inference_mode():
        answer = triangulate_robust(
            *(
                torch.from_numpy(array)
                for array in (recording.pixels, recording.confidence, recording.detected)
            ),
            lens=torch.from_numpy(recording.lens),
            camera_from_world=torch.from_numpy(recording.camera_from_world),
            settings=SETTINGS,
        )
    return np.where((answer.reason == 0)[..., None], answer.points_world, np.nan)


def colmap(recording):
    """LO-RANSAC on the reprojection error, the strongest compiled peer; point by point, as it is called."""
    views = range(len(recording.lens))
    cameras = [
        pycolmap.Camera(
            model="FULL_OPENCV", width=1920, height=1200, params=[*recording.lens[view, :9], 0.0, 0.0, 0.0]
        )
        for view in views
    ]
    poses = [
        pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:, :3]), pose[:, 3]) for pose in recording.camera_from_world
    ]
    options = pycolmap.EstimateTriangulationOptions()
    options.residual_type = pycolmap.TriangulationResidualType.REPROJECTION_ERROR
    options.ransac.max_error = PEER_GATE_PX
    options.ransac.random_seed = 0
    points = np.full(recording.points_world.shape, np.nan)
    pixels = np.moveaxis(recording.pixels, 1, 2)
    for place in np.ndindex(points.shape[:2]):
        use = np.flatnonzero(recording.detected[place[0], :, place[1]])
        if len(use) < 2:
            continue
        found = pycolmap.estimate_triangulation(
            pixels[place][use], [poses[view] for view in use], [cameras[view] for view in use], options
        )
        if found is not None:
            points[place] = found["xyz"]
    return points


def dlt(recording):
    """SVD of all rows by numpy, not robust."""
    points = triangulate_dlt(
        recording.pixels,
        recording.detected.astype(float),
        lens=recording.lens,
        camera_from_world=recording.camera_from_world,
    )
    return np.where((recording.detected.sum(axis=1) >= 2)[..., None], points, np.nan)


def opencv(recording):
    """`cv2.triangulatePoints` of every pair of views, then the median."""
    straight = np.full(recording.pixels.shape, np.nan)
    for view, row in enumerate(recording.lens):
        matrix = np.array([[row[0], 0, row[2]], [0, row[1], row[3]], [0, 0, 1]])
        use = recording.detected[:, view]
        if use.any():
            found = cv2.undistortPoints(recording.pixels[:, view][use][:, None], matrix, row[4:9])
            straight[:, view][use] = found[:, 0]
    points = []
    for one, other in combinations(range(len(recording.lens)), 2):
        both = recording.detected[:, one] & recording.detected[:, other]
        point = np.full(recording.points_world.shape, np.nan)
        if both.any():
            pair = [np.ascontiguousarray(straight[:, view][both].T) for view in (one, other)]
            poses = recording.camera_from_world
            found = cv2.triangulatePoints(poses[one], poses[other], pair[0], pair[1])
            point[both] = (found[:3] / found[3]).T
        points.append(point)
    stacked = np.stack(points)
    some = np.isfinite(stacked).any(axis=(0, -1))
    middle = np.full(recording.points_world.shape, np.nan)
    middle[some] = np.nanmedian(stacked[:, some], axis=0)
    return middle


class Exported:
    """The graph in onnxruntime, float32, exported for the shape of a recording."""

    def __init__(self, recording, path):
        torch.onnx.export(_Robust(), self._inputs(recording), path, dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, recording):
        names = [entry.name for entry in self._session.get_inputs()]
        values = [tensor.numpy() for tensor in self._inputs(recording)]
        answers = self._session.run(None, dict(zip(names, values, strict=True)))
        points, reason = (np.asarray(answer) for answer in answers)
        return np.where((reason == 0)[..., None], points, np.nan)

    def _inputs(self, recording):
        single = (recording.pixels, recording.confidence, recording.lens, recording.camera_from_world)
        pixels, confidence, lens, pose = (torch.tensor(array, dtype=torch.float32) for array in single)
        return pixels, confidence, torch.tensor(recording.detected), lens, pose


class _Robust(torch.nn.Module):
    def forward(self, pixels, confidence, detected, lens, camera_from_world):
        answer = triangulate_robust(
            pixels, confidence, detected, lens=lens, camera_from_world=camera_from_world, settings=SETTINGS
        )
        return answer.points_world, answer.reason


def _solve(recording, settings, detected):
    return triangulate_robust_bulk(
        recording.pixels,
        recording.confidence,
        detected,
        lens=recording.lens,
        camera_from_world=recording.camera_from_world,
        settings=settings,
    )


def _points(answer):
    return np.where((answer.reason == 0)[..., None], answer.points_world, np.nan)


METHODS = {
    "ours, compiled": kernel,
    "ours, graph in torch": graph,
    "pycolmap LO-RANSAC": colmap,
    "numpy DLT (SVD)": dlt,
    "OpenCV pairs, median": opencv,
}
