"""Another implementation of the same fusion, where it is installed: `make bench-peers` puts it beside."""

import numpy as np
import pytest

from mvmono3d.pointcloud.fusion import fuse_depth
from mvmono3d.pointcloud.volume import empty_volume
from tests.benchmarks.peers.open3d_grid import Grid, load_open3d
from tests.pointcloud.balls import depth_of_ball, rig_round

VOXEL = 0.004


def test_fused_depth_is_that_of_open3d():
    try:
        open3d = load_open3d()
    except ImportError as error:
        pytest.skip(f"no Open3D: {error}")
    rig = rig_round(1, fisheye=())
    rig.camera.distortion[:] = 0.0
    depths = depth_of_ball(rig)
    # Open3D's voxels are at whole multiples of their size.
    volume = fuse_depth(empty_volume(np.full(3, -0.5 * VOXEL), side_m=0.16, voxel_m=VOXEL), depths, rig)
    grid = Grid(open3d, rig.camera.lens, rig.camera_from_world, voxel_m=VOXEL, blocks=2000)
    grid.integrate(grid.images(depths))
    places, distance, weight = grid.voxels()
    at = np.rint((places - volume.origin_m) / VOXEL - 0.5).astype(int)
    inside = (at >= 0).all(axis=1) & (at < len(volume.distance)).all(axis=1) & (weight > 0.0)
    x, y, z = at[inside].T
    both = volume.weight[x, y, z] > 0.0
    assert both.sum() > 3000
    off = np.abs(distance[inside] - volume.distance[x, y, z])[both]
    # A voxel may round to the pixel beside.
    assert np.quantile(off, 0.99) < 1e-4
