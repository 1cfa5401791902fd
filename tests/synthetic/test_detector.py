from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rankdata

from mvmono3d.core.limbs import limb_of_joint
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.triangulation import triangulate_dlt
from mvmono3d.synthetic.detector import detect
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.rigs import make_rig
from mvmono3d.synthetic.scene import Capsules, Props, Scene
from mvmono3d.synthetic.settings import DetectorSettings, RigSettings
from mvmono3d.synthetic.workspace import Workspace

BODY = load_skeleton("body25b")
VISIBLE, SELF, OBJECT, UNKNOWN = OcclusionState
REALISTIC = DetectorSettings()
PERFECT = replace(preset("A").detector, white_px=0.0)
VIEWS, JOINTS = 4, len(BODY.joints)


def make_scene(frames, *, radius=0.5):
    draw = np.random.default_rng(0)
    points = np.tile(draw.uniform(-radius, radius, (JOINTS, 3)), (frames, 1, 1))
    nothing = np.zeros((frames, 0, 3))
    return Scene(
        points_world=points,
        capsules=Capsules(
            start_world=nothing,
            end_world=nothing,
            radius_m=np.zeros(0),
            touches=np.zeros((JOINTS, 0), dtype=bool),
        ),
        props=Props(
            shape=np.zeros(0, dtype=np.int64),
            size_m=np.zeros((0, 3)),
            world_from_prop=np.zeros((frames, 0, 3, 4)),
        ),
        time_ns=np.arange(frames) * 16_666_667,
    )


