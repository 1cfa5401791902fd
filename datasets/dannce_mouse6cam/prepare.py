"""DANNCE's labels → detections.npz, rig.toml and truth.npz: `python …/prepare.py RAW OUT`.

label3d_dannce.mat holds MATLAB's row vectors (x_camera = X r + t, K and r transposed), millimetres and
labels as `frame × (x1 y1 x2 y2 …)`.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from mvmono3d.core.camera import Camera
from mvmono3d.core.detections_file import Detections
from mvmono3d.core.observations import Observations
from mvmono3d.core.reconstruction_file import write_trajectory
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource, Trajectory
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.raw_dataset import Manifest, run_prepare, write_recording

HERE = Path(__file__).parent


def prepare(raw: Path, out: Path, manifest: Manifest) -> None:
    """Write each recording's labels as detections, its rig, and its 3D labels as truth."""
    skeleton = load_skeleton(HERE / "mouse22.yaml")
    for name, recording in manifest["recordings"].items():
        content = loadmat(raw / recording["labels"], simplify_cells=True)
        rig = read_cameras(content, size_px=recording["size_px"])
        labels, where = content["labelData"], str(raw / recording["labels"])
        if np.shape(labels[0]["data_3d"])[-1] != 3 * len(skeleton.joints):
            raise InvalidFileError(f"{where}: not the {len(skeleton.joints)} joints of {skeleton.name}")
        # One unit of data_sampleID is a millisecond: frames are ten apart, at 100 Hz.
        time_ns = np.asarray(labels[0]["data_sampleID"], dtype=np.int64) * 1_000_000
        detections = Detections(
            observations=read_labels(labels, content["params"], time_ns=time_ns),
            views=rig.names,
            joints=skeleton.joints,
            skeleton=skeleton.name,
        )
        write_recording(out / name, detections, rig)
        write_trajectory(out / name / "truth.npz", read_truth(labels[0], time_ns=time_ns), skeleton)


def read_cameras(content: dict[str, Any], *, size_px: list[int]) -> Rig:
    """Return the rig in metres; the skew of K goes into the pixels, see `without_skew`."""
    params = content["params"]
    matrices = np.stack([camera["K"].T for camera in params])
    radial = np.stack([camera["RDistort"] for camera in params])
    tangential = np.stack([camera["TDistort"] for camera in params])
    return Rig(
        camera=Camera(
            focal_px=matrices[:, [0, 1], [0, 1]],
            centre_px=matrices[:, :2, 2],
            distortion=np.column_stack([radial[:, :2], tangential, radial[:, 2]]),
            fisheye=np.zeros(len(params), dtype=bool),
            size_px=np.tile(np.array(size_px), (len(params), 1)),
        ),
        camera_from_world=np.stack(
            [np.column_stack([camera["r"].T, camera["t"] * 1e-3]) for camera in params]
        ),
        pose_sigma=np.zeros((len(params), 2)),
        names=tuple(str(name) for name in content["camnames"]),
    )


def read_labels(
    labels: list[dict[str, Any]], params: list[dict[str, Any]], *, time_ns: np.ndarray
) -> Observations:
    """Return the 2D labels as observations of full confidence."""
    frames = len(time_ns)
    pixels = np.stack([np.reshape(view["data_2d"], (frames, -1, 2)) for view in labels], axis=1)
    detected = np.asarray(np.isfinite(pixels).all(axis=-1))
    pixels = without_skew(np.where(detected[..., None], pixels, 0.0), params)
    return Observations(
        pixels=np.where(detected[..., None], pixels, 0.0),
        confidence=detected.astype(np.float64),
        detected=detected,
        time_ns=time_ns,
    )


def without_skew(pixels: np.ndarray, params: list[dict[str, Any]]) -> np.ndarray:
    """Move pixels to where a camera without skew would see them: u - s (v - cy) / fy."""
    matrices = np.stack([camera["K"].T for camera in params])
    skew, focal, centre = matrices[:, 0, 1, None], matrices[:, 1, 1, None], matrices[:, 1, 2, None]
    shift = skew * (pixels[..., 1] - centre) / focal
    return np.stack([pixels[..., 0] - shift, pixels[..., 1]], axis=-1)


def read_truth(view: dict[str, Any], *, time_ns: np.ndarray) -> Trajectory:
    """Return the 3D labels; unlabelled joints are missing."""
    points = np.reshape(view["data_3d"], (len(time_ns), -1, 3)) * 1e-3
    known = np.asarray(np.isfinite(points).all(axis=-1))
    return Trajectory(
        points_world=np.where(known[..., None], points, 0.0),
        covariance_world=np.zeros((*known.shape, 3, 3)),
        source=np.where(known, PointSource.MEASURED, PointSource.MISSING).astype(np.int64),
        time_ns=time_ns,
    )


if __name__ == "__main__":
    sys.exit(run_prepare(prepare, manifest=HERE / "manifest.yaml"))
