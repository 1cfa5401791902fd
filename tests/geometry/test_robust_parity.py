"""`robust.py`, `robust_kernel.py` and `robust_straight.py` are one algorithm: they must give one answer."""

import numpy as np
import pytest
import torch

from mvmono3d.geometry.lens import distort, undistort
from mvmono3d.geometry.lens_stretch import distortion_jacobian
from mvmono3d.geometry.robust import triangulate_robust
from mvmono3d.geometry.robust_kernel import triangulate_robust_bulk
from mvmono3d.geometry.robust_settings import RobustSettings
from mvmono3d.geometry.robust_straight import triangulate_robust_straight
from tests.benchmarks.regimes import make_regime
from tests.geometry.rigs import lenses

SETTINGS = RobustSettings(sigma_px=1.0)


def arrays(recording):
    return (recording.pixels, recording.confidence, recording.detected)


def rig(recording):
    return {"lens": recording.lens, "camera_from_world": recording.camera_from_world}


def compare(one, other, *, position_m, share=0.0):
    reason, expected = np.asarray(one.reason), np.asarray(other.reason)
    assert np.mean(reason != expected) <= share
    same = (reason == expected) & (np.asarray(one.agreeing) == np.asarray(other.agreeing))
    assert np.mean(~same) <= share
    np.testing.assert_allclose(
        np.asarray(one.points_world)[same], np.asarray(other.points_world)[same], atol=position_m
    )
    np.testing.assert_allclose(
        np.asarray(one.covariance_world)[same],
        np.asarray(other.covariance_world)[same],
        rtol=1e-9 if position_m < 1e-6 else 5e-3,
        atol=1e-12 if position_m < 1e-6 else 1e-8,
    )


@pytest.mark.parametrize("views", [1, 2, 3, 4, 5, 6, 8, 16])
@pytest.mark.parametrize("name", "BCE")
def test_the_kernel_gives_what_the_graph_gives(name, views):
    recording = make_regime(name, views=views, frames=20, seed=views)
    kernel = triangulate_robust_bulk(*arrays(recording), **rig(recording), settings=SETTINGS)
    graph = triangulate_robust(*arrays(recording), **rig(recording), settings=SETTINGS)
    compare(kernel, graph, position_m=1e-10)
    np.testing.assert_array_equal(kernel.inlier, graph.inlier)
    np.testing.assert_allclose(kernel.residual_px, graph.residual_px, atol=1e-7)


@pytest.mark.parametrize(("dtype", "position_m", "share"), [("float64", 1e-10, 0.0), ("float32", 2e-5, 2e-3)])
def test_torch_gives_what_numpy_gives(dtype, position_m, share):
    recording = make_regime("C", views=4, frames=40)
    graph = triangulate_robust(*arrays(recording), **rig(recording), settings=SETTINGS)
    kind = getattr(torch, dtype)
    pixels, confidence = (torch.tensor(array, dtype=kind) for array in arrays(recording)[:2])
    tensors = triangulate_robust(
        pixels,
        confidence,
        torch.tensor(recording.detected),
        lens=torch.tensor(recording.lens, dtype=kind),
        camera_from_world=torch.tensor(recording.camera_from_world, dtype=kind),
        settings=SETTINGS,
    )
    assert tensors.points_world.dtype == kind
    compare(tensors, graph, position_m=position_m, share=share)


@pytest.mark.parametrize("fisheye", [(), (0, 1, 2, 3)])
def test_both_agree_on_wide_lenses_and_pixels_anywhere(fisheye):
    generator = np.random.default_rng(5)
    recording = make_regime("A", views=4, frames=1)
    lens = lenses(4, fisheye=fisheye)
    pixels = generator.uniform(-200, 2200, (50, 4, 21, 2))
    given = (pixels, np.ones(pixels.shape[:-1]), np.ones(pixels.shape[:-1], dtype=bool))
    pose = recording.camera_from_world
    wide = RobustSettings(sigma_px=40.0)
    kernel = triangulate_robust_bulk(*given, lens=lens, camera_from_world=pose, settings=wide)
    graph = triangulate_robust(*given, lens=lens, camera_from_world=pose, settings=wide)
    compare(kernel, graph, position_m=1e-6, share=0.002)


def test_a_batch_of_rigs_gives_what_each_rig_gives():
    recordings = [make_regime("B", views=4, frames=6, seed=seed) for seed in range(3)]
    pixels, confidence, detected = (
        np.stack([getattr(one, name) for one in recordings]) for name in ("pixels", "confidence", "detected")
    )
    lens = np.stack([one.lens for one in recordings])[:, None]
    pose = np.stack([one.camera_from_world for one in recordings])[:, None]
    for triangulate in (triangulate_robust_bulk, triangulate_robust):
        together = triangulate(
            pixels, confidence, detected, lens=lens, camera_from_world=pose, settings=SETTINGS
        )
        assert together.points_world.shape == (3, 6, 21, 3)
        for number, one in enumerate(recordings):
            alone = triangulate(*arrays(one), **rig(one), settings=SETTINGS)
            np.testing.assert_allclose(together.points_world[number], alone.points_world, atol=1e-12)
            np.testing.assert_array_equal(together.reason[number], alone.reason)


def test_no_joints_and_no_frames_are_an_answer():
    recording = make_regime("A", views=3, frames=2)
    none = triangulate_robust_bulk(*(array[:0] for array in arrays(recording)), **rig(recording))
    assert none.points_world.shape == (0, 21, 3)
    assert none.inlier.shape == (0, 3, 21)


