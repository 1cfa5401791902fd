import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import project
from mvmono3d.pointcloud.fusion import fuse_depth, near_surface
from mvmono3d.pointcloud.surface import surface_of
from mvmono3d.pointcloud.volume import BLOCK, empty_volume
from tests.pointcloud.balls import (
    CENTRE,
    HEIGHT,
    SIDE,
    WIDTH,
    check_ball,
    depth_of_ball,
    moved,
    rig_round,
    voxel_centres,
)

VOXEL = 0.004


def _cube():
    return empty_volume(CENTRE, side_m=SIDE, voxel_m=VOXEL)


@pytest.fixture(scope="module")
def rig():
    return rig_round(4)


@pytest.fixture(scope="module")
def depths(rig):
    return depth_of_ball(rig)


def _said(volume, depths, rig):
    """(view, x, y, z) distance in truncations by plain numpy, NaN where a view has no say."""
    places = voxel_centres(volume)
    seen = project(places.reshape(-1, 3), lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    pixels = np.floor(seen.pixels + 0.5).astype(int)
    inside = seen.in_front & (pixels >= 0).all(-1) & (pixels < [WIDTH, HEIGHT]).all(-1)
    u, v = np.where(inside[..., None], pixels, 0).transpose(2, 0, 1)
    depth = depths[np.arange(len(depths))[:, None], v, u]
    distance = (depth - seen.depth) / volume.truncation_m
    said = np.where(inside & (depth > 0) & (distance >= -1.0), np.minimum(distance, 1.0), np.nan)
    return said.reshape(-1, *places.shape[:3])


def _of_voxels(blocks):
    return blocks.repeat(BLOCK, 0).repeat(BLOCK, 1).repeat(BLOCK, 2)


def test_near_the_surface_the_band_equals_a_loop_over_every_voxel(rig, depths):
    volume = fuse_depth(_cube(), depths, rig)
    said = _said(volume, depths, rig)
    count = np.isfinite(said).sum(axis=0)
    dense = np.nansum(said, axis=0) / np.maximum(count, 1)
    band = _of_voxels(near_surface(volume, depths, rig))
    assert 0.05 < band.mean() < 0.7
    # In float32 a voxel may round to the pixel beside, where the depth is another or none.
    same = volume.weight == np.where(band, count, 0)
    assert same.mean() > 0.999
    assert np.abs(volume.distance - np.where(band, dense, 0.0))[same].max() < 0.3
    assert np.quantile(np.abs(volume.distance - np.where(band, dense, 0.0))[same], 0.999) < 1e-4


def test_no_voxel_within_the_truncation_of_a_depth_is_left_out(rig, depths):
    said = _said(_cube(), depths, rig)
    close = (np.abs(np.where(np.isfinite(said), said, 1.0)) < 1.0).any(axis=0)
    assert close.sum() > 1000
    assert not (close & ~_of_voxels(near_surface(_cube(), depths, rig))).any()


@pytest.mark.parametrize("voxel_m", [0.003, 0.005])
def test_a_ball_is_found_where_it_is(voxel_m):
    rig = rig_round(12)
    volume = fuse_depth(empty_volume(CENTRE, side_m=SIDE, voxel_m=voxel_m), depth_of_ball(rig), rig)
    check_ball(surface_of(volume), voxel_m=voxel_m)


def test_the_surface_goes_with_rig_and_ball():
    rig = rig_round(12)
    rotation, shift = Rotation.from_rotvec([0.3, -0.8, 0.5]).as_matrix(), np.array([0.4, -1.2, 0.7])
    centre = rotation @ CENTRE + shift
    volume = empty_volume(centre, side_m=SIDE, voxel_m=VOXEL)
    fuse_depth(volume, depth_of_ball(rig), moved(rig, rotation, shift))
    check_ball(surface_of(volume), centre=centre, voxel_m=VOXEL)


def test_where_there_is_no_depth_nothing_is_said(rig, depths):
    one = depths.copy()
    one[1:] = 0.0
    only = fuse_depth(_cube(), one, rig)
    alone = fuse_depth(_cube(), depths[:1], rig.select(rig.names[:1]))
    np.testing.assert_array_equal(only.weight, alone.weight)
    np.testing.assert_array_equal(only.distance, alone.distance)
    one[1:] = -1.0
    np.testing.assert_array_equal(fuse_depth(_cube(), one, rig).weight, alone.weight)
    assert not fuse_depth(_cube(), np.zeros_like(depths), rig).weight.any()


def test_the_order_of_the_views_does_not_matter(rig, depths):
    order = [2, 0, 3, 1]
    other = fuse_depth(_cube(), depths[order], rig.select(tuple(rig.names[view] for view in order)))
    volume = fuse_depth(_cube(), depths, rig)
    np.testing.assert_array_equal(volume.weight, other.weight)
    np.testing.assert_allclose(volume.distance, other.distance, atol=1e-6)


def test_the_same_depth_again_adds_weight_alone_up_to_the_most(rig, depths):
    volume = fuse_depth(_cube(), depths, rig)
    distance, weight = volume.distance.copy(), volume.weight.copy()
    fuse_depth(volume, depths, rig)
    np.testing.assert_allclose(volume.distance, distance, atol=1e-6)
    np.testing.assert_array_equal(volume.weight, 2.0 * weight)
    fuse_depth(volume, depths, rig, most_weight=5.0)
    assert volume.weight.max() == 5.0


def test_old_depth_fades(rig, depths):
    volume = fuse_depth(_cube(), depths, rig)
    shifted = CENTRE + np.array([0.0, 0.0, 0.008])
    for _ in range(40):
        fuse_depth(volume, depth_of_ball(rig, centre=shifted), rig, most_weight=4.0)
    top = surface_of(volume).points_m
    assert abs(top[:, 2].max() - (shifted[2] + 0.05)) < 0.5 * VOXEL


def test_images_that_are_not_the_rigs_are_refused(rig, depths):
    with pytest.raises(InvalidRecordError, match="cam0, cam1, cam2, cam3"):
        fuse_depth(_cube(), depths[:3], rig)
    with pytest.raises(InvalidRecordError, match="of its size"):
        fuse_depth(_cube(), depths[:, :-1], rig)
    with pytest.raises(InvalidRecordError, match="1 or more"):
        fuse_depth(_cube(), depths, rig, most_weight=0.0)