def make_ring(width=1920):
    settings = RigSettings(layouts=("ring",), sensors_px=((width, width * 5 // 8),), views=(VIEWS, VIEWS))
    return make_rig(settings, workspace=Workspace((0.0, 0.0, 0.0), 1.0), seed=0)


class Watched:
    """One clip's detections with the truth beside them."""

    def __init__(
        self, settings, *, frames=800, hidden: int | np.ndarray = VISIBLE, seed=0, width=1920, radius=0.5
    ):
        self.rig, self.scene = make_ring(width), make_scene(frames, radius=radius)
        self.hidden = np.broadcast_to(np.asarray(hidden, dtype=np.int8), (frames, VIEWS, JOINTS))
        found, labels = detect(
            self.scene,
            self.rig,
            skeleton=BODY,
            hidden=self.hidden,
            settings=settings,
            rate_hz=60.0,
            seed=seed,
        )
        self.pixels, self.detected, self.confidence = found.pixels, found.detected, found.confidence
        self.sigma_px, self.state = found.sigma_px, labels.state
        camera = self.rig.camera
        self.truth = project(
            self.scene.points_world, lens=camera.lens, camera_from_world=self.rig.camera_from_world
        ).pixels
        self.error = self.pixels - self.truth
        self.length = np.linalg.norm(self.error, axis=-1)


def area_under_roc(score, positive):
    ranks, count = rankdata(score), int(positive.sum())
    return (ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(score) - count))


def checkered():
    """Hidden in every second joint, so that hidden and free ones share all else."""
    return np.where(np.arange(JOINTS) % 2 == 0, SELF, VISIBLE)


def test_a_perfect_detector_gives_the_projections():
    seen = Watched(PERFECT, frames=5)
    assert seen.detected.all()
    np.testing.assert_allclose(seen.pixels, seen.truth, atol=2e-3)
    assert (seen.state == VISIBLE).all()


@pytest.mark.parametrize("part", ["white_px", "slow_px", "bias_px"])
def test_each_part_of_the_noise_is_as_large_as_stated(part):
    errors = [Watched(replace(PERFECT, **{part: 3.0}), seed=seed, frames=200).error for seed in range(12)]
    assert np.std(errors) == pytest.approx(3.0, rel=0.05)


def test_all_parts_and_their_wobble_together_have_the_stated_size():
    settings = replace(REALISTIC, view_spread=(1, 1), joint_spread=(1, 1), outlier_share=0.0, swap_share=0.0)
    error = np.concatenate([(seen := Watched(settings, seed=seed)).error[seen.detected] for seed in range(6)])
    assert error.std() == pytest.approx(np.sqrt(2.2**2 + 2.0**2 + 2.1**2), rel=0.05)


def test_slow_noise_keeps_its_correlation_time():
    error = Watched(replace(PERFECT, slow_px=2.0, slow_s=0.2), frames=3000).error
    for lag in (6, 12):
        measured = (error[lag:] * error[:-lag]).mean() / error.var()
        assert measured == pytest.approx(np.exp(-lag / 60 / 0.2), abs=0.05)


def test_the_constant_error_is_constant_and_differs_between_views_and_joints():
    error = Watched(replace(PERFECT, bias_px=2.0), frames=50).error
    assert np.ptp(error, axis=0).max() < 1e-2
    assert np.std(error[0]) == pytest.approx(2.0, rel=0.15)


def test_errors_scale_with_the_image():
    small, large = (Watched(replace(PERFECT, white_px=3.0), width=width).error.std() for width in (960, 1920))
    assert large == pytest.approx(2 * small, rel=0.02)


def test_visible_joints_are_off_by_four_pixels_in_the_median():
    length = np.concatenate(
        [(seen := Watched(REALISTIC, seed=seed)).length[seen.detected] for seed in range(8)]
    )
    assert 3.7 < np.median(length) < 4.6
    assert 8.0 < np.quantile(length, 0.9) < 11.0


def test_stated_sigma_is_the_true_one():
    settings = replace(
        REALISTIC,
        states_sigma=True,
        stated_sigma_wobble=0.0,
        outlier_share=0.0,
        swap_share=0.0,
        tail_freedom=0.0,
    )
    seen = Watched(settings, width=1280)
    assert seen.sigma_px is not None
    normalised = (seen.error / seen.sigma_px[..., None])[seen.detected]
    assert np.sqrt((normalised**2).mean()) == pytest.approx(1.0, abs=0.07)
    assert Watched(REALISTIC, frames=2).sigma_px is None


def test_hidden_joints_are_guessed_far_away_and_miss_as_often_as_stated():
    seen = [Watched(REALISTIC, hidden=SELF, seed=seed) for seed in range(12)]
    missing = [1 - each.detected.mean() for each in seen]
    assert 0.22 < min(missing) < max(missing) < 0.48
    assert np.std(missing) > 0.02
    assert 30 < np.median(np.concatenate([each.length[each.detected] for each in seen])) < 40


def test_visible_joints_miss_as_often_as_stated():
    settings = replace(PERFECT, missing_visible=(0.2, 0.2), missing_s=0.2)
    assert 1 - Watched(settings, frames=2000).detected.mean() == pytest.approx(0.2, abs=0.015)


def test_a_guess_is_never_nearer_than_its_floor_without_other_noise():
    seen = Watched(replace(PERFECT, drift_px=10.0, drift_floor_px=15.0), hidden=OBJECT)
    assert seen.length[seen.detected].min() > 14.9


def test_the_score_tells_seen_from_hidden_as_well_as_real_ones_do():
    areas = []
    for seed in range(12):
        seen = Watched(REALISTIC, hidden=checkered(), seed=seed)
        areas.append(area_under_roc(seen.confidence.ravel(), (seen.state == VISIBLE).ravel()))
    assert np.mean(areas) == pytest.approx(0.89, abs=0.02)


def test_some_guesses_score_like_seen_joints():
    settings = replace(PERFECT, drift_px=27.0, score_gap=12.0, overconfident=(0.3, 0.3))
    seen = Watched(settings, hidden=SELF)
    assert (seen.confidence[seen.detected] > 0.3).mean() == pytest.approx(0.3, abs=0.03)


def test_detectors_are_calibrated_differently_from_clip_to_clip():
    means = [Watched(REALISTIC, seed=seed, frames=50).confidence.mean() for seed in range(12)]
    assert np.std(means) > 0.02


def test_the_score_knows_a_little_of_precision():
    seen = Watched(replace(REALISTIC, outlier_share=0.0, swap_share=0.0), frames=2000)
    sure = seen.confidence > np.median(seen.confidence[seen.detected])
    assert seen.length[seen.detected & sure].mean() < 0.95 * seen.length[seen.detected & ~sure].mean()


def test_outliers_come_as_often_and_as_far_as_stated():
    length = Watched(replace(PERFECT, outlier_share=0.1, outlier_px=(20.0, 80.0))).length
    far = length > 1.0
    assert far.mean() == pytest.approx(0.1, abs=0.01)
    assert 19.9 < length[far].min() < length[far].max() < 80.1


def test_a_swap_exchanges_a_limb_with_its_mirror_partner():
    seen = Watched(replace(PERFECT, swap_share=0.3, swap_s=0.2), frames=2000)
    partner = list(BODY.mirror)
    swapped = seen.length > 1.0
    to_partner = np.linalg.norm(seen.pixels - seen.truth[:, :, partner], axis=-1)
    assert to_partner[swapped].max() < 1e-2
    np.testing.assert_array_equal(swapped, swapped[:, :, partner])
    midline = np.array(partner) == np.arange(JOINTS)
    assert not swapped[:, :, midline].any()
    assert swapped[:, :, ~midline].mean() == pytest.approx(0.3, abs=0.03)


def test_a_limb_is_swapped_as_a_whole_and_limbs_independently():
    limb = limb_of_joint(BODY)
    together = [BODY.index(name) for name in ("left_knee", "right_ankle", "left_heel")]
    assert len(set(limb[together])) == 1
    assert limb[BODY.index("left_wrist")] == limb[BODY.index("right_elbow")] != limb[together[0]]
    assert limb[BODY.index("nose")] == -1
    assert (limb_of_joint(load_skeleton("hand21")) == -1).all()


def test_a_dropped_view_is_silent_and_unknown_as_a_whole():
    seen = Watched(replace(PERFECT, dropout_share=0.2, dropout_s=0.1), hidden=checkered(), frames=3000)
    silent = ~seen.detected.any(axis=-1)
    assert silent.mean() == pytest.approx(0.2, abs=0.03)
    assert (seen.state[silent] == UNKNOWN).all()
    assert (seen.state[~silent] == checkered()).all()


def test_joints_outside_the_image_are_never_detected():
    seen = Watched(REALISTIC, radius=2.0, hidden=checkered())
    inside = ((seen.truth >= -0.5) & (seen.truth < seen.rig.camera.size_px[:, None] - 0.5)).all(axis=-1)
    assert 0.2 < inside.mean() < 0.95
    assert not seen.detected[~inside].any()
    assert (seen.state[~inside] == UNKNOWN).all()


def test_what_is_not_detected_is_zero_beneath():
    seen = Watched(REALISTIC, hidden=checkered())
    assert (seen.pixels[~seen.detected] == 0).all()
    assert (seen.confidence[~seen.detected] == 0).all()
    assert ((seen.confidence >= 0) & (seen.confidence <= 1)).all()


def test_a_hidden_joint_keeps_its_state_and_a_free_silent_one_is_unknown():
    settings = replace(PERFECT, missing_visible=(0.3, 0.3), missing_hidden=(0.3, 0.3))
    seen = Watched(settings, hidden=checkered())
    hidden = seen.hidden == SELF
    assert (seen.state[hidden] == SELF).all()
    np.testing.assert_array_equal(seen.state[~hidden] == UNKNOWN, ~seen.detected[~hidden])


def test_coherent_guesses_agree_on_a_point_in_space():
    def misfit(share):
        seen = Watched(replace(PERFECT, drift_px=20.0, coherent_share=share), hidden=OBJECT, frames=30)
        lens, pose = seen.rig.camera.lens, seen.rig.camera_from_world
        pixels = seen.pixels.astype(np.float64)
        points = triangulate_dlt(pixels, seen.detected.astype(float), lens=lens, camera_from_world=pose)
        again = project(points, lens=lens, camera_from_world=pose).pixels
        return np.median(np.linalg.norm(again - pixels, axis=-1)[seen.detected]), np.median(seen.length)

    residual, moved = misfit(1.0)
    assert residual < 0.1
    assert 15 < moved < 60
    assert misfit(0.0)[0] > 5


def test_something_unmodelled_hides_free_joints_only():
    settings = replace(PERFECT, blocked_view_share=0.6, blocked_joint_share=0.5)
    seen = Watched(settings, hidden=checkered(), frames=4000)
    hidden = seen.hidden == SELF
    assert (seen.state[hidden] == SELF).all()
    assert (seen.state[~hidden] == OBJECT).mean() == pytest.approx(0.3, abs=0.04)


def test_only_the_asked_share_of_clips_is_blocked():
    settings = replace(PERFECT, blocked_view_share=0.6, blocked_joint_share=0.5, blocked_clip_share=0.25)
    blocked = [
        (Watched(settings, hidden=checkered(), frames=100, seed=seed).state == OBJECT).any()
        for seed in range(60)
    ]
    assert 0.1 < sum(blocked) / len(blocked) < 0.4


def test_equal_seeds_give_equal_bytes():
    first, again, other = (Watched(REALISTIC, hidden=checkered(), frames=50, seed=seed) for seed in (1, 1, 2))
    for name in ("pixels", "confidence", "detected", "state"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.pixels.tobytes() != other.pixels.tobytes()


def test_changing_one_part_leaves_the_numbers_of_others_alone():
    plain = Watched(REALISTIC, frames=100)
    swapping = Watched(replace(REALISTIC, swap_share=0.0, dropout_share=0.0), frames=100)
    same = plain.detected & swapping.detected
    assert (plain.pixels == swapping.pixels).all(axis=-1)[same].mean() > 0.95
