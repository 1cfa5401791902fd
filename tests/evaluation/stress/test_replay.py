from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.trajectory import PointSource
from mvmono3d.errors import ConfigurationError
from mvmono3d.evaluation.baselines import baselines
from mvmono3d.evaluation.compare import bootstrap_ratio
from mvmono3d.evaluation.stress.replay import LARGE_ACTOR, SMALL_ACTOR, stress, tolerance_of
from mvmono3d.evaluation.stress.rows import rows_named
from mvmono3d.evaluation.stress.summary import summarise
from mvmono3d.evaluation.stress.takes import undisturbed
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip

ROWS = rows_named(["occluder", "dead_1"])


@pytest.fixture(scope="module")
def methods():
    return {name: method for name, method in baselines().items() if name in ("robust", "dlt")}


def numbers(records):
    return [
        (
            record.row,
            record.method,
            record.take,
            record.measures.held.tolist(),
            record.measures.covered.tolist(),
        )
        for record in records
    ]


def test_the_same_arguments_give_the_same_records(takes, methods):
    first, again = (numbers(stress(takes, methods, rows=ROWS, seed=3)) for _ in range(2))
    assert first == again
    assert first != numbers(stress(takes, methods, rows=ROWS, seed=4))
    assert len(first) == len(takes) * len(ROWS) * len(methods)


def test_takes_are_asked_for_one_at_a_time(takes, methods):
    asked = []

    def source():
        for take in takes:
            asked.append(take)
            yield take

    records = stress(source(), methods, rows=ROWS)
    next(records)
    assert len(asked) == 1
    assert {record.take for record in records} == {0, 1}


def test_rows_that_do_not_suit_a_take_are_left_out(methods):
    hand = make_clip(replace(preset("C", skeleton="hand21"), frames=60), seed=1, subject=1, rig_seed=1)
    rows = rows_named(["swaps", "layout_arc", "flat_scores"])
    found = {record.row for record in stress([hand], methods, rows=rows)}
    assert found == {"undisturbed", "flat_scores"}


def test_methods_are_needed(takes):
    with pytest.raises(ConfigurationError, match="no methods"):
        list(stress(takes, {}))


def test_nothing_is_worse_than_itself(takes, methods):
    twice = {"robust": methods["robust"], "kalman": methods["robust"]}
    lines = summarise(stress(takes, twice, rows=ROWS))
    for line in lines:
        baseline = "kalman" if line.method == "robust" else "robust"
        for of in ("held", "hidden"):
            ratio = line.ratio(of, baseline)
            assert ratio is not None
            assert (ratio.mean, ratio.low, ratio.high, ratio.clips) == (1.0, 1.0, 1.0, 2)
        assert (line.worst_excess_mm, line.takes_worse) == (0.0, 0)
        assert line.ratio("held", line.method) is None


def test_lines_come_row_by_row(takes, methods):
    lines = summarise(stress(takes, methods, rows=ROWS))
    assert [(line.row, line.method) for line in lines] == [
        (row.name, method) for row in ROWS for method in methods
    ]
    assert {line.takes for line in lines} == {2}
    with pytest.raises(ConfigurationError, match="no stress records"):
        summarise([])


def test_a_ratio_of_means_lies_in_its_interval():
    rng = np.random.default_rng(0)
    count = rng.integers(50, 100, size=20).astype(float)
    lower = np.stack([count * rng.uniform(5, 20, 20), count], axis=1)
    upper = lower * [0.5, 1.0]
    upper[:, 0] *= rng.uniform(0.8, 1.2, 20)
    found = bootstrap_ratio(upper, lower, seed=1)
    assert found is not None
    assert found.low < 0.5 < found.high
    assert found.mean == pytest.approx(upper[:, 0].sum() / lower[:, 0].sum())
    assert bootstrap_ratio(np.zeros((3, 2)), lower[:3], seed=1) is None


def test_without_truth_the_offline_smoother_stands_in_where_three_views_agree(clip):
    recording = replace(clip, truth=None, occlusion=None)
    judged = undisturbed(recording)
    assert judged.truth is not None
    assert judged.occlusion is not None
    known = judged.truth.source != PointSource.MISSING
    near = judged.occlusion.labelled & (judged.occlusion.state == OcclusionState.VISIBLE)
    assert (near.sum(axis=1)[known] >= 3).all()
    assert 0.2 < known.mean() < 1.0
    apart = np.linalg.norm(judged.truth.points_world - clip.truth.points_world, axis=-1)
    assert np.median(apart[known]) < 0.03
    assert not judged.truth.points_world[~known].any()


def test_given_truth_is_kept_and_labelled(clip):
    judged = undisturbed(replace(clip, occlusion=None))
    assert judged.truth is not None
    assert np.array_equal(judged.truth.points_world, clip.truth.points_world)
    assert (judged.truth.source == PointSource.MEASURED).all()
    assert undisturbed(clip) is clip


def test_tolerances_follow_the_size_of_the_actor(clip):
    assert tolerance_of(clip) == LARGE_ACTOR
    small = replace(clip, truth=replace(clip.truth, points_world=0.1 * clip.truth.points_world))
    assert tolerance_of(small) == SMALL_ACTOR
