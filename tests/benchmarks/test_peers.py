"""The comparison with peers: what goes over is what comes back, and a perfect answer costs nothing."""

import csv
import tomllib
from collections import Counter

import numpy as np
import pytest

from mvmono3d.synthetic.splits import Split
from tests.benchmarks.peers.bench import compare_on
from tests.benchmarks.peers.exchange import Answer, answer_of, read_answer, read_scene, write_arrays
from tests.benchmarks.peers.grids import STAGES, combine
from tests.benchmarks.peers.page import write_csv, write_page
from tests.benchmarks.peers.peer_process import PEERS, is_installed, run_peer
from tests.benchmarks.peers.scenes import WORLDS, clips_of, held_out_clips, scene_of, without_view
from tests.benchmarks.peers.scoring import Result, left_out_px, ratio_interval, score_answer
from tests.benchmarks.peers.tune import read_tuned, tuned_path

needs_peers = pytest.mark.skipif(not is_installed(), reason="no .venv-peers (make bench-peers builds it)")


@pytest.fixture(scope="module")
def clip():
    return held_out_clips("hand21-C", 1, frames=40)[0]


@pytest.fixture(scope="module")
def perfect(clip):
    truth = np.asarray(clip.truth.points_world, dtype=np.float64)
    return answer_of(truth, cpu_s=0.2, core_cpu_s=0.1)


def same(one, other):
    names = one.__dataclass_fields__
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_a_scene_comes_back_as_it_was_written(clip, tmp_path):
    scene = scene_of(clip)
    write_arrays(tmp_path / "scene.npz", scene)
    assert same(read_scene(tmp_path / "scene.npz"), scene)


def test_an_answer_comes_back_as_it_was_written(perfect, tmp_path):
    write_arrays(tmp_path / "answer.npz", perfect)
    assert same(read_answer(tmp_path / "answer.npz"), perfect)


def test_a_scene_holds_no_truth_and_no_pickles(clip, tmp_path):
    write_arrays(tmp_path / "scene.npz", scene_of(clip))
    with np.load(tmp_path / "scene.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
        assert not any(
            np.allclose(file[name], clip.truth.points_world)
            for name in file.files
            if file[name].shape == clip.truth.points_world.shape
        )


def test_straight_pixels_are_what_pinholes_would_see(clip):
    scene = scene_of(clip)
    pose = scene.camera_from_world
    points = np.einsum("vij,tkj->tvki", pose[:, :, :3], scene.start_points) + pose[:, None, :, 3]
    seen = points[..., :2] / points[..., 2:] * scene.lens[:, None, :2] + scene.lens[:, None, 2:4]
    apart = np.linalg.norm(seen - scene.straight_pixels(), axis=-1)
    both = scene.detected & scene.start_answered[:, None]
    assert np.median(apart[both]) < 2.0


def test_a_perfect_answer_scores_zero(clip, perfect):
    values = score_answer(perfect, clip)
    assert values["mpjpe_held_mm"] == values["mpjpe_mm"] == values["above_10mm"] == 0.0
    assert values["answered"] == 1.0
    assert values["acceleration_error"] == pytest.approx(0.0, abs=1e-9)
    assert values["ms_per_frame"] == pytest.approx(5.0)


def test_silence_is_missing_and_costs_the_held_error(clip, perfect):
    points = perfect.points.copy()
    points[10:20] = np.nan
    values = score_answer(answer_of(points, cpu_s=0.0, core_cpu_s=0.0), clip)
    assert values["mpjpe_mm"] == 0.0
    assert values["mpjpe_held_mm"] > 0.0
    assert values["answered"] == pytest.approx(0.75)


def test_the_left_out_distance_of_the_truth_is_the_detector_s_error(clip, perfect):
    clips = [without_view(clip, view) for view in range(4)]
    assert not any(each.observations.detected[:, view].any() for view, each in enumerate(clips))
    distance, share = left_out_px([perfect] * 4, clip)
    assert share == 1.0
    assert np.median(distance) < 3.0


def test_equal_methods_have_ratio_one_and_a_method_twice_as_good_one_half():
    rows = [Result(method="m", world="w", scene=n, values={"x": 1.0 + n}) for n in range(8)]
    half = [Result(method="h", world="w", scene=n, values={"x": 0.5 * (1.0 + n)}) for n in range(8)]
    assert ratio_interval(rows, rows, "x") == (1.0, 1.0, 1.0)
    assert ratio_interval(half, rows, "x") == pytest.approx((0.5, 0.5, 0.5))


def test_held_out_scenes_and_training_scenes_have_nothing_in_common():
    training, held_out = (
        {clip.observations.pixels.tobytes() for clip in clips_of("hand21-C", 3, split=split, frames=2)}
        for split in (Split.TRAIN, Split.TEST)
    )
    assert training.isdisjoint(held_out)


@pytest.mark.parametrize("world", WORLDS)
def test_every_peer_was_tuned_on_a_grid(world):
    content = tomllib.loads(tuned_path(world).read_text())
    for peer in PEERS:
        assert len(content[peer]["trials"]) == sum(map(len, STAGES[peer]))
        assert content[peer]["settings"] == read_tuned(world)[peer]


def test_combinations_are_all_there():
    assert combine(a=(1, 2), b=(3,)) == [{"a": 1, "b": 3}, {"a": 2, "b": 3}]
    assert set(STAGES) == set(PEERS)


@pytest.mark.bench
@pytest.mark.timeout(600)
@needs_peers
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_reconstructs_a_hand_to_centimetres(clip, peer, tmp_path):
    write_arrays(tmp_path / "scene.npz", scene_of(clip))
    settings = read_tuned("hand21-C")[peer]
    answer = run_peer(peer, [(tmp_path / "scene.npz", settings)], folder=tmp_path / peer, warm=False)[0]
    assert isinstance(answer, Answer)
    assert answer.answered.mean() > 0.5
    assert answer.cpu_s >= answer.core_cpu_s > 0.0
    assert score_answer(answer, clip)["median_mm"] < 10.0


@pytest.mark.bench
@pytest.mark.timeout(600)
@needs_peers
def test_the_page_names_every_method_and_the_csv_every_number(tmp_path):
    results = compare_on("hand21-C", 2, frames=40, peers=("pycolmap", "Pose2Sim"))
    write_csv(tmp_path / "peers.csv", results, {})
    write_page(tmp_path / "peers.md", results, {}, frames=40)
    rows = list(csv.DictReader((tmp_path / "peers.csv").read_text().splitlines()))
    text = (tmp_path / "peers.md").read_text()
    methods = Counter(row["method"] for row in rows)
    assert len(methods) == 5
    assert all(f"| {method} |" in text for method in methods)
    assert len(rows) == sum(len(each.values) for each in results)
