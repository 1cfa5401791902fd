from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.errors import InvalidRecordError, UnknownNameError
from mvmono3d.evaluation.stress import cameras, detector, occluder
from mvmono3d.evaluation.stress.rows import ROWS, rows_named

SIGMA = 3.0


def draw(seed=0):
    return np.random.default_rng(seed)


def arrays_of(clip):
    found = []
    for record in (clip.observations, clip.truth, clip.occlusion, clip.rig):
        record.map(lambda array: found.append(np.asarray(array)) or array)
    return found


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(arrays_of(one), arrays_of(other), strict=True))


def row_of(name):
    return next(row for row in ROWS if row.name == name)


def replayed(name, take, clip, seed=1) -> Any:
    found = row_of(name).replay(take, clip, sigma_px=SIGMA, seed=seed)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda clip: occluder.occlude(clip, draw(), occluders=0, sigma_px=SIGMA),
        lambda clip: occluder.hide_limbs(clip, draw(), frames=(0, 0), sigma_px=SIGMA),
        lambda clip: cameras.kill_cameras(clip, draw(), cameras=0),
        lambda clip: cameras.kill_cameras(clip, draw(), cameras=2, since=1.0),
        lambda clip: cameras.drop_frame_sets(clip, draw(), share=0.0),
        lambda clip: cameras.drop_single_frames(clip, draw(), share=0.0),
        lambda clip: cameras.thin(clip, factor=1),
        lambda clip: cameras.shift_cameras(clip, draw(), rotation_deg=0.0, translation_m=0.0, told=True),
        lambda clip: detector.add_white_noise(clip, draw(), noise_px=0.0),
        lambda clip: detector.add_slow_noise(clip, draw(), noise_px=0.0),
        lambda clip: detector.add_outliers(clip, draw(), share=0.0, sigma_px=SIGMA),
        lambda clip: detector.swap_sides(clip, draw(), share=0.0),
    ],
)
def test_a_disturbance_of_no_strength_changes_nothing(clip, change):
    assert same(change(clip), clip)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rows_depend_on_their_seed_alone_and_keep_the_laws_of_a_clip(row, takes, clip):
    first, again = (row.replay(takes[0], clip, sigma_px=SIGMA, seed=7) for _ in range(2))
    if row.name == "rate_60":
        assert first is None
        return
    assert same(first, again)
    seen = first.observations
    assert not seen.pixels[~seen.detected].any()
    assert not seen.confidence[~seen.detected].any()
    assert seen.pixels.dtype == clip.observations.pixels.dtype
    assert (np.diff(seen.time_ns) > 0).all()
    assert len(seen.time_ns) == len(first.truth.time_ns) == len(first.occlusion.state)


@pytest.mark.parametrize("name", ["occluders", "limb_hidden", "white_noise", "outliers", "swaps", "dead_1"])
def test_another_seed_gives_another_disturbance(name, takes, clip):
    assert not same(replayed(name, takes[0], clip, seed=1), replayed(name, takes[0], clip, seed=2))


@pytest.mark.parametrize("name", ["occluder", "occluders", "limb_hidden"])
def test_what_hides_joints_touches_neither_truth_nor_rig_nor_what_stays_free(name, takes, clip):
    hidden = replayed(name, takes[0], clip)
    assert np.array_equal(hidden.truth.points_world, clip.truth.points_world)
    assert np.array_equal(hidden.rig.camera_from_world, clip.rig.camera_from_world)
    changed = (hidden.observations.pixels != clip.observations.pixels).any(axis=-1)
    assert changed.any()
    state = hidden.occlusion.state
    assert np.isin(state[changed], [OcclusionState.OBJECT, OcclusionState.UNKNOWN]).all()
    assert not (hidden.observations.detected & ~clip.observations.detected).any()
    before = clip.occlusion.state
    assert np.array_equal(state[before == OcclusionState.UNKNOWN], before[before == OcclusionState.UNKNOWN])


def test_more_solids_hide_more(clip):
    one, three = (occluder.hidden_by_solids(clip, draw(3), occluders=number) for number in (1, 3))
    assert not (one & ~three).any()
    assert 0.01 < one.mean() < three.mean() < 0.5


def test_a_solid_hides_the_same_joints_wherever_the_world_begins(clip):
    shift = np.array([1.0, -2.0, 0.5])
    moved_truth = replace(clip.truth, points_world=(clip.truth.points_world + shift).astype(np.float32))
    poses = clip.rig.camera_from_world.copy()
    poses[:, :, 3] -= poses[:, :, :3] @ shift.astype(np.float32)
    moved = replace(clip, truth=moved_truth, rig=replace(clip.rig, camera_from_world=poses))
    same_hidden = occluder.hidden_by_solids(moved, draw(5), occluders=2)
    assert (same_hidden == occluder.hidden_by_solids(clip, draw(5), occluders=2)).mean() > 0.999


def test_an_occluder_needs_to_know_where_the_joints_are(clip):
    with pytest.raises(InvalidRecordError, match="without truth"):
        occluder.occlude(replace(clip, truth=None), draw(), occluders=1, sigma_px=SIGMA)


