import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mvmono3d.geometry.projection import inside_image, project, projection_jacobian, rays, unproject
from mvmono3d.geometry.rigid import compose, invert, transform_points
from tests.geometry.rigs import gradients_are_finite, random_pose, ring, scene, to_torch
from tests.tolerances import EXACT, ITERATED, PIXEL


def test_projection_agrees_with_opencv():
    points, lens, pose = scene(4, batch=(3,), fisheye=(2,))
    projection = project(points, lens=lens, camera_from_world=pose)
    assert projection.in_front.all()
    flat = points.reshape(-1, 1, 3)
    for view in range(4):
        fx, fy, cx, cy = lens[view, :4]
        matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        vector = cv2.Rodrigues(pose[view, :, :3])[0]
        if lens[view, 9]:
            theirs, _ = cv2.fisheye.projectPoints(flat, vector, pose[view, :, 3], matrix, lens[view, 4:8])
        else:
            theirs, _ = cv2.projectPoints(flat, vector, pose[view, :, 3], matrix, lens[view, 4:9])
        np.testing.assert_allclose(
            projection.pixels[:, view].reshape(-1, 2), theirs.reshape(-1, 2), atol=PIXEL
        )


def test_projecting_then_unprojecting_is_identity():
    points, lens, pose = scene(4, batch=(3,), fisheye=(2,))
    pixels, depth, _ = project(points, lens=lens, camera_from_world=pose)
    back = unproject(pixels, depth, lens=lens, camera_from_world=pose)
    np.testing.assert_allclose(back, np.broadcast_to(points[:, None], back.shape), atol=ITERATED)


def test_rays_pass_through_the_points_they_see():
    points, lens, pose = scene(4)
    pixels, depth, _ = project(points, lens=lens, camera_from_world=pose)
    origin, direction = rays(pixels, lens=lens, camera_from_world=pose)
    np.testing.assert_allclose(np.linalg.norm(direction, axis=-1), 1.0, atol=EXACT)
    away = points - origin
    np.testing.assert_allclose(np.cross(away, direction), 0.0, atol=ITERATED)
    assert (np.sum(away * direction, axis=-1) >= depth - EXACT).all()


def test_moving_world_and_cameras_together_changes_nothing():
    points, lens, pose = scene(4)
    new_from_world = random_pose(np.random.default_rng(3))
    moved = project(
        transform_points(new_from_world, points),
        lens=lens,
        camera_from_world=compose(pose, invert(new_from_world)),
    )
    np.testing.assert_allclose(
        moved.pixels, project(points, lens=lens, camera_from_world=pose).pixels, atol=ITERATED * 1000
    )


def test_points_behind_a_camera_are_finite_and_not_in_front():
    _, lens, pose = scene(4)
    points = np.concatenate([invert(pose)[..., 3], invert(pose)[..., 3] * 2.0])
    pixels, depth, in_front = project(points, lens=lens, camera_from_world=pose)
    assert np.isfinite(pixels).all()
    for view in range(4):
        assert not in_front[view, view]
        assert not in_front[view, 4 + view]
    np.testing.assert_array_equal(in_front, depth > 1e-3)


def test_jacobian_is_that_of_undistorted_pixels():
    points, lens, pose = scene(3)
    straight = lens.copy()
    straight[:, 4:] = 0.0
    tensors = to_torch(points, straight, pose)

    def pixels_of(points):
        return project(points, lens=tensors[1], camera_from_world=tensors[2]).pixels

    whole = torch.autograd.functional.jacobian(pixels_of, tensors[0])
    joints = np.arange(points.shape[0])
    expected = whole.numpy()[:, joints, :, joints].transpose(1, 0, 2, 3)
    ours = projection_jacobian(points, lens=lens, camera_from_world=pose)
    np.testing.assert_allclose(ours, expected, rtol=ITERATED, atol=ITERATED)


def test_torch_equals_numpy_and_gradients_are_right():
    points, lens, pose = scene(2, joints=2, fisheye=(1,))
    tensors = to_torch(points, lens, pose)
    theirs = project(tensors[0], lens=tensors[1], camera_from_world=tensors[2])
    ours = project(points, lens=lens, camera_from_world=pose)
    np.testing.assert_allclose(theirs.pixels.numpy(), ours.pixels, atol=ITERATED)

    def pixels_of(points, pose):
        return project(points, lens=tensors[1], camera_from_world=pose).pixels / 1000

    inputs = (tensors[0].requires_grad_(), tensors[2].requires_grad_())
    assert torch.autograd.gradcheck(pixels_of, inputs, atol=1e-6)


def test_gradients_at_zero_depth_are_finite():
    _, lens, pose = scene(4)
    points = torch.tensor(invert(pose)[..., 3], requires_grad=True)
    tensors = to_torch(lens, pose)
    projection = project(points, lens=tensors[0], camera_from_world=tensors[1])
    jacobian = projection_jacobian(points, lens=tensors[0], camera_from_world=tensors[1])
    (projection.pixels.sum() + jacobian.sum()).backward()
    assert gradients_are_finite(points)


@pytest.mark.parametrize(
    ("pixel", "inside"),
    [((0, 0), True), ((-0.5, 3), True), ((-0.6, 3), False), ((99.4, 49.4), True), ((99.5, 3), False)],
)
def test_the_image_reaches_half_a_pixel_beyond_its_outermost_centres(pixel, inside):
    size = np.array([[100, 50]])
    assert inside_image(np.array([[pixel]], dtype=float), size)[0, 0] == inside


@given(st.lists(st.integers(0, 3), max_size=3), st.booleans(), st.integers(1, 3), st.integers(0, 4))
def test_any_batch_shape_broadcasts(batch, shared, views, joints):
    lens, pose = np.ones((views, 10)) * 0.1, ring(views)
    if not shared:
        pose = np.broadcast_to(pose, (*batch, views, 3, 4))
    pixels, depth, in_front = project(np.zeros((*batch, joints, 3)), lens=lens, camera_from_world=pose)
    assert pixels.shape == (*batch, views, joints, 2)
    assert depth.shape == in_front.shape == (*batch, views, joints)
    assert rays(pixels, lens=lens, camera_from_world=pose).direction_world.shape == (*batch, views, joints, 3)
    jacobian = projection_jacobian(np.zeros((*batch, joints, 3)), lens=lens, camera_from_world=pose)
    assert jacobian.shape == (*batch, views, joints, 2, 3)
