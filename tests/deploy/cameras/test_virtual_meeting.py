"""Two who meet before the virtual rig: both are in the pictures where the truth says, and both are known."""

from pathlib import Path

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.cameras.virtual_meeting import rendered_meeting, stage_meeting
from mvmono3d.deploy.cameras.virtual_truth import read_other_truths, read_virtual_truth
from mvmono3d.synthetic.render.take import Canvas
from tests.deploy.live.small_site import write_site

_HOW = {"rate_hz": 20.0, "exposure_ns": 1_000_000}


@pytest.mark.slow
def test_both_hands_are_where_the_truths_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    write_site(tmp_path)
    source = VirtualSource(scene="hands", rig=str(tmp_path / "rig.toml"), seed=2, seconds=0.2)
    take = rendered_meeting(source, **_HOW)
    truths = (read_virtual_truth(source, **_HOW), *read_other_truths(source, **_HOW))
    assert len(truths) == 2
    for view, empty in enumerate(take.empty):
        light = Canvas(empty).show(take.patch(0, view))
        for truth in truths:
            seen = truth.state[0, view] == OcclusionState.VISIBLE
            u, v = np.rint(truth.pixels[0, view][seen]).astype(int).T
            assert np.median(light[v, u]) > 3.0 * np.median(empty)
    # Another call takes what is there.
    written = (tmp_path / "mvmono3d").rglob("*.npz")
    before = {path: path.stat().st_mtime_ns for path in written}
    rendered_meeting(source, **_HOW)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_two_hands_come_near_and_part():
    staged = stage_meeting(load_skeleton("hand21"), np.arange(0.0, 3.0, 0.05), scene="hands", seed=1)
    apart = _apart(*(each.scene.points_world for each in staged))
    assert apart.min() < 0.08
    assert apart.max() > 0.2


def test_two_people_pass_each_other_and_never_touch():
    staged = stage_meeting(load_skeleton("body17"), np.arange(0.0, 6.0, 0.1), scene="people", seed=1)
    one, other = (each.performance.centre_world for each in staged)
    sides = np.sign(one[:, 0] - other[:, 0])
    assert {-1.0, 1.0} <= set(sides.tolist())
    assert np.linalg.norm((one - other)[:, :2], axis=-1).min() > 0.6
    for each in staged:
        moved = each.scene.points_world - each.performance.points_world[:, each.performance.joints]
        np.testing.assert_allclose(moved, 0.0, atol=1e-12)


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.linalg.norm(one.mean(axis=1) - other.mean(axis=1), axis=-1)


def test_a_scene_of_one_has_no_others():
    assert read_other_truths(VirtualSource(scene="hand"), **_HOW) == ()
