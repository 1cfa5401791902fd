import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mvmono3d.geometry.rigid import (
    camera_centres,
    compose,
    cross,
    cross_matrix,
    invert,
    lengths,
    orthonormal,
    rotation_from_6d,
    rotation_from_vector,
    transform_points,
    unit_vectors,
    vector_from_rotation,
)
from tests.geometry.rigs import gradients_are_finite, random_pose, random_rotations
from tests.tolerances import EXACT, ITERATED


def _vectors(kind):
    generator = np.random.default_rng(0)
    axes = generator.normal(size=(500, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    axes[:6] = np.concatenate([np.eye(3), -np.eye(3)])
    exponents = generator.uniform(-12, -1, size=(500, 1))
    angles = {
        "uniform": Rotation.from_quat(generator.normal(size=(500, 4))).magnitude()[:, None],
        "near identity": 10.0**exponents,
        "near pi": np.pi - 10.0**exponents,
    }
    return axes * angles[kind]


KINDS = ["uniform", "near identity", "near pi"]


@pytest.mark.parametrize("kind", KINDS)
def test_rotations_agree_with_scipy_and_opencv(kind):
    vectors = _vectors(kind)
    ours = rotation_from_vector(vectors)
    np.testing.assert_allclose(ours, Rotation.from_rotvec(vectors).as_matrix(), atol=EXACT)
    np.testing.assert_allclose(ours[17], cv2.Rodrigues(vectors[17])[0], atol=EXACT)


@pytest.mark.parametrize("kind", KINDS)
def test_vector_and_rotation_are_inverse(kind):
    vectors = _vectors(kind)
    np.testing.assert_allclose(vector_from_rotation(rotation_from_vector(vectors)), vectors, atol=ITERATED)


def test_half_turns_give_a_vector_of_length_pi():
    vectors = np.concatenate([np.eye(3), -np.eye(3)]) * np.pi
    back = vector_from_rotation(rotation_from_vector(vectors))
    np.testing.assert_allclose(np.abs(back), np.abs(vectors), atol=ITERATED)


def test_rotations_stay_rotations_in_float32():
    rotation = rotation_from_vector(np.concatenate([_vectors(kind) for kind in KINDS]).astype(np.float32))
    assert rotation.dtype == np.float32
    gram = rotation @ np.swapaxes(rotation, -1, -2)
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(3), gram.shape), atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_torch_equals_numpy_and_gradients_are_right(kind):
    vectors = _vectors(kind)
    theirs = rotation_from_vector(torch.tensor(vectors))
    np.testing.assert_allclose(theirs.numpy(), rotation_from_vector(vectors), atol=EXACT)
    np.testing.assert_allclose(
        vector_from_rotation(theirs).numpy(), vector_from_rotation(theirs.numpy()), atol=ITERATED
    )
    few = torch.tensor(vectors[100:104], requires_grad=True)
    assert torch.autograd.gradcheck(rotation_from_vector, few)


def test_gradients_of_the_round_trip_are_the_identity_also_at_zero():
    for vector in (np.zeros(3), np.array([0.3, -0.2, 1.0]), np.array([1e-9, 0.0, 0.0])):
        jacobian = torch.autograd.functional.jacobian(
            lambda value: vector_from_rotation(rotation_from_vector(value)), torch.tensor(vector)
        )
        np.testing.assert_allclose(jacobian, np.eye(3), atol=ITERATED)


def test_six_numbers_give_back_the_rotation_they_came_from():
    rotation = random_rotations(np.random.default_rng(1), 50)
    six = np.concatenate([rotation[..., 0] * 3.0, rotation[..., 1] + 0.7 * rotation[..., 0]], axis=-1)
    np.testing.assert_allclose(rotation_from_6d(six), rotation, atol=EXACT)


def test_six_degenerate_numbers_give_the_identity_with_finite_gradients():
    six = torch.zeros(3, 6, dtype=torch.float64)
    six[1] = 1.0
    six[2, 0] = 1.0
    six.requires_grad_()
    rotation = rotation_from_6d(six)
    np.testing.assert_array_equal(rotation.detach(), np.broadcast_to(np.eye(3), (3, 3, 3)))
    rotation.sum().backward()
    assert gradients_are_finite(six)


def test_orthonormal_axes_are_a_right_handed_rotation():
    generator = np.random.default_rng(2)
    frame = orthonormal(generator.normal(size=(40, 3)), generator.normal(size=(40, 3)))
    assert frame.ok.all()
    np.testing.assert_allclose(np.linalg.det(frame.rotation), 1.0, atol=EXACT)


def test_composing_with_the_inverse_is_the_identity():
    generator = np.random.default_rng(3)
    pose = np.stack([random_pose(generator) for _ in range(20)])
    np.testing.assert_allclose(
        compose(pose, invert(pose)), np.broadcast_to(np.eye(3, 4), pose.shape), atol=EXACT
    )


def test_composing_transforms_is_transforming_twice():
    generator = np.random.default_rng(4)
    first, second = random_pose(generator), random_pose(generator)
    points = generator.normal(size=(9, 3))
    once = transform_points(compose(first, second), points)
    np.testing.assert_allclose(once, transform_points(first, transform_points(second, points)), atol=EXACT)


def test_a_camera_sees_its_own_centre_at_the_origin():
    generator = np.random.default_rng(5)
    poses = np.stack([random_pose(generator) for _ in range(4)])
    centres = camera_centres(poses)
    np.testing.assert_allclose(transform_points(poses, centres[:, None, :]), 0.0, atol=EXACT)


def test_cross_products_agree_with_numpy():
    generator = np.random.default_rng(6)
    first, second = generator.normal(size=(4, 1, 3)), generator.normal(size=(5, 3))
    np.testing.assert_allclose(cross(first, second), np.cross(first, second), atol=EXACT)
    np.testing.assert_allclose(
        (cross_matrix(second) @ second[::-1, :, None])[..., 0], np.cross(second, second[::-1]), atol=EXACT
    )


def test_lengths_and_directions_of_zero_have_finite_gradients():
    vectors = torch.zeros(2, 3, requires_grad=True)
    (lengths(vectors).sum() + unit_vectors(vectors)[0].sum()).backward()
    assert gradients_are_finite(vectors)


@given(st.lists(st.integers(0, 3), max_size=3))
def test_any_batch_shape_broadcasts(batch):
    pose = np.eye(3, 4)
    assert transform_points(pose, np.zeros((*batch, 5, 3))).shape == (*batch, 5, 3)
    assert compose(np.broadcast_to(pose, (*batch, 3, 4)), pose).shape == (*batch, 3, 4)
    assert rotation_from_vector(np.zeros((*batch, 3))).shape == (*batch, 3, 3)
    assert vector_from_rotation(np.broadcast_to(np.eye(3), (*batch, 3, 3))).shape == (*batch, 3)