def test_the_gradient_is_finite_and_goes_to_the_views_that_agree():
    recording = make_regime("B", views=4, frames=10)
    pixels = torch.tensor(recording.pixels, requires_grad=True)
    pose = torch.tensor(recording.camera_from_world, requires_grad=True)
    answer = triangulate_robust(
        pixels,
        torch.tensor(recording.confidence),
        torch.tensor(recording.detected),
        lens=torch.tensor(recording.lens),
        camera_from_world=pose,
        settings=SETTINGS,
    )
    total = answer.points_world.sum() + answer.residual_px.sum() + answer.covariance_world.sum()
    total.backward()
    assert pixels.grad is not None
    assert pose.grad is not None
    assert torch.isfinite(pixels.grad).all()
    assert torch.isfinite(pose.grad).all()
    assert (pixels.grad[answer.inlier].abs().sum(-1) > 0).all()


@pytest.mark.parametrize("fisheye", [(), (0,)])
def test_the_lens_jacobian_is_the_derivative_of_distort(fisheye):
    lens = lenses(1, fisheye=fisheye)
    points = np.random.default_rng(0).uniform(-0.7, 0.7, (1, 20, 2))
    points[0, 0] = 0.0
    steps = 1e-6 * np.eye(2)
    columns = [(distort(points + step, lens) - distort(points - step, lens)) / 2e-6 for step in steps]
    expected = np.stack(columns, axis=-1) / lens[:, None, :2, None]
    np.testing.assert_allclose(distortion_jacobian(points, lens), expected, atol=1e-7)


@pytest.mark.parametrize("views", [1, 2, 3, 4, 5, 6, 8, 16])
@pytest.mark.parametrize("name", "BCE")
def test_without_distortion_the_straight_form_gives_the_same(name, views):
    recording = make_regime(name, views=views, frames=20, seed=views)
    focal = recording.lens[:, :2]
    offsets = undistort(recording.pixels, recording.lens) * focal[:, None]
    straight = np.concatenate([focal, np.zeros((views, 8))], axis=-1)
    pose = recording.camera_from_world
    given = (offsets, recording.confidence, recording.detected)
    whole = triangulate_robust(*given, lens=straight, camera_from_world=pose, settings=SETTINGS)
    ours = triangulate_robust_straight(*given, focal=focal, camera_from_world=pose, settings=SETTINGS)
    compare(ours, whole, position_m=1e-10)
    np.testing.assert_array_equal(ours.inlier, whole.inlier)
    solved = (whole.reason == 0)[:, None] & recording.detected
    np.testing.assert_allclose(ours.residual_px[solved], whole.residual_px[solved], atol=1e-7)


def straight(recording, kind=torch.float64):
    """Return the recording's arguments for the straight form as tensors."""
    focal = recording.lens[:, :2]
    offsets = undistort(recording.pixels, recording.lens) * focal[:, None]
    given = torch.tensor(offsets, dtype=kind), torch.tensor(recording.confidence, dtype=kind)
    rig = {
        "focal": torch.tensor(focal, dtype=kind),
        "camera_from_world": torch.tensor(recording.camera_from_world, dtype=kind),
    }
    return (*given, torch.tensor(recording.detected)), rig


@pytest.mark.parametrize("views", [2, 4, 8])
def test_single_precision_is_enough_for_the_straight_form(views):
    recording = make_regime("C", views=views, frames=40)
    answers = []
    for kind in (torch.float64, torch.float32):
        given, rig = straight(recording, kind)
        answers.append(triangulate_robust_straight(*given, **rig, settings=SETTINGS))
    compare(*answers, position_m=2e-5, share=2e-3)


def test_the_straight_form_of_a_batch_of_rigs_gives_what_each_rig_gives():
    recordings = [make_regime("B", views=4, frames=6, seed=seed) for seed in range(3)]
    several = [straight(one) for one in recordings]
    offsets, confidence, detected = (torch.stack([arrays[i] for arrays, _ in several]) for i in range(3))
    rig = {name: torch.stack([rig[name] for _, rig in several])[:, None] for name in several[0][1]}
    together = triangulate_robust_straight(offsets, confidence, detected, **rig, settings=SETTINGS)
    for number, (arrays, rig) in enumerate(several):
        alone = triangulate_robust_straight(*arrays, **rig, settings=SETTINGS)
        torch.testing.assert_close(together.points_world[number], alone.points_world)
        assert torch.equal(together.reason[number], alone.reason)


@pytest.mark.parametrize("name", "AE")
def test_in_the_straight_form_cameras_at_one_place_count_once(name):
    recording = make_regime(name, views=3, frames=20)
    twice = [0, 1, 1, 2, 2, 0]
    (offsets, confidence, detected), rig = straight(recording)
    given = (offsets[:, twice], confidence[:, twice], detected[:, twice])
    answer = triangulate_robust_straight(
        *given, **{name: value[twice] for name, value in rig.items()}, settings=SETTINGS
    )
    assert answer.agreeing.max() == 3
    both = given[2][:, :2].all(dim=1) & ~given[2][:, 3]
    assert (answer.agreeing[both] <= 2).all()


def test_in_the_straight_form_a_joint_behind_all_cameras_is_none():
    recording = make_regime("A", views=4, frames=5)
    (offsets, confidence, detected), rig = straight(recording)
    # Mirrored in the image, the rays meet behind every camera or nowhere.
    turned = rig["camera_from_world"] * torch.tensor([-1.0, -1.0, -1.0])[:, None]
    answer = triangulate_robust_straight(
        offsets, confidence, detected, focal=rig["focal"], camera_from_world=turned, settings=SETTINGS
    )
    assert (answer.reason == 3).all()
    assert torch.isfinite(answer.points_world).all()
