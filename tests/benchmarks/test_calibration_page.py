"""The benchmark of calibration: a true rig has no error, stated intervals are of what is compared."""

from dataclasses import dataclass, fields

import numpy as np
import pytest

from mvmono3d.calibration.reprojection import moved, no_step
from mvmono3d.core.record import Record
from mvmono3d.geometry.rigid import compose, rotation_from_vector, transform_from, vector_from_rotation
from tests.benchmarks.calibration import bench, honesty
from tests.benchmarks.calibration.bars import reached
from tests.benchmarks.calibration.page import write_page
from tests.benchmarks.calibration.parts import PARTS, QUICK, Amount
from tests.benchmarks.calibration.scoring import errors_of
from tests.benchmarks.calibration.store import numbers, read_results
from tests.benchmarks.calibration.worlds import full_images, full_lenses
from tests.benchmarks.peers.peer_process import is_installed
from tests.calibration.boards import make


@pytest.fixture(scope="module", params=[full_lenses, full_images])
def scene(request):
    return request.param(0, poses=6, noise_px=0.2)


def test_the_true_rig_has_no_error_wherever_its_world_is(scene):
    truth = scene.truth
    turn = rotation_from_vector(np.array([[0.3, -1.0, 2.0]]))
    elsewhere = compose(truth.camera_from_world, transform_from(turn, np.array([[1.0, 2.0, 3.0]])))
    for rig in (truth.camera_from_world, elsewhere):
        for field in fields(found := errors_of(scene, truth.lens, rig)):
            assert abs(getattr(found, field.name)) < 1e-5, field.name


def test_a_rig_that_is_too_large_is_not_laid_on_by_scale(scene):
    larger = np.array(scene.truth.camera_from_world)
    larger[..., 3] *= 1.01
    found = errors_of(scene, scene.truth.lens, larger)
    np.testing.assert_allclose(found.scale_percent, 1.0, rtol=1e-3)
    np.testing.assert_allclose(found.length_mm, 10.0, rtol=1e-3)
    assert found.held_out_mm > 1.0
    assert found.axes_deg < 1e-5


def test_a_turned_camera_is_as_much_off_as_it_was_turned(scene):
    turned = np.array(scene.truth.camera_from_world)
    turned[1] = compose(
        transform_from(rotation_from_vector(np.radians([[0.0, 0.1, 0.0]])), np.zeros((1, 3)))[0], turned[1]
    )
    found = errors_of(scene, scene.truth.lens, turned)
    # Of six pairs three have the camera; of four cameras one is turned, and the world gives way a little.
    np.testing.assert_allclose(found.axes_deg, 0.1 * np.sqrt(0.5), rtol=1e-3)
    assert 0.03 < found.rays_deg < 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated(Record):
    """The part of a covariance that poses are about."""

    cameras: np.ndarray


@pytest.mark.slow
def test_the_uncertainty_of_a_pair_is_that_of_steps_drawn_from_the_covariance():
    truth = make(poses=2).estimate
    generator = np.random.default_rng(3)
    mixing = 1e-5 * generator.normal(size=(60, 60))
    stated = Stated(cameras=mixing @ mixing.T)
    pose, sigma = honesty.relative_pose(truth.camera_from_world, stated, 0, 2)
    drawn = []
    for numbers_of_cameras in (mixing @ generator.normal(size=(60, 4000))).T:
        columns = numbers_of_cameras.reshape(4, 15)
        step = type(no_step(truth))(
            lens=np.zeros((4, 9)), camera=columns[:, 9:], board=np.zeros((len(truth.world_from_board), 6))
        )
        other = honesty.pose_of_pair(moved(truth, step).camera_from_world, 0, 2)
        turn = vector_from_rotation(other[:, :3] @ pose[:, :3].T)
        drawn.append(np.concatenate([turn, other[:, 3] - pose[:, 3]]))
    np.testing.assert_allclose(np.std(drawn, axis=0), sigma, rtol=0.06)


def results_of(tmp_path):
    return read_results(tmp_path / "calibration.csv")


def test_what_was_measured_is_read_again_and_other_code_forgets_it(tmp_path, monkeypatch):
    results = results_of(tmp_path)
    results.begin("noise", keep=False)
    results.add("noise", "middle/0", {"ours": {"held_out_mm": 0.125, "accepted": True}})
    again = results_of(tmp_path)
    assert numbers(again.of("noise"), "ours", "held_out_mm") == [0.125]
    assert again.stamps == results.stamps
    again.begin("noise", keep=False)
    assert list(again.of("noise")) == ["middle/0"]
    monkeypatch.setattr("tests.benchmarks.calibration.store.hash_of_code", lambda: "other")
    again.begin("noise", keep=True)
    assert len(again.stamps["noise"]) == 2
    again.begin("noise", keep=False)
    assert again.of("noise") == {}


def test_a_case_is_measured_once_and_none_after_the_time(tmp_path, monkeypatch):
    calls = []

    def measured(seed, **_settings):
        calls.append(seed)
        counts = {"intervals": 8, "inside": 7, "squared": 8.0}
        found = {f"{kind}: {what}": count for kind in honesty.KINDS for what, count in counts.items()}
        return {honesty.CHOSEN: found, honesty.KNOWN: found}

    monkeypatch.setattr(honesty, "measure", measured)
    given = ["--quick", "--out", str(tmp_path), "--only", "uncertainty"]
    bench.run(bench.read_arguments(given), say=calls.append)
    bench.run(bench.read_arguments([*given, "--runs", "3"]), say=lambda _: None)
    assert [call for call in calls if isinstance(call, int)] == [1000, 1001, 1002]
    bench.run(bench.read_arguments([*given, "--runs", "9", "--minutes", "-1"]), say=lambda _: None)
    assert len([call for call in calls if isinstance(call, int)]) == 3


def test_what_was_not_run_stands_as_not_measured(tmp_path):
    results = results_of(tmp_path)
    found = reached(results, Amount())
    assert {each.verdict for each in found} == {"not measured"}
    assert {each.bar.number for each in found} == {*range(1, 9)}
    write_page(tmp_path / "calibration.md", results, Amount())
    text = (tmp_path / "calibration.md").read_text()
    assert "| uncertainty | 0 of 100 | not yet |" in text


def test_quick_writes_no_page_of_the_documentation():
    assert bench.read_arguments(["--quick"]).out != bench.read_arguments([]).out


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_part_runs_from_end_to_end(tmp_path):
    parts = [part.name for part in PARTS if part.missing() is None and part.name != "real"]
    assert ("peers" in parts) == is_installed()
    given = ["--quick", "--out", str(tmp_path), "--only", *parts, "--trials", "0"]
    bench.run(bench.read_arguments(given), say=lambda _: None)
    results = results_of(tmp_path)
    for part in PARTS:
        if part.name in parts:
            wanted = part.cases(bench.read_arguments(given).amount)
            assert set(results.of(part.name)) == set(wanted), part.name
    text = (tmp_path / "calibration.md").read_text()
    assert "## Stated uncertainty" in text
    assert "## Sets with a mistake, and good ones" in text
    by_number = {each.bar.number: each.verdict for each in reached(results, QUICK)}
    assert by_number[3] != "not measured"
