import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mvmono3d.geometry.solve import (
    cholesky3,
    determinant3,
    inverse3,
    solve3,
    solve_normal,
    squared_length3,
)
from tests.geometry.rigs import gradients_are_finite
from tests.tolerances import EXACT


def _positive_definite(generator, batch=(50,), condition=1e3):
    axes = np.linalg.qr(generator.normal(size=(*batch, 3, 3)))[0]
    values = 10.0 ** generator.uniform(-np.log10(condition) / 2, np.log10(condition) / 2, size=(*batch, 3))
    return (axes * values[..., None, :]) @ np.swapaxes(axes, -1, -2)


def test_solving_agrees_with_numpy():
    generator = np.random.default_rng(0)
    matrix, right = _positive_definite(generator), generator.normal(size=(50, 3))
    solved = solve3(matrix, right)
    assert solved.ok.all()
    expected = np.linalg.solve(matrix, right[..., None])[..., 0]
    np.testing.assert_allclose(solved.solution, expected, rtol=1e-9)


def test_inverse_agrees_with_numpy_and_is_symmetric():
    matrix = _positive_definite(np.random.default_rng(1))
    inverse = inverse3(matrix).inverse
    np.testing.assert_allclose(inverse, np.linalg.inv(matrix), rtol=1e-8, atol=EXACT)
    np.testing.assert_array_equal(inverse, np.swapaxes(inverse, -1, -2))


def test_inverse_is_positive_definite_also_in_float32_near_singular():
    matrix = _positive_definite(np.random.default_rng(2), (2000,), condition=1e5).astype(np.float32)
    inverted = inverse3(matrix)
    assert inverted.ok.mean() > 0.95
    assert (np.linalg.eigvalsh(inverted.inverse[inverted.ok].astype(np.float64)) > 0).all()


def test_cholesky_agrees_with_numpy():
    matrix = _positive_definite(np.random.default_rng(3))
    np.testing.assert_allclose(cholesky3(matrix).lower, np.linalg.cholesky(matrix), rtol=1e-8, atol=EXACT)


def test_determinant_agrees_with_numpy_on_any_matrix():
    matrix = np.random.default_rng(4).normal(size=(5, 7, 3, 3))
    np.testing.assert_allclose(determinant3(matrix), np.linalg.det(matrix), atol=EXACT)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_singular_matrices_are_named_and_answered_with_zero(dtype, rank):
    generator = np.random.default_rng(5)
    rows = generator.normal(size=(3000, rank, 3)) * 1400
    if rank:
        # Also with the weak axis along a coordinate axis or close to a coordinate plane.
        rows[:1000, :, 0] = 0
        rows[1000:2000, :, 1] *= 1e-3
    matrix = (np.swapaxes(rows, -1, -2) @ rows).astype(dtype)
    right = np.ones((3000, 3), dtype=dtype)
    for answer, ok in (solve3(matrix, right), inverse3(matrix), cholesky3(matrix)):
        assert not ok.any()
        assert (answer == 0).all()


def test_indefinite_matrices_are_not_ok():
    assert not solve3(np.diag([1.0, 1.0, -1.0]), np.ones(3)).ok
    assert not solve3(np.diag([-1.0, -1.0, 3.0]), np.ones(3)).ok


def test_the_scale_of_a_matrix_does_not_matter():
    matrix = _positive_definite(np.random.default_rng(6)).astype(np.float32)
    for scale in (1e-12, 1e12):
        inverted = inverse3(matrix * np.float32(scale))
        assert inverted.ok.all()
        np.testing.assert_allclose(inverted.inverse * np.float32(scale), inverse3(matrix).inverse, rtol=1e-4)


def test_torch_equals_numpy():
    generator = np.random.default_rng(7)
    matrix, right = _positive_definite(generator), generator.normal(size=(50, 3))
    ours, theirs = solve3(matrix, right), solve3(torch.tensor(matrix), torch.tensor(right))
    np.testing.assert_allclose(theirs.solution.numpy(), ours.solution, atol=EXACT, rtol=1e-9)


