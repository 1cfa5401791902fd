import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from mvmono3d.errors import ConfigurationError, UnknownNameError
from mvmono3d.evaluation.baselines import BASELINES, baselines, on_clips
from mvmono3d.evaluation.compare import bootstrap, compare
from mvmono3d.evaluation.field import score_field
from mvmono3d.evaluation.figures import draw_actor, draw_groups, draw_overlay, draw_reliability, save_figures
from mvmono3d.evaluation.score import SCALARS
from mvmono3d.evaluation.table import (
    Column,
    comparison_csv,
    comparison_markdown,
    comparison_table,
    field_csv,
    field_markdown,
    field_table,
    length_text,
)
from mvmono3d.pipeline.classical import reconstruct_dlt
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip


@pytest.fixture(scope="module")
def clips():
    settings = replace(preset("C", skeleton="hand21"), frames=80)
    return [make_clip(settings, seed=seed, subject=seed, rig_seed=seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def comparison(clips):
    return compare(clips, baselines())


def text_of(table):
    written = io.StringIO()
    Console(width=160, file=written).print(table)
    return written.getvalue()


def test_every_method_is_scored_on_every_clip(comparison):
    assert [method.name for method in comparison.methods] == list(BASELINES)
    assert all(len(method.scores) == 2 for method in comparison.methods)


def test_better_methods_rank_better_under_occlusion(comparison):
    held = [method.summary("mpjpe_held_mm").mean for method in comparison.methods]
    assert held == sorted(held, reverse=True)


def test_a_summary_is_the_mean_within_its_interval(comparison):
    method = comparison.methods[0]
    interval = method.summary("mpjpe_mm")
    assert interval.mean == pytest.approx(np.mean([each.mpjpe_mm for each in method.scores]))
    assert interval.low <= interval.mean <= interval.high
    with pytest.raises(UnknownNameError, match="did you mean 'mpjpe_mm'"):
        method.summary("mpjpe")


def test_the_bootstrap_interval_holds_the_true_mean_as_often_as_stated():
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        interval = bootstrap(rng.normal(3.0, 1.0, size=30), seed=trial)
        hits += interval.low <= 3.0 <= interval.high
    assert 0.88 < hits / 200 < 0.99


def test_comparing_on_nothing_is_refused():
    with pytest.raises(ConfigurationError, match="no clips"):
        compare([], baselines())


def test_tables_name_methods_metrics_and_conventions(comparison):
    for text in (text_of(comparison_table(comparison)), comparison_markdown(comparison)):
        for word in ("dlt", "kalman", "answered", "MPJPE", "held"):
            assert word in text
    assert "last one" in comparison_markdown(comparison)


def test_the_csv_holds_every_scalar_of_every_clip(comparison):
    rows = list(csv.DictReader(io.StringIO(comparison_csv(comparison))))
    assert len(rows) == len(BASELINES) * 2 * (len(SCALARS) + 1)
    first = next(row for row in rows if row["metric"] == "mpjpe_mm")
    assert float(first["value"]) == comparison.methods[0].scores[0].mpjpe_mm


def test_figures_are_drawn_and_written(comparison, clips, tmp_path):
    paths = save_figures(tmp_path, comparison)
    assert [path.name for path in paths] == ["reliability.png", "visible_views.png", "unseen.png"]
    assert all(path.stat().st_size > 5_000 for path in paths)
    reliability = draw_reliability(comparison)
    assert reliability is not None
    assert reliability.axes[0].get_xlabel() == "stated probability"
    result = on_clips(reconstruct_dlt)(clips[0])
    assert len(draw_overlay(clips[0], result, frame=10).axes) == len(clips[0].rig.names)
    assert draw_actor(clips[0], result, frame=10).axes


def test_figures_without_data_are_left_out(clips):
    plain = [replace(clip, occlusion=None) for clip in clips]
    comparison = compare(plain, {"dlt": on_clips(reconstruct_dlt)})
    assert draw_groups(comparison, groups="by_views_mm") is None


def test_a_recording_is_judged_without_truth(clips):
    clip = clips[0]
    found = score_field(
        clip.observations,
        clip.rig,
        skeleton=clip.skeleton,
        reconstruct=lambda seen: reconstruct_dlt(seen, clip.rig, clip.skeleton),
    )
    assert found.left_out_px is not None
    assert found.reprojection_px is not None
    assert found.predicted is not None
    assert found.left_out_px > found.reprojection_px
    assert 0.5 < found.answered <= 1.0
    assert 0.5 < found.predicted <= 1.0
    assert "left out" in text_of(field_table({"dlt": found}))
    assert "| left out px |" in field_markdown({"dlt": found})
    assert field_csv({"dlt": found}).count("\n") == 9


def test_two_views_leave_nothing_to_predict(clips):
    clip = clips[0]
    rig = clip.rig.select(clip.rig.names[:2])
    seen = clip.observations
    pair = replace(
        seen, pixels=seen.pixels[:, :2], confidence=seen.confidence[:, :2], detected=seen.detected[:, :2]
    )
    found = score_field(
        pair,
        rig,
        skeleton=clip.skeleton,
        reconstruct=lambda some: reconstruct_dlt(some, rig, clip.skeleton),
    )
    assert (found.left_out_px, found.predicted) == (None, None)


def test_short_lengths_keep_two_decimals():
    assert [length_text(value) for value in (0.034, 9.994, 9.996, 123.45)] == [
        "0.03",
        "9.99",
        "10.0",
        "123.5",
    ]
    assert Column("jerk", "jerk m/s³", digits=0).text(7.6) == "8"
