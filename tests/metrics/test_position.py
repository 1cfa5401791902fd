import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mvmono3d.metrics.masked import masked_mean, masked_quantile
from mvmono3d.metrics.position import (
    answered_fraction,
    error_by_views,
    fraction_above,
    held_error,
    mpjpe,
    position_error,
    procrustes_align,
    procrustes_mpjpe,
    root_relative_mpjpe,
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def everything(points):
    return np.ones(points.shape[:-1], dtype=bool)


def test_a_perfect_answer_scores_zero(rng):
    truth = rng.normal(size=(5, 7, 3))
    counts = everything(truth)
    assert mpjpe(truth, truth, counts=counts) == 0
    assert root_relative_mpjpe(truth, truth, counts=counts, root=0) == 0
    assert procrustes_mpjpe(truth, truth, counts=counts) == pytest.approx(0, abs=1e-12)


def test_what_the_mask_leaves_out_changes_nothing(rng):
    truth, points = rng.normal(size=(2, 5, 7, 3))
    counts = rng.random((5, 7)) < 0.6
    wild = np.where(counts[..., None], points, 1e3)
    assert mpjpe(points, truth, counts=counts) == mpjpe(wild, truth, counts=counts)
    assert procrustes_mpjpe(points, truth, counts=counts) == pytest.approx(
        procrustes_mpjpe(wild, truth, counts=counts)
    )


def test_a_shift_is_invisible_to_root_relative_error(rng):
    truth = rng.normal(size=(5, 7, 3))
    moved = truth + rng.normal(size=(5, 1, 3))
    assert root_relative_mpjpe(moved, truth, counts=everything(truth), root=2) == pytest.approx(0, abs=1e-12)
    assert mpjpe(moved, truth, counts=everything(truth)) > 0.1


def test_procrustes_error_ignores_any_similarity(rng):
    truth, points = rng.normal(size=(2, 6, 9, 3))
    counts = rng.random((6, 9)) < 0.7
    rotation = Rotation.from_rotvec(rng.normal(size=(6, 3)) * 2).as_matrix()
    scale = rng.uniform(0.3, 3.0, size=(6, 1, 1))
    moved = scale * (points @ rotation.transpose(0, 2, 1)) + rng.normal(size=(6, 1, 3))
    assert procrustes_mpjpe(moved, truth, counts=counts) == pytest.approx(
        procrustes_mpjpe(points, truth, counts=counts)
    )


def test_procrustes_never_mirrors(rng):
    truth = rng.normal(size=(20, 9, 3))
    mirrored = truth * np.array([-1.0, 1.0, 1.0])
    assert procrustes_mpjpe(mirrored, truth, counts=everything(truth)) > 0.05


def test_procrustes_rotation_agrees_with_scipy(rng):
    truth, points = rng.normal(size=(2, 1, 12, 3))
    aligned = procrustes_align(points, truth, counts=everything(truth)).points[0]
    source, target = points[0] - points[0].mean(axis=0), truth[0] - truth[0].mean(axis=0)
    rotation = Rotation.align_vectors(target, source)[0].as_matrix()
    scale = (target * (source @ rotation.T)).sum() / (source**2).sum()
    np.testing.assert_allclose(aligned, scale * source @ rotation.T + truth[0].mean(axis=0), atol=1e-9)


def test_frames_with_two_joints_take_no_part_in_procrustes(rng):
    truth = rng.normal(size=(1, 7, 3))
    counts = np.arange(7)[None] < 2
    assert not procrustes_align(truth, truth, counts=counts).counts.any()


def test_error_by_views_averages_back_to_the_whole(rng):
    error, views = rng.random((40, 7)), rng.integers(0, 5, size=(40, 7))
    groups = error_by_views(error, views, counts=everything(error[..., None]), views=4)
    assert groups.joints.sum() == error.size
    assert (groups.error * groups.joints).sum() / error.size == pytest.approx(error.mean())


def test_no_answer_is_off_by_more_than_any_threshold():
    error = np.array([0.001, 0.001, 0.03, 0.03])
    answered = np.array([True, False, True, True])
    wanted = np.array([True, True, True, False])
    above = fraction_above(error, wanted=wanted, answered=answered, threshold_m=0.01)
    assert above == pytest.approx(2 / 3)
    assert answered_fraction(answered, wanted=wanted) == pytest.approx(2 / 3)


def test_silence_costs_the_held_answer_or_the_size_of_the_actor():
    truth = np.zeros((4, 2, 3))
    truth[:, 1, 2] = 1.7
    truth[:, 0, 0] = [0.0, 0.1, 0.2, 0.3]
    points = truth.copy()
    answered = np.array([[False, True], [True, True], [False, True], [False, True]])
    error = position_error(points, truth)
    held = held_error(
        error, points=points, truth=truth, answered=answered, wanted=np.ones((4, 2), dtype=bool)
    )
    np.testing.assert_allclose(held[:, 0], [1.7, 0.0, 0.1, 0.2])
    np.testing.assert_allclose(held[:, 1], 0.0)


def test_holding_never_changes_a_full_answer(rng):
    truth, points = rng.normal(size=(2, 9, 5, 3))
    error, all_in = position_error(points, truth), np.ones((9, 5), dtype=bool)
    np.testing.assert_array_equal(
        held_error(error, points=points, truth=truth, answered=all_in, wanted=all_in), error
    )


def test_masked_quantile_agrees_with_numpy(rng):
    values, counts = rng.random((6, 8)), rng.random((6, 8)) < 0.5
    for fraction in (0.0, 0.3, 0.5, 0.95, 1.0):
        assert masked_quantile(values, counts, fraction=fraction) == pytest.approx(
            np.quantile(values[counts], fraction)
        )
    assert masked_quantile(values, np.zeros_like(counts), fraction=0.5) == 0
    assert masked_mean(values, counts) == pytest.approx(values[counts].mean())


@pytest.mark.parametrize("metric", [mpjpe, procrustes_mpjpe])
def test_torch_and_numpy_agree_and_torch_has_gradients(metric, rng):
    truth, points = rng.normal(size=(2, 4, 6, 3))
    counts = rng.random((4, 6)) < 0.8
    tensor = torch.from_numpy(points).requires_grad_()
    loss = metric(tensor, torch.from_numpy(truth), counts=torch.from_numpy(counts))
    assert loss.item() == pytest.approx(float(metric(points, truth, counts=counts)))
    loss.backward()
    assert tensor.grad is not None
    assert torch.isfinite(tensor.grad).all()
    assert tensor.grad.abs().sum() > 0