def test_gradients_are_right_and_finite_where_singular():
    generator = np.random.default_rng(8)
    matrix = torch.tensor(_positive_definite(generator, (4,), condition=10.0), requires_grad=True)
    right = torch.tensor(generator.normal(size=(4, 3)), requires_grad=True)

    def both(matrix, right):
        symmetric = (matrix + matrix.mT) / 2
        return solve3(symmetric, right).solution, inverse3(symmetric).inverse, cholesky3(symmetric).lower

    assert torch.autograd.gradcheck(both, (matrix, right))
    singular = torch.zeros(2, 3, 3, dtype=torch.float64)
    singular[1] = 1.0
    singular.requires_grad_()
    torch.stack([answer.sum() for answer in both(singular, right[:2])]).sum().backward()
    assert gradients_are_finite(singular)


@given(st.lists(st.integers(0, 3), max_size=3), st.booleans())
def test_any_batch_shape_broadcasts(batch, shared):
    matrix = np.broadcast_to(np.eye(3) * 2, (3, 3) if shared else (*batch, 3, 3))
    solved = solve3(matrix, np.ones((*batch, 3)))
    assert solved.solution.shape == (*batch, 3)
    np.testing.assert_allclose(solved.solution, 0.5)


def _normal_systems(views=3, count=500, dtype: type = np.float64):
    """Rows of pixels, two per view: what triangulation sums up."""
    generator = np.random.default_rng(9)
    rows = generator.normal(size=(count, 2 * views, 3)) * 1400
    right = generator.normal(size=(count, 2 * views, 1))
    matrix, vector = np.swapaxes(rows, -1, -2) @ rows, np.swapaxes(rows, -1, -2) @ right
    systems = np.concatenate([matrix, vector], axis=-1).reshape(count, 12)
    return matrix, vector[..., 0], np.ascontiguousarray(systems.T).astype(dtype)


def test_normal_equations_are_solved_as_by_numpy():
    matrix, vector, systems = _normal_systems()
    solved = solve_normal(systems)
    assert solved.ok.all()
    np.testing.assert_allclose(
        solved.solution.T, np.linalg.solve(matrix, vector[..., None])[..., 0], rtol=1e-8
    )
    inverse = solved.inverse.T.reshape(-1, 3, 3)
    np.testing.assert_allclose(inverse, np.linalg.inv(matrix), rtol=1e-8, atol=EXACT)
    np.testing.assert_array_equal(inverse, np.swapaxes(inverse, -1, -2))


def test_normal_equations_keep_their_digits_in_float32():
    matrix, vector, systems = _normal_systems(dtype=np.float32)
    solved, exact = solve_normal(systems), np.linalg.solve(matrix, vector[..., None])[..., 0]
    error = np.linalg.norm(solved.solution.T - exact, axis=-1) / np.linalg.norm(exact, axis=-1)
    # Rounding of the entries alone costs as much: their 6e-8 times the condition.
    assert (error < 4e-7 * np.linalg.cond(matrix)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_equations_of_one_ray_fix_nothing(dtype):
    solved = solve_normal(_normal_systems(views=1, dtype=dtype)[2])
    assert not solved.ok.any()
    assert (solved.solution == 0).all()
    assert (solved.inverse == 0).all()
    assert not solve_normal(np.zeros((12, 4), dtype=dtype)).ok.any()


def test_gradients_of_normal_equations_are_right_and_finite_where_nothing_is_fixed():
    systems = torch.tensor(_normal_systems(count=3)[2] / 1e6, requires_grad=True)

    def symmetric(systems):
        rows = systems.reshape(3, 4, -1)
        matrix = (rows[:, :3] + rows[:, :3].transpose(0, 1)) / 2
        solved = solve_normal(torch.cat([matrix, rows[:, 3:]], dim=1).reshape(12, -1))
        return solved.solution, solved.inverse

    assert torch.autograd.gradcheck(symmetric, (systems,))
    nothing = torch.zeros(12, 2, dtype=torch.float64, requires_grad=True)
    torch.cat(symmetric(nothing)).sum().backward()
    assert gradients_are_finite(nothing)


def test_squared_lengths_are_those_of_the_solution():
    generator = np.random.default_rng(10)
    matrix, vector = _positive_definite(generator), generator.normal(size=(50, 3))
    expected = (vector * solve3(matrix, vector).solution).sum(-1)
    np.testing.assert_allclose(squared_length3(matrix, vector), expected, rtol=1e-9)
    assert squared_length3(np.zeros((3, 3)), np.ones(3)) == 0
