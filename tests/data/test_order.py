from collections import Counter

import numpy as np
import pytest

from mvmono3d.data.order import CounterBatches, epoch_order


def batches(*, done: int = 0, samples: int = 23, batch_size: int = 4, rank: int = 0, shares: int = 1):
    per_epoch = -(-samples // (shares * batch_size))
    return CounterBatches(
        samples=samples,
        batch_size=batch_size,
        seed=7,
        batches_done=lambda: done,
        per_epoch=lambda: per_epoch,
        rank=rank,
        shares=shares,
    )


def test_an_epoch_holds_every_sample_once():
    made = list(batches())
    assert len(made) == len(batches()) == 6
    assert Counter(sample for batch in made for _, sample in batch) == Counter(range(23))


def test_epochs_differ_and_repeat_exactly():
    one, again, other = (epoch_order(50, seed=1, epoch=epoch) for epoch in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize("done", range(13))
def test_a_resume_yields_exactly_what_was_left(done):
    whole = [batch for epoch in range(3) for batch in batches(done=epoch * 6)]
    rest_of_epoch = list(batches(done=done))
    assert rest_of_epoch == whole[done : (done // 6 + 1) * 6]


def test_processes_share_an_epoch_evenly():
    parts = [list(batches(rank=rank, shares=2)) for rank in range(2)]
    assert [len(batch) for batch in parts[0]] == [len(batch) for batch in parts[1]]
    seen = Counter(sample for part in parts for batch in part for _, sample in batch)
    assert set(seen) == set(range(23))
    assert sum(seen.values()) == 24
