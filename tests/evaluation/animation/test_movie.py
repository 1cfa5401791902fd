import argparse
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mvmono3d.core.detections_file import Detections, write_detections
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.rig_file import write_rig
from mvmono3d.core.trajectory import PointSource
from mvmono3d.errors import ConfigurationError
from mvmono3d.evaluation.animation.drawing import towards_viewer
from mvmono3d.evaluation.animation.movie import animate
from mvmono3d.evaluation.animation.shots import TRUTH, framing_of, hidden_share, shots_of
from mvmono3d.evaluation.baselines import baselines
from mvmono3d.evaluation.command import add_arguments, run
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip


@pytest.fixture(scope="module")
def clip():
    return make_clip(
        replace(preset("realistic", skeleton="hand21"), frames=30), seed=2, subject=2, rig_seed=2
    )


@pytest.fixture(scope="module")
def reconstructions(clip):
    return {name: baselines()[name](clip) for name in ("robust", "kalman")}


def pictures(path):
    with Image.open(path) as movie:
        return getattr(movie, "n_frames", 1), movie.info["duration"]


def evaluate(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(argument) for argument in arguments]))


def test_a_movie_runs_in_real_time(clip, reconstructions, tmp_path):
    animate(tmp_path / "hand.gif", clip, reconstructions)
    number, duration_ms = pictures(tmp_path / "hand.gif")
    assert number == 6
    assert duration_ms == pytest.approx(1e3 * 5 / 60, abs=5)


def test_a_movie_without_truth_shows_the_methods_alone(clip, reconstructions, tmp_path):
    bare = replace(clip, truth=None, occlusion=None)
    assert [shot.name for shot in shots_of(bare, reconstructions)] == ["robust", "kalman"]
    animate(tmp_path / "hand.gif", bare, reconstructions)
    assert pictures(tmp_path / "hand.gif")[0] == 6


def test_the_truth_comes_first_and_counts_as_seen_where_two_views_see_it(clip, reconstructions):
    truth, *methods = shots_of(clip, reconstructions)
    assert truth.name == TRUTH
    visible = ((clip.occlusion.state == OcclusionState.VISIBLE) & clip.occlusion.labelled).sum(axis=1)
    np.testing.assert_array_equal(truth.seen, visible >= 2)
    share = hidden_share(clip)
    assert share is not None
    np.testing.assert_allclose(share, (visible < 2).mean(axis=1))
    for shot in methods:
        source = reconstructions[shot.name].trajectory.source
        np.testing.assert_array_equal(shot.seen, source == PointSource.MEASURED)
        assert not (shot.seen & ~shot.present).any()


def test_the_frame_follows_the_actor_wherever_it_stands(clip, reconstructions):
    truth = shots_of(clip, {})[0]
    away = np.array([5.0, -2.0, 1.0])
    here, there = framing_of(truth), framing_of(replace(truth, points_world=truth.points_world + away))
    np.testing.assert_allclose(there.centre_world, here.centre_world + away)
    assert there.half_m == pytest.approx(here.half_m)


def test_nothing_to_see_still_has_a_frame(clip):
    truth = shots_of(clip, {})[0]
    empty = framing_of(replace(truth, present=np.zeros_like(truth.present)))
    assert empty.half_m > 0
    assert np.isfinite(empty.centre_world).all()


def test_up_in_the_world_is_up_in_the_picture():
    for azimuth in np.linspace(-3.0, 3.0, 7):
        right, up = towards_viewer(azimuth)
        assert right[2] == 0.0
        assert up[2] > 0.9
        np.testing.assert_allclose(np.stack([right, up]) @ np.stack([right, up]).T, np.eye(2), atol=1e-12)


def test_the_verb_animates_a_world_under_a_row(tmp_path, capsys):
    path = tmp_path / "new" / "hand.gif"
    world = ("--world", "realistic", "--skeleton", "hand21", "--scenes", 1, "--frames", 20)
    assert evaluate(*world, "--stress", "--rows", "dead_1", "--animate", path) == 0
    assert "hand.gif" in capsys.readouterr().out
    assert pictures(path)[0] == 4


def test_the_verb_animates_a_recording(clip, tmp_path):
    detections = Detections(
        observations=clip.observations,
        views=clip.rig.names,
        joints=clip.skeleton.joints,
        skeleton=clip.skeleton.name,
    )
    write_detections(tmp_path / "detections.npz", detections)
    write_rig(tmp_path / "rig.toml", clip.rig)
    evaluate(
        tmp_path / "detections.npz", "--rig", tmp_path / "rig.toml", "--frames", 12,
        "--animate", tmp_path / "it.gif",
    )  # fmt: skip
    assert pictures(tmp_path / "it.gif")[0] >= 2


def test_only_a_gif_is_written(clip, reconstructions, tmp_path):
    with pytest.raises(ConfigurationError, match=r"ends in \.gif"):
        evaluate("--world", "A", "--animate", tmp_path / "movie.mp4")
    with pytest.raises(ConfigurationError, match=r"ends in \.gif"):
        animate(tmp_path / "movie.mp4", clip, reconstructions)
