from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.synthetic.body import BODY_JOINTS, SOLE_M, body_model
from mvmono3d.synthetic.body_motion import WORKSPACE_M
from mvmono3d.synthetic.motion_file import RecordedMotion, read_motion
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.recorded import mirrored_landmarks, move_as_recorded
from mvmono3d.synthetic.retarget import retarget
from mvmono3d.synthetic.settings import WorldSettings, settings_hash
from mvmono3d.synthetic.splits import Split
from mvmono3d.synthetic.world import make_clip, make_clip_with_true_rig
from tests.synthetic.captured import moving_body, write_made_motion
from tests.tolerances import EXACT

FRAMES = 60


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("motion") / "motion.npz"
    write_made_motion(path)
    return path


@pytest.fixture(scope="module")
def motion(file):
    return read_motion(file)


def world(file, *, share=1.0, skeleton="body25b", name="realistic"):
    return replace(preset(name, skeleton=skeleton, motion_file=str(file), motion_share=share), frames=FRAMES)


def moved(motion, *, seed, subject=0, rate_hz=60.0, frames=FRAMES):
    time_s = np.arange(frames) / rate_hz
    model = body_model(subject)
    poses = move_as_recorded(model, motion, time_s, seed=seed, subject=subject, workspace_m=WORKSPACE_M)
    return model, poses


@pytest.mark.parametrize("skeleton", ["body17", "body25", "body25b", "halpe26"])
def test_bones_keep_their_length_in_recorded_scenes(file, skeleton):
    chosen = load_skeleton(skeleton)
    rigid = [bone for bone, (_, child) in enumerate(chosen.bones) if not chosen.flexible[child]]
    for seed in range(3):
        settings = world(file, skeleton=skeleton)
        _, scene, _ = make_clip_with_true_rig(settings, seed=seed, subject=seed, rig_seed=0)
        lengths = bone_lengths(scene.points_world, chosen)[:, rigid]
        np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape), atol=1e-9)


def test_recorded_and_ruled_scenes_of_one_subject_have_the_same_bones(file):
    chosen = load_skeleton("body25b")
    rigid = [bone for bone, (_, child) in enumerate(chosen.bones) if not chosen.flexible[child]]
    lengths = [
        bone_lengths(
            make_clip_with_true_rig(
                world(file, share=share), seed=1, subject=5, rig_seed=0
            ).scene.points_world[0],
            chosen,
        )[rigid]
        for share in (0.0, 1.0)
    ]
    np.testing.assert_allclose(lengths[0], lengths[1], atol=1e-9)


def test_a_mirror_swaps_left_and_right_of_the_whole_body():
    model, landmarks, _ = moving_body(seed=1, subject=3)
    mirrored = mirrored_landmarks(landmarks)
    np.testing.assert_array_equal(mirrored_landmarks(mirrored), landmarks)
    left, right = BODY_JOINTS.index("left_wrist"), BODY_JOINTS.index("right_wrist")
    np.testing.assert_array_equal(mirrored[:, left], landmarks[:, right] * [-1, 1, 1])
    before, after = (
        retarget(each, model).points_world[:, model.indices(BODY_JOINTS)] for each in (landmarks, mirrored)
    )
    np.testing.assert_allclose(after, mirrored_landmarks(before), atol=1e-9)


@pytest.mark.parametrize("rate_hz", [30.0, 120.0])
def test_the_motion_is_the_same_at_every_frame_rate(motion, rate_hz):
    model, poses = moved(motion, seed=3, frames=61)
    _, others = moved(motion, seed=3, rate_hz=rate_hz, frames=round(rate_hz) + 1)
    step, other_step = (2, 1) if rate_hz < 60 else (1, 2)
    wrist, hip = model.index("left_wrist"), model.index("mid_hip")
    ours, theirs = poses.points_world[::step], others.points_world[::other_step]
    np.testing.assert_allclose(ours[:, wrist] - ours[:, hip], theirs[:, wrist] - theirs[:, hip], atol=1e-6)


