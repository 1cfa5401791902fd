import numpy as np
import pytest
import torch

from mvmono3d.metrics.occlusion import auc, class_f1, confusion, macro_f1


@pytest.fixture
def rng():
    return np.random.default_rng(9)


def test_f1_agrees_with_a_hand_count():
    true = np.array([0, 0, 0, 1, 1, 2, 3])
    told = np.array([0, 0, 1, 1, 0, 2, 0])
    counts = confusion(told, true, labelled=np.ones(7, dtype=bool))
    scores = class_f1(counts)
    # visible: 2 hits, 2 false alarms, 1 miss; self: 1, 1, 1; object: 1, 0, 0; unknown: 0, 0, 1
    np.testing.assert_allclose(scores.f1, [4 / 7, 2 / 4, 1.0, 0.0])
    assert macro_f1(counts) == pytest.approx((4 / 7 + 1 / 2 + 1 + 0) / 4)


def test_perfect_states_score_one_even_when_a_state_never_occurs(rng):
    true = rng.integers(0, 3, size=(10, 4, 5))
    counts = confusion(true, true, labelled=np.ones(true.shape, dtype=bool))
    assert macro_f1(counts) == pytest.approx(1.0)
    np.testing.assert_array_equal(class_f1(counts).occurs, [True, True, True, False])


def test_states_without_a_label_count_nowhere(rng):
    told, true = rng.integers(0, 4, size=(2, 200))
    labelled = rng.random(200) < 0.5
    np.testing.assert_array_equal(
        confusion(told, true, labelled=labelled),
        confusion(told[labelled], true[labelled], labelled=np.ones(labelled.sum(), dtype=bool)),
    )


def test_the_confusion_counts_every_pair_as_a_loop_would(rng):
    told, true = rng.integers(0, 4, size=(2, 300))
    expected = np.zeros((4, 4), dtype=int)
    for t, p in zip(true, told, strict=True):
        expected[t, p] += 1
    np.testing.assert_array_equal(confusion(told, true, labelled=np.ones(300, dtype=bool)), expected)


def test_auc_is_the_chance_that_a_positive_scores_higher(rng):
    score, positive = np.round(rng.random(150), 1), rng.random(150) < 0.4
    pairs = [np.sign(p - n) for p in score[positive] for n in score[~positive]]
    expected = (np.mean(pairs) + 1) / 2
    assert auc(score, positive, labelled=np.ones(150, dtype=bool)) == pytest.approx(expected)


def test_auc_is_one_for_a_perfect_score_and_half_for_a_constant_one(rng):
    positive = rng.random(50) < 0.5
    labelled = np.ones(50, dtype=bool)
    assert auc(positive.astype(float), positive, labelled=labelled) == 1.0
    assert auc(np.zeros(50), positive, labelled=labelled) == 0.5
    assert auc(np.zeros(50), np.ones(50, dtype=bool), labelled=labelled) == 0.5


def test_torch_and_numpy_agree(rng):
    told, true = rng.integers(0, 4, size=(2, 30, 4))
    score, labelled = rng.random((30, 4)), rng.random((30, 4)) < 0.9
    t = torch.from_numpy
    assert macro_f1(confusion(t(told), t(true), labelled=t(labelled))).item() == pytest.approx(
        macro_f1(confusion(told, true, labelled=labelled))
    )
    assert auc(t(score), t(true) == 0, labelled=t(labelled)).item() == pytest.approx(
        auc(score, true == 0, labelled=labelled)
    )
