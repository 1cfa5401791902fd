"""Fuse depth with us and with Open3D, turn by turn: `python -m peers.surfaces IN.npz OUT.npz`.

Runs in the peers' environment, in one process and one thread. IN holds frames of depth images without
lens distortion and silhouettes, cut to a cube.
"""

import sys
import time
from importlib.metadata import version

import numpy as np

from mvmono3d.core.camera import Camera
from mvmono3d.core.rig import Rig
from mvmono3d.pointcloud.fusion import fuse_depth
from mvmono3d.pointcloud.hull import carve
from mvmono3d.pointcloud.surface import surface_of
from mvmono3d.pointcloud.volume import empty_volume

from .open3d_grid import Grid, load_open3d

VOXELS_MM = (2, 3, 4)
_BLOCKS = {2: 8000, 3: 4000, 4: 2000}


def rig_of(scene):
    lens, views = scene["lens"], len(scene["lens"])
    return Rig(
        camera=Camera(
            focal_px=lens[:, :2], centre_px=lens[:, 2:4], distortion=lens[:, 4:9], fisheye=lens[:, 9] > 0.5,
            size_px=np.tile(scene["depths"].shape[:1:-1], (views, 1)),
        ),
        camera_from_world=scene["camera_from_world"],
        pose_sigma=np.zeros((views, 2)),
        names=tuple(f"cam{view}" for view in range(views)),
    )  # fmt: skip


def timed(call):
    began = time.perf_counter()
    result = call()
    return 1e3 * (time.perf_counter() - began), result


def measure(open3d, scene, rig, millimetres, rounds):
    """Milliseconds of each method, turn after turn, and how far apart both volumes are."""
    voxel_m = 1e-3 * millimetres
    cube = {"side_m": float(scene["side_m"]), "voxel_m": voxel_m}
    grid = Grid(
        open3d, scene["lens"], scene["camera_from_world"], voxel_m=voxel_m, blocks=_BLOCKS[millimetres]
    )
    turns, apart = [], []
    for turn in range(rounds + 1):
        for depths, masks, centre in zip(scene["depths"], scene["masks"], scene["centres"], strict=True):
            # On Open3D's lattice: its voxels are at whole multiples of their size.
            middle = (np.rint(centre / voxel_m) - 0.5) * voxel_m
            took, volume = one_turn(grid, rig, depths, masks, middle, cube)
            # The first turn compiles, and leaves both where they have heard each view once.
            if turn == 0:
                apart.append(difference(grid, volume))
            else:
                turns.append(took)
    return {name: np.array([took[name] for took in turns]) for name in turns[0]} | {
        "apart": np.concatenate(apart)
    }


def one_turn(grid, rig, depths, masks, middle, cube):
    """Time everything once; leave in the grid, and return, volumes that have heard each view once."""
    images, volume = grid.images(depths), empty_volume(middle, **cube)
    grid.empty()
    grid.integrate(images)
    fuse_depth(volume, depths, rig)
    took = {}
    took["open3d"], _ = timed(lambda: grid.integrate(images))
    took["ours"], _ = timed(lambda: fuse_depth(volume, depths, rig))
    took["open3d_new"], _ = timed(lambda: (grid.empty(), grid.integrate(images)))
    took["ours_new"], once = timed(lambda: fuse_depth(empty_volume(middle, **cube), depths, rig))
    took["surface"], _ = timed(lambda: surface_of(once))
    took["carve"], hull = timed(lambda: carve(masks, rig, centre_m=middle, **cube))
    took["hull_surface"], _ = timed(lambda: surface_of(hull))
    return took, once


def difference(grid, volume):
    """How far apart the distances are [truncations], where both heard all the same views."""
    places, distance, weight = grid.voxels()
    at = np.rint((places - volume.origin_m) / volume.voxel_m - 0.5).astype(int)
    kept = (at >= 0).all(axis=1) & (at < volume.distance.shape).all(axis=1)
    x, y, z = at[kept].T
    same = (volume.weight[x, y, z] == weight[kept]) & (weight[kept] > 0.0)
    return np.abs(distance[kept] - volume.distance[x, y, z])[same]


def main(path, out):
    scene = dict(np.load(path))
    open3d, rig = load_open3d(), rig_of(scene)
    answers = {"version": np.array(version("open3d"))}
    for millimetres in VOXELS_MM:
        for name, values in measure(open3d, scene, rig, millimetres, int(scene["rounds"])).items():
            answers[f"{name}_{millimetres}"] = values
    np.savez(out, allow_pickle=False, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