def test_a_hidden_limb_is_hidden_from_all_views_for_ten_to_sixty_frames(takes, clip):
    hidden = replayed("limb_hidden", takes[0], clip)
    free = clip.occlusion.state != OcclusionState.UNKNOWN
    object_now = (hidden.occlusion.state == OcclusionState.OBJECT) | ~free
    new = (hidden.occlusion.state != clip.occlusion.state).any(axis=1)
    assert object_now.all(axis=1)[new].all()
    edges = np.diff(np.concatenate([[0], new.any(axis=1).astype(int), [0]]))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    assert (lengths[:-1] <= 60).all()


@pytest.mark.parametrize(("name", "number", "since"), [("dead_1", 1, 0.0), ("dead_2_later", 2, 0.5)])
def test_a_dead_camera_detects_nothing_from_its_death_on(name, number, since, takes, clip):
    dead = replayed(name, takes[0], clip)
    start = round(since * len(clip.observations.time_ns))
    silent = ~dead.observations.detected[start:].any(axis=(0, 2))
    assert silent.sum() == number
    assert (dead.occlusion.state[start:, silent] == OcclusionState.UNKNOWN).all()
    assert np.array_equal(dead.observations.pixels[:start], clip.observations.pixels[:start])
    assert np.array_equal(dead.observations.pixels[:, ~silent], clip.observations.pixels[:, ~silent])


def test_a_shift_is_the_same_whether_the_rig_tells_it_or_not(takes, clip):
    silent, told = (replayed(name, takes[0], clip) for name in ("shift_large", "shift_large_told"))
    assert np.array_equal(silent.rig.camera_from_world, told.rig.camera_from_world)
    assert np.array_equal(silent.rig.pose_sigma, clip.rig.pose_sigma)
    added = np.sqrt(told.rig.pose_sigma**2 - clip.rig.pose_sigma**2)
    np.testing.assert_allclose(added[:, 0], np.radians(0.3), rtol=1e-3)
    np.testing.assert_allclose(added[:, 1], 0.005, rtol=1e-3)
    assert np.array_equal(silent.truth.points_world, clip.truth.points_world)


def test_lost_frame_sets_take_times_and_truth_with_them(takes, clip):
    left = replayed("frame_sets_lost", takes[0], clip)
    kept = np.isin(clip.observations.time_ns, left.observations.time_ns)
    assert 0 < (~kept).sum() < 0.3 * len(kept)
    assert np.array_equal(left.truth.points_world, clip.truth.points_world[kept])


def test_a_native_rate_shows_the_same_motion(takes, clip):
    slow, fast = (replayed(name, takes[0], clip) for name in ("rate_30", "rate_120"))
    np.testing.assert_allclose(slow.truth.points_world, clip.truth.points_world[::2], atol=1e-5)
    np.testing.assert_allclose(fast.truth.points_world[::2], clip.truth.points_world, atol=1e-5)
    assert cameras.frame_rate(fast) == pytest.approx(120.0, rel=1e-3)


def test_a_recording_is_thinned_and_never_made_faster(clip):
    slow = row_of("rate_30").replay(clip, clip, sigma_px=SIGMA, seed=0)
    assert slow is not None
    assert cameras.frame_rate(slow) == pytest.approx(30.0, rel=1e-3)
    assert row_of("rate_120").replay(clip, clip, sigma_px=SIGMA, seed=0) is None
    assert row_of("layout_arc").replay(clip, clip, sigma_px=SIGMA, seed=0) is None


def test_noise_has_the_size_and_memory_that_were_asked_for(clip):
    seen = clip.observations.detected
    always = seen[1:] & seen[:-1]
    white, slow = (
        (made.observations.pixels - clip.observations.pixels)[..., 0]
        for made in (
            detector.add_white_noise(clip, draw(), noise_px=4.0),
            detector.add_slow_noise(clip, draw(), noise_px=4.0),
        )
    )
    assert white[seen].std() == pytest.approx(4.0, rel=0.05)
    assert slow[seen].std() == pytest.approx(4.0, rel=0.35)
    assert np.corrcoef(slow[1:][always], slow[:-1][always])[0, 1] == pytest.approx(0.97, abs=0.02)
    assert abs(np.corrcoef(white[1:][always], white[:-1][always])[0, 1]) < 0.05


def test_outliers_hit_the_asked_share_far_away(clip):
    made = detector.add_outliers(clip, draw(), share=0.04, sigma_px=SIGMA)
    apart = np.linalg.norm(made.observations.pixels - clip.observations.pixels, axis=-1)
    hit = apart[clip.observations.detected]
    assert (hit > 0).mean() == pytest.approx(0.04, abs=0.01)
    assert hit[hit > 0].min() > 9.9 * SIGMA


def test_swapping_sides_all_the_time_twice_is_identity(clip):
    once = detector.swap_sides(clip, draw(), share=1.0)
    assert not same(once, clip)
    assert same(detector.swap_sides(once, draw(), share=1.0), clip)


def test_only_what_can_be_swapped_or_spared_is(takes, clip):
    lonely = cameras.kill_cameras(clip, draw(), cameras=2)
    assert row_of("dead_1").replay(lonely, lonely, sigma_px=SIGMA, seed=0) is None


def test_rows_are_found_by_name_and_always_begin_undisturbed():
    assert [row.name for row in rows_named(["dead_1"])] == ["undisturbed", "dead_1"]
    with pytest.raises(UnknownNameError, match="did you mean 'dead_1'"):
        rows_named(["dead1"])
    assert len({row.name for row in ROWS}) == len({row.title for row in ROWS}) == len(ROWS)
