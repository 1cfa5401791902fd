"""aniposelib and Open3D behind the detector of a chain: `python chain_peer.py IN.npz OUT.npz`.

Runs in the peers' environment, in millimetres, as anipose's own calibrations. Its linear `triangulate`: the
robust `triangulate_ransac` takes a tenth of a second a frame, and fails on a joint that no view has. Open3D
fuses the same depth images as our chain does, into a grid made anew in each frame set.
"""

import sys
import time

import cv2
import numpy as np
from aniposelib.cameras import Camera, CameraGroup  # pyright: ignore[reportMissingImports]
from peers.open3d_grid import Grid, load_open3d  # pyright: ignore[reportMissingImports]
from peers.packed_depth import unpack  # pyright: ignore[reportMissingImports]

_MM = 1e3
_BLOCKS = 4000


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


def surface_times_ms(scene):
    """Milliseconds of Open3D for each frame set's depth images."""
    rig = {name: scene[name] for name in ("lens", "camera_from_world")}
    grid = Grid(load_open3d(), **rig, voxel_m=float(scene["voxel_m"]), blocks=_BLOCKS)
    grid.integrate(grid.images(unpack(scene, 0)))
    times_ms = []
    for frame in range(len(scene["depth_start"]) - 1):
        images = grid.images(unpack(scene, frame))
        began = time.perf_counter()
        grid.empty()
        grid.integrate(images)
        times_ms.append(1e3 * (time.perf_counter() - began))
    return np.array(times_ms)


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
    np.savez(out, points=np.array(points) / _MM, ms=np.array(times_ms), surface_ms=surface_times_ms(scene))


if __name__ == "__main__":
    main(*sys.argv[1:])
