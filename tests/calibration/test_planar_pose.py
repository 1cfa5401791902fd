"""Laws of the pose of a flat board, and of placing cameras by shared boards."""

import numpy as np
import pytest

from mvmono3d.calibration.intrinsics import numbered
from mvmono3d.calibration.planar_pose import planar_poses, spread_out
from mvmono3d.calibration.pose_graph import parts, place
from mvmono3d.calibration.reprojection import corners_of, residuals
from mvmono3d.geometry.rigid import compose
from tests.calibration.boards import corner_grid, make


@pytest.mark.parametrize("fisheye", [False, True])
def test_one_of_both_solutions_is_the_pose(fisheye):
    truth = make(poses=6, noise_px=0.0, fisheye=fisheye)
    corners = corners_of(truth.sightings)
    for view, pose in {(int(v), int(p)) for v, p in zip(corners.view, corners.pose, strict=True)}:
        mine = (corners.view == view) & (corners.pose == pose)
        if not spread_out(corners.point_board[mine]):
            continue
        found = planar_poses(corners.point_board[mine], corners.pixels[mine], truth.estimate.lens[view])
        true = compose(truth.estimate.camera_from_world[view], truth.estimate.world_from_board[pose])
        np.testing.assert_allclose(found.camera_from_board[0], true, atol=1e-5)
        assert found.rms_px[0] <= found.rms_px[-1]


def test_corners_on_a_line_fix_no_pose():
    assert not spread_out(corner_grid(12, 1))
    assert not spread_out(corner_grid(2, 2))
    assert spread_out(corner_grid(3, 2))


def test_all_corners_but_one_on_a_line_fix_no_pose():
    grid = corner_grid(5, 5)
    assert not spread_out(grid[[0, 1, 2, 3, 4, 12]])
    assert spread_out(grid[[0, 1, 2, 3, 7, 12]])


def test_cameras_and_boards_are_placed_near_the_truth():
    truth = make(poses=12, noise_px=0.2, seed=2)
    corners = corners_of(truth.sightings)
    placed = place(corners, truth.estimate.lens, names=truth.sightings.cameras)
    missed = residuals(placed.estimate, numbered(corners, placed.poses))
    assert np.median(np.linalg.norm(missed, axis=-1)) < 1.5


def test_parts_are_what_no_shared_corner_joins():
    shared = np.zeros((5, 5), dtype=np.int64)
    for one, other in ((0, 3), (3, 4), (1, 2)):
        shared[one, other] = shared[other, one] = 40
    assert parts(shared) == [[0, 3, 4], [1, 2]]
