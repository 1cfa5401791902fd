from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.clip import Clip
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.trajectory import PointSource
from mvmono3d.geometry.projection import inside_image, project
from mvmono3d.geometry.triangulation import triangulate_dlt
from mvmono3d.synthetic.presets import preset, preset_names
from mvmono3d.synthetic.settings import CalibrationSettings, RigSettings
from mvmono3d.synthetic.splits import Split, clip_seeds
from mvmono3d.synthetic.world import make_clip, make_clip_with_true_rig, make_clips

CAT = """
name: cat
torso: [pelvis, chest]
joints:
  pelvis:      {parent: null, rest_m: [-0.15, 0, 0.25], radius_m: 0.05}
  chest:       {parent: pelvis, rest_m: [0.15, 0, 0.25], radius_m: 0.06}
  head:        {parent: chest, rest_m: [0.25, 0, 0.33], radius_m: 0.04}
  left_elbow:  {parent: chest, rest_m: [0.15, 0.05, 0.12], radius_m: 0.02}
  left_paw:    {parent: left_elbow, rest_m: [0.17, 0.05, 0.0], radius_m: 0.015}
  right_elbow: {parent: chest, rest_m: [0.15, -0.05, 0.12], radius_m: 0.02}
  right_paw:   {parent: right_elbow, rest_m: [0.17, -0.05, 0.0], radius_m: 0.015}
  left_hock:   {parent: pelvis, rest_m: [-0.17, 0.05, 0.12], radius_m: 0.02}
  left_foot:   {parent: left_hock, rest_m: [-0.15, 0.05, 0.0], radius_m: 0.015}
  right_hock:  {parent: pelvis, rest_m: [-0.17, -0.05, 0.12], radius_m: 0.02}
  right_foot:  {parent: right_hock, rest_m: [-0.15, -0.05, 0.0], radius_m: 0.015}
  tail:        {parent: pelvis, rest_m: [-0.4, 0, 0.3], radius_m: 0.012}
"""


@pytest.fixture(scope="module")
def skeletons(tmp_path_factory):
    cat = tmp_path_factory.mktemp("skeletons") / "cat.yaml"
    cat.write_text(CAT)
    return {"hand": "hand21", "body": "body25b", "animal": str(cat)}


def short(name, skeleton="body25b", frames=90):
    return replace(preset(name, skeleton=skeleton), frames=frames)


def truth_of(clip):
    assert clip.truth is not None
    return clip.truth


def labels_of(clip):
    assert clip.occlusion is not None
    return clip.occlusion


def arrays_of(clip):
    found = []
    clip.map(lambda array: found.append(array) or array)
    return found


def bytes_of(clip):
    return [array.tobytes() for array in arrays_of(clip)]


@pytest.mark.parametrize("actor", ["hand", "body", "animal"])
@pytest.mark.parametrize("name", preset_names())
def test_every_preset_makes_sound_clips_of_every_actor(skeletons, name, actor):
    clip = make_clip(short(name, skeletons[actor]), seed=1, subject=2, rig_seed=3)
    for array in arrays_of(clip):
        assert np.isfinite(array).all()
        assert array.dtype in (np.float32, np.int64, np.int8, np.bool_)
    assert set(np.unique(labels_of(clip).state)) <= set(OcclusionState)
    assert labels_of(clip).labelled.all()
    assert (truth_of(clip).source == PointSource.MEASURED).all()
    assert (truth_of(clip).covariance_world == 0).all()
    assert (np.diff(clip.observations.time_ns) > 0).all()
    np.testing.assert_array_equal(truth_of(clip).time_ns, clip.observations.time_ns)
    assert 0.3 < clip.observations.detected.mean() <= 1.0


