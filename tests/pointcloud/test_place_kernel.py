import numpy as np
import pytest

from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import project
from mvmono3d.pointcloud.place_kernel import LANES, NOWHERE, place_plane
from mvmono3d.pointcloud.sight import image_shape, packed_cameras
from tests.pointcloud.balls import rig_round

VOXEL = np.float32(0.02)


def _placed(camera, corner):
    u, v, depth = (np.empty(LANES, dtype=np.float32) for _ in range(3))
    place_plane(camera, *np.asarray(corner, dtype=np.float32), VOXEL, u, v, depth)
    return np.stack([u, v], axis=-1), depth


def _lattice(corner):
    places = np.stack(np.meshgrid(np.zeros(1), np.arange(8), np.arange(8), indexing="ij"), -1).reshape(-1, 3)
    return np.asarray(corner) + float(VOXEL) * places


def test_a_plane_of_voxels_appears_where_projection_says():
    rig, corner = rig_round(5, fisheye=(1, 3)), (0.02, -0.09, -0.06)
    seen = project(_lattice(corner), lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    for view, camera in enumerate(packed_cameras(rig)):
        pixels, depth = _placed(camera, corner)
        np.testing.assert_allclose(pixels, seen.pixels[view], atol=2e-3)
        np.testing.assert_allclose(depth, seen.depth[view], atol=1e-6)


def test_what_is_behind_a_camera_appears_nowhere():
    rig = rig_round(3)
    for camera, pose in zip(packed_cameras(rig), rig.camera_from_world, strict=True):
        behind = -pose[:, :3].T @ (pose[:, 3] + np.array([0.0, 0.0, 0.5]))
        pixels, depth = _placed(camera, behind)
        assert (depth < 0.0).all()
        assert (pixels == NOWHERE).all()


def test_what_a_barrel_lens_folds_back_into_its_image_appears_nowhere():
    rig = rig_round(1, fisheye=())
    rig.camera.distortion[:] = [-0.3, 0.0, 0.0, 0.0, 0.0]
    pose = rig.camera_from_world[0]
    # At x / z of 1.8 that polynomial has turned back to the middle of the image.
    beside = pose[:, :3].T @ (np.array([1.8, 0.0, 1.0]) - pose[:, 3])
    folded = project(beside[None], lens=rig.camera.lens, camera_from_world=rig.camera_from_world).pixels
    assert 0.0 < folded[0, 0, 0] < rig.camera.size_px[0, 0]
    pixels, _ = _placed(packed_cameras(rig)[0], beside)
    assert (pixels[0] == NOWHERE).all()


def test_rigs_that_no_volume_can_be_filled_from_are_refused():
    rig = rig_round(2)
    many = Rig(
        camera=rig.camera.map(lambda array: array[None]),
        camera_from_world=rig.camera_from_world[None],
        pose_sigma=rig.pose_sigma[None],
        names=rig.names,
    )
    with pytest.raises(InvalidRecordError, match="expected one rig"):
        packed_cameras(many)
    rig.camera.size_px[1] = 640, 400
    with pytest.raises(InvalidRecordError, match="one size"):
        image_shape(rig)