def test_bodies_stand_on_the_floor_in_the_workspace(motion):
    for seed in range(12):
        model, poses = moved(motion, seed=seed, subject=seed, frames=300)
        feet = model.indices([f"{side}_{part}" for side in ("left", "right") for part in ("heel", "big_toe")])
        assert poses.points_world[:, feet, 2].min() >= SOLE_M - EXACT
        assert poses.points_world[:, feet, 2].min() < SOLE_M + 0.03
        assert np.linalg.norm(poses.points_world[:, 0, :2], axis=1).max() < WORKSPACE_M + 0.2


def test_who_walks_on_stays_in_the_workspace():
    walk = moving_body(seed=1)[1].copy()
    walk[:, :, 0] += np.linspace(0.0, 8.0, len(walk))[:, None]
    one = RecordedMotion(
        points_world=walk,
        takes=("walk",),
        take_frames=np.array([len(walk)]),
        subjects=("walker",),
        splits=(Split.TRAIN,),
        rate_hz=60.0,
    )
    _, poses = moved(one, seed=0, frames=300)
    far = np.linalg.norm(poses.points_world[:, 0, :2], axis=1).max()
    assert 0.5 * WORKSPACE_M < far < WORKSPACE_M + 0.3


def test_headings_and_mirroring_vary(motion):
    headings = []
    for seed in range(30):
        model, poses = moved(motion, seed=seed)
        across = (
            poses.points_world[0, model.index("right_hip")] - poses.points_world[0, model.index("left_hip")]
        )
        headings.append(np.arctan2(across[1], across[0]))
    assert np.histogram(headings, bins=4, range=(-np.pi, np.pi))[0].min() > 1


def test_equal_seeds_give_equal_clips_of_recorded_motion(file):
    clips = [make_clip(world(file), seed=5, subject=6, rig_seed=7) for _ in range(2)]
    for name in ("pixels", "confidence", "detected"):
        one, two = (getattr(clip.observations, name) for clip in clips)
        assert one.tobytes() == two.tobytes()
    other = make_clip(world(file), seed=8, subject=6, rig_seed=7)
    assert not np.array_equal(clips[0].observations.pixels, other.observations.pixels)


def test_without_a_share_a_motion_file_changes_nothing(file):
    plain = replace(preset("realistic"), frames=FRAMES)
    for seed in range(3):
        one, two = (
            make_clip(settings, seed=seed, subject=seed, rig_seed=seed)
            for settings in (plain, world(file, share=0.0))
        )
        assert one.observations.pixels.tobytes() == two.observations.pixels.tobytes()
    assert settings_hash(plain) == settings_hash(world(file, share=0.0))


def test_a_share_of_the_scenes_is_recorded(file):
    ruled = replace(preset("A"), frames=2)
    same = [
        np.array_equal(
            make_clip_with_true_rig(ruled, seed=seed, subject=0, rig_seed=0).scene.points_world,
            make_clip_with_true_rig(
                replace(world(file, share=0.5, name="A"), frames=2), seed=seed, subject=0, rig_seed=0
            ).scene.points_world,
        )
        for seed in range(40)
    ]
    assert 0.25 < np.mean(same) < 0.75


def test_the_hash_follows_the_motion_wherever_it_lies(file, tmp_path):
    copy, other = tmp_path / "copy.npz", tmp_path / "other.npz"
    copy.write_bytes(file.read_bytes())
    write_made_motion(other, seconds=3.0)
    assert settings_hash(world(file)) == settings_hash(world(copy)) != settings_hash(world(other))


def test_recorded_motion_of_a_hand_is_refused(file):
    with pytest.raises(ConfigurationError, match="'hand21' has no recorded motion"):
        make_clip(world(file, skeleton="hand21"), seed=0, subject=0, rig_seed=0)


def test_a_share_needs_a_file_and_is_a_share():
    with pytest.raises(ConfigurationError, match="without motion_file"):
        WorldSettings(motion_share=0.5)
    with pytest.raises(ConfigurationError, match="motion_share"):
        WorldSettings(motion_share=1.5, motion_file="motion.npz")
