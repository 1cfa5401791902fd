"""aniposelib on the joints of a chain, frame set after frame set: `python chain_peer.py IN.npz OUT.npz`.

Runs in the peers' environment, in millimetres, as anipose's own calibrations. Its linear `triangulate`: the
robust `triangulate_ransac` takes a tenth of a second a frame, and fails on a joint that no view has.
"""

import sys
import time

import cv2
import numpy as np
from aniposelib.cameras import Camera, CameraGroup  # pyright: ignore[reportMissingImports]

_MM = 1e3


def cameras_of(scene):
    cameras = []
    for view, (lens, pose) in enumerate(zip(scene["lens"], scene["camera_from_world"], strict=True)):
        fx, fy, cx, cy = lens[:4]
        rotation = cv2.Rodrigues(np.ascontiguousarray(pose[:, :3]))[0].ravel()
        matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
        cameras.append(
            Camera(matrix=matrix, dist=lens[4:9], rvec=rotation, tvec=_MM * pose[:, 3], name=f"cam{view}")
        )
    return CameraGroup(cameras)


def main(path, out):
    scene = dict(np.load(path))
    group = cameras_of(scene)
    seen = np.where(scene["detected"][..., None], scene["pixels"], np.nan)
    group.triangulate(seen[0].copy())
    points, times_ms = [], []
    for frame in seen:
        began = time.perf_counter()
        points.append(np.asarray(group.triangulate(frame.copy())))
        times_ms.append(1e3 * (time.perf_counter() - began))
    np.savez(out, points=np.array(points) / _MM, ms=np.array(times_ms))


if __name__ == "__main__":
    main(*sys.argv[1:])
