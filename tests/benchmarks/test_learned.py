"""The bars: a perfect answer reaches them, silence and false certainty don't, and no scene is lost twice."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import Decision, MissingReason, PointSource, Reconstruction
from mvmono3d.evaluation.baselines import BASELINES
from mvmono3d.evaluation.compare import Interval
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip
from tests.benchmarks.learned.bars import SAMPLE_BARS, Bar, Bound, Reached
from tests.benchmarks.learned.bench import Findings, read_arguments, run
from tests.benchmarks.learned.measuring import FIELDS, LEARNED, measure_section, unawareness
from tests.benchmarks.learned.page import write_csv, write_page
from tests.benchmarks.learned.real import Judged, judge, ratios
from tests.benchmarks.learned.sample import Sample
from tests.benchmarks.learned.sections import QUICK, Amount, kind_of, sections_of
from tests.benchmarks.learned.statistics import change
from tests.benchmarks.learned.store import Store


def answer(clip, *, offset_m=0.0, sigma_m=0.01):
    """The truth, moved sideways, with a stated standard deviation and the true states."""
    points = clip.truth.points_world.astype(np.float64) + np.array([offset_m, 0.0, 0.0])
    frames, views, joints = clip.observations.detected.shape
    return Reconstruction(
        trajectory=replace(
            clip.truth,
            points_world=points,
            covariance_world=np.broadcast_to(sigma_m**2 * np.eye(3), (frames, joints, 3, 3)).copy(),
            source=np.full((frames, joints), int(PointSource.MEASURED), dtype=np.int64),
        ),
        decided_by=np.full((frames, joints), int(Decision.LEARNED), dtype=np.int64),
        reason=np.full((frames, joints), int(MissingReason.NONE), dtype=np.int64),
        weights=np.full((frames, views, joints), 1.0 / views),
        occlusion=np.eye(4)[clip.occlusion.state],
        reprojection_px=np.zeros((frames, views, joints)),
    )


def silent(reconstruction):
    gone = np.zeros_like(reconstruction.trajectory.source)
    return replace(reconstruction, trajectory=replace(reconstruction.trajectory, source=gone))


@pytest.fixture(scope="module")
def section():
    amount = replace(QUICK, scenes=3, frames=24)
    return sections_of(load_skeleton("body17"), amount)[0]


@pytest.fixture(scope="module")
def clip(section):
    return section.take(0).clip(section.settings)


@pytest.fixture
def store(tmp_path):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "manifest.json").write_text("{}")
    return Store(tmp_path / "cache", bundle)


def nothing(_text):
    pass


@pytest.mark.slow
def test_a_perfect_answer_loses_all_error_and_an_equal_one_none(section, store):
    sample = Sample(measure_section(section, answer, store=store, say=nothing))
    gained = sample.interval(change("held"))
    assert gained is not None
    assert gained.mean == gained.low == gained.high == -100.0
    same = sample.interval(change("held", method="robust", baseline="robust"))
    assert same is not None
    assert same.mean == same.low == same.high == 0.0


@pytest.mark.slow
def test_every_bar_on_a_ring_is_reached_by_the_truth_but_an_honest_covariance(section, store):
    sample = Sample(measure_section(section, answer, store=store, say=nothing))
    for bar in SAMPLE_BARS:
        if (bar.kind, bar.section) == ("body", "ring"):
            found = sample.interval(bar.statistic)
            honest = "95 %: all" in bar.title
            assert found is None or bar.must.holds(found.mean) != honest, bar.title


@pytest.mark.slow
def test_what_was_measured_is_not_measured_again(section, store):
    first = measure_section(section, answer, store=store, say=nothing)
    calls = []
    again = measure_section(section, lambda clip: calls.append(clip), store=store, say=nothing)
    assert calls == []
    for scene, sums in first.items():
        for key, fields in sums.items():
            for field, array in fields.items():
                np.testing.assert_array_equal(array, again[scene][key][field])


@pytest.mark.slow
def test_a_scene_that_was_cut_off_is_measured_again_and_the_others_are_not(section, store):
    measure_section(section, answer, store=store, say=nothing)
    path = store.path(section)
    whole = path.read_text()
    path.write_text(whole[: int(0.9 * len(whole))])
    assert sorted(store.read(section)) == [0, 1]
    calls = []

    def counted(clip):
        calls.append(clip)
        return answer(clip)

    found = measure_section(section, counted, store=store, say=nothing)
    assert len(calls) == 1
    assert sorted(found) == sorted(store.read(section)) == [0, 1, 2]


def test_another_setting_is_another_file(section, store):
    other = replace(section, settings=replace(section.settings, frames=25))
    assert store.path(other) != store.path(section)


def test_to_be_off_is_to_be_lost_in_silence_only_if_the_answer_is_sure_of_itself(clip):
    joints = clip.observations.detected.shape[2]
    for given, lost in (
        (answer(clip, offset_m=0.05, sigma_m=0.005), joints),
        (answer(clip, offset_m=0.05, sigma_m=0.05), 0),
        (answer(clip, offset_m=0.01, sigma_m=0.001), 0),
        (silent(answer(clip, offset_m=0.05, sigma_m=0.005)), 0),
    ):
        found = unawareness(given, clip, level_m=0.03)
        assert found["lost_in_silence"].tolist() == [[lost, joints]]
        assert (found["unaware"][0, 0] > 0) == (lost > 0)


def test_sections_are_those_of_the_actor_and_their_rows_exist():
    amount = Amount()
    names = {kind: _names(skeleton, amount) for kind, skeleton in (("body", "body25b"), ("hand", "hand21"))}
    assert names == {"body": ["ring", "arc3", "corners3", "stress"], "hand": ["ring", "E", "stress"]}
    assert _names("mouse15", amount) == []
    assert amount.scenes * amount.frames >= 10_000
    for bar in SAMPLE_BARS:
        assert bar.section in names[bar.kind]


def _names(skeleton, amount):
    return [each.name.removeprefix(f"{skeleton}-") for each in sections_of(load_skeleton(skeleton), amount)]


@pytest.mark.parametrize(
    ("name", "kind"), [("hand21", "hand"), ("body17", "body"), ("halpe26", "body"), ("mouse15", "animal")]
)
def test_a_skeleton_has_a_kind(name, kind):
    assert kind_of(load_skeleton(name)) == kind


@pytest.mark.parametrize(
    ("mean", "low", "high", "words"),
    [
        (-40, -45, -35, "aim met"),
        (-30, -32, -28, "met"),
        (-30, -40, -20, "met, but the interval reaches past the bar"),
        (-20, -40, -10, "**NOT MET**"),
    ],
)
def test_a_verdict_says_plainly_whether_a_bar_is_reached(mean, low, high, words):
    bar = Bar(number=1, title="", must=Bound(high=-25), aim=Bound(high=-33))
    interval = Interval(mean=mean, low=low, high=high, clips=9)
    assert Reached(bar=bar, about="", interval=interval, source="").verdict == words
    assert Reached(bar=bar, about="", interval=None, source="").verdict == "not measured"


def judged(error, *, spread):
    random = np.random.default_rng(0)
    shape = (40, 4, 5)
    return Judged(
        error_px=np.full(shape, error),
        predicted=np.ones(shape, dtype=bool),
        asked=np.ones(shape, dtype=bool),
        lengths_m=1.0 + spread * random.standard_normal((40, 4)),
        known=np.ones((40, 4), dtype=bool),
    )


def test_frames_that_a_bundle_learned_from_are_run_over_and_not_scored():
    clip = make_clip(replace(preset("A", skeleton="hand21"), frames=12), seed=0, subject=0, rig_seed=0)

    def robust(seen):
        return BASELINES["robust"](seen, clip.rig, clip.skeleton)

    whole, later = (judge(clip.observations, clip.rig, clip.skeleton, robust, first=at) for at in (0, 7))
    assert len(later.error_px) == 5
    for name in ("error_px", "predicted", "asked", "lengths_m", "known"):
        assert np.array_equal(getattr(later, name), getattr(whole, name)[7:])


def test_twice_the_error_on_a_recording_is_ratio_two():
    found = ratios(judged(10.0, spread=0.01), judged(5.0, spread=0.02))
    assert found["median"].mean == found["p90"].mean == pytest.approx(2.0)
    assert found["bones"].mean == pytest.approx(0.5)
    assert [found["bones"].low, found["bones"].high] == pytest.approx([0.5, 0.5])


def test_without_bundles_every_bar_stands_as_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.learned.bench.MODELS", tmp_path)
    monkeypatch.setattr("tests.benchmarks.learned.bench.ROOT", tmp_path)
    findings = run(read_arguments([str(tmp_path), "--no-real"]), say=nothing)
    assert {each.verdict for each in findings.reached} == {"not measured"}
    assert {each.bar.number for each in findings.reached} == {*range(1, 11), 12}
    assert "No bundle is released yet" in (tmp_path / "learned.md").read_text()


def test_the_page_names_every_method_and_the_csv_every_number(section, store, tmp_path):
    sample = Sample(measure_section(section, answer, store=store, say=nothing))
    findings = Findings(sections=[(section, sample)])
    findings.reached.append(
        Reached(
            bar=SAMPLE_BARS[0], about="body17", interval=sample.interval(SAMPLE_BARS[0].statistic), source="x"
        )
    )
    write_page(tmp_path / "learned.md", findings, amount=QUICK)
    write_csv(tmp_path / "learned.csv", findings)
    text = (tmp_path / "learned.md").read_text()
    assert all(f"| {method} |" in text for method in ("robust", "kalman", LEARNED))
    assert (
        "| 1 | body17 | mean error against Kalman | ≤ -25 % | ≤ -33 % | -100 [-100, -100] | aim met |" in text
    )
    rows = list(csv.DictReader((tmp_path / "learned.csv").read_text().splitlines()))
    assert {row["method"] for row in rows} == {"robust", "kalman", LEARNED}
    assert set(FIELDS) >= {"held", "hidden", "excess", "lost_ground"}


@pytest.mark.bench
@pytest.mark.timeout(1200)
def test_a_bundle_is_measured_from_end_to_end(tmp_path):
    from mvmono3d.export.bundle import Source, write_bundle
    from mvmono3d.export.frames import selftest_inputs
    from mvmono3d.export.graph import SingleFrame
    from tests.learned import SKELETON, small_reconstructor

    network, folder = small_reconstructor(), Path(tmp_path / "bundle")
    source = Source(
        network_for=lambda views: SingleFrame(network, views=views),
        inputs_for=lambda views: selftest_inputs(SKELETON, views=views),
        skeleton=load_skeleton(SKELETON),
        noise_px=float(network.units.noise_px),
        training={"experiment": "untrained"},
    )
    write_bundle(folder, source, views=(4,))
    given = [str(tmp_path / "out"), "--bundle", str(folder), "--quick", "--cache", str(tmp_path / "cache")]
    findings = run(read_arguments(given), say=nothing)
    about_hands = [each for each in findings.reached if each.about == "hand21"]
    assert {each.bar.number for each in about_hands} == {4, 5, 6, 7, 8, 9, 10}
    assert "### Hand21: regime E" in (tmp_path / "out" / "learned.md").read_text()