@pytest.mark.parametrize("actor", ["hand", "body", "animal"])
def test_the_actor_stays_before_the_cameras(skeletons, actor):
    outside = []
    for seed in range(6):
        clip, scene, rig = make_clip_with_true_rig(
            short("realistic", skeletons[actor]), seed=seed, subject=seed, rig_seed=seed
        )
        seen = project(scene.points_world, lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
        inside = seen.in_front & inside_image(seen.pixels, rig.camera.size_px)
        outside.append(1 - inside.mean())
        assert (labels_of(clip).state[~inside] == OcclusionState.UNKNOWN).all()
        assert not clip.observations.detected[~inside].any()
    assert np.mean(outside) < 0.05


def test_equal_seeds_give_equal_bytes():
    settings = short("realistic")
    assert bytes_of(make_clip(settings, seed=5, subject=6, rig_seed=7)) == bytes_of(
        make_clip(settings, seed=5, subject=6, rig_seed=7)
    )


def test_seed_subject_and_rig_seed_change_what_they_name():
    settings = short("realistic")
    first = make_clip(settings, seed=1, subject=1, rig_seed=1)
    moved = make_clip(settings, seed=2, subject=1, rig_seed=1)
    elsewhere = make_clip(settings, seed=1, subject=1, rig_seed=2)
    other = make_clip(settings, seed=1, subject=2, rig_seed=1)
    assert moved.rig.hash == first.rig.hash != elsewhere.rig.hash
    np.testing.assert_array_equal(truth_of(first).points_world, truth_of(elsewhere).points_world)
    assert not np.array_equal(truth_of(first).points_world, truth_of(moved).points_world)
    assert not np.array_equal(truth_of(first).points_world, truth_of(other).points_world)


def test_making_many_clips_is_making_each():
    settings, seeds = short("realistic", frames=20), list(clip_seeds(Split.TRAIN, 3))
    for clip, each in zip(make_clips(settings, seeds), seeds, strict=True):
        alone = make_clip(settings, seed=each.seed, subject=each.subject, rig_seed=each.rig_seed)
        assert bytes_of(clip) == bytes_of(alone)


def test_the_users_rig_is_the_true_one_but_for_its_calibration_error():
    exact = CalibrationSettings(rotation_rad=(0, 0), translation_share=(0, 0), focal_share=(0, 0))
    settings = short("realistic")
    clip, _, true_rig = make_clip_with_true_rig(settings, seed=1, subject=1, rig_seed=1)
    perfect, _, _ = make_clip_with_true_rig(
        replace(settings, calibration=exact), seed=1, subject=1, rig_seed=1
    )
    np.testing.assert_array_equal(
        perfect.rig.camera_from_world, true_rig.camera_from_world.astype(np.float32)
    )
    assert clip.rig.hash != perfect.rig.hash
    np.testing.assert_array_equal(clip.observations.pixels, perfect.observations.pixels)


def test_the_detections_of_a_clean_regime_triangulate_to_the_truth():
    settings = replace(short("A"), detector=replace(preset("A").detector, white_px=0.0))
    clip = make_clip(settings, seed=1, subject=1, rig_seed=1)
    rig = clip.rig.map(lambda array: array.astype(np.float64) if array.dtype == np.float32 else array)
    points = triangulate_dlt(
        clip.observations.pixels.astype(np.float64),
        clip.observations.detected.astype(np.float64),
        lens=rig.camera.lens,
        camera_from_world=rig.camera_from_world,
    )
    enough = clip.observations.detected.sum(axis=1) >= 2
    np.testing.assert_allclose(points[enough], truth_of(clip).points_world[enough], atol=2e-5)


def test_clips_of_different_rigs_and_actors_stack_to_a_batch():
    settings = short("realistic", frames=5)
    clips = [make_clip(settings, seed=seed, subject=seed, rig_seed=seed) for seed in range(6)]
    assert Clip.stack(clips).observations.pixels.shape == (6, 5, 4, 25, 2)


def test_views_may_differ_from_rig_to_rig():
    settings = replace(short("realistic", frames=5), rig=RigSettings(views=(2, 8)))
    views = {len(make_clip(settings, seed=0, subject=0, rig_seed=seed).rig.names) for seed in range(40)}
    assert views == set(range(2, 9))


@pytest.mark.parametrize(
    ("name", "lost"), [("A", (0.0, 0.01)), ("B", (0.17, 0.23)), ("C", (0.13, 0.32)), ("E", (0.25, 0.55))]
)
def test_regimes_lose_as_many_joints_as_they_say(name, lost):
    clips = [
        make_clip(short(name, "hand21", 150), seed=seed, subject=seed, rig_seed=seed) for seed in range(8)
    ]
    missing = np.mean([1 - clip.observations.detected.mean() for clip in clips])
    assert lost[0] <= missing <= lost[1]


def test_the_realistic_world_holds_all_four_states():
    clips = [
        make_clip(short("realistic", "hand21"), seed=seed, subject=seed, rig_seed=seed) for seed in range(10)
    ]
    states = np.concatenate([labels_of(clip).state.ravel() for clip in clips])
    shares = np.bincount(states, minlength=4) / states.size
    assert shares[OcclusionState.VISIBLE] > 0.4
    assert (shares[1:] > 0.01).all()
