from dataclasses import replace

import h5py
import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton, parse_skeleton
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.synthetic.animal import (
    STRETCH,
    WORKSPACE_SIZES,
    animal_model,
    animal_size,
    move_animal,
    walks,
)
from mvmono3d.synthetic.kinematic import rest_points

MOUSE = load_skeleton("mouse15")
FISH = parse_skeleton(
    {
        "name": "fish",
        "frame": {"kind": "heading", "lateral": ["left_fin", "right_fin"]},
        "joints": {
            "spine": {"parent": None, "rest_m": [0, 0, 0]},
            "left_fin": {"parent": "spine", "rest_m": [0.01, 0.02, 0]},
            "right_fin": {"parent": "spine", "rest_m": [0.01, -0.02, 0]},
            "tail": {"parent": "spine", "rest_m": [-0.06, 0, -0.01], "radius_m": 0.0},
        },
    },
    where="fish.yaml",
)


def move(skeleton, *, seed=0, subject=0, duration=8.0, rate_hz=60.0):
    model = animal_model(skeleton, subject)
    time_s = np.arange(round(duration * rate_hz)) / rate_hz
    points = move_animal(model, time_s, skeleton=skeleton, seed=seed).points_world
    return model, points[:, model.indices(skeleton.joints)]


@pytest.mark.parametrize("skeleton", [MOUSE, FISH], ids=lambda skeleton: skeleton.name)
def test_rigid_bones_keep_their_length_and_flexible_ones_nearly(skeleton):
    model, points = move(skeleton)
    lengths = bone_lengths(points, skeleton)
    rest = rest_points(model)[model.indices(skeleton.joints)]
    ratio = lengths / bone_lengths(rest, skeleton)
    flexible = np.array([skeleton.flexible[child] for _, child in skeleton.bones])
    np.testing.assert_allclose(ratio[:, ~flexible], 1.0, atol=1e-9)
    assert np.abs(ratio - 1.0).max() <= STRETCH
    if flexible.any():
        assert np.ptp(ratio[:, flexible], axis=0).min() > 0.2 * STRETCH


def test_a_mouse_stays_on_the_floor_and_a_fish_floats():
    assert walks(MOUSE)
    assert not walks(FISH)
    for seed in range(5):
        _, points = move(MOUSE, seed=seed)
        assert points[..., 2].min() >= 0.0
        assert points[..., 2].min(axis=1).max() < 0.015
    _, swum = move(FISH)
    assert np.ptp(swum[:, 0, 2]) > 0.01


def test_an_animal_stays_in_a_workspace_of_its_size():
    for skeleton in (MOUSE, FISH):
        model, points = move(skeleton, duration=60.0)
        distance = np.linalg.norm(points[:, skeleton.root, :2], axis=1)
        assert distance.max() <= WORKSPACE_SIZES * animal_size(model) + 1e-9
        assert distance.max() > 0.5 * animal_size(model)


def test_an_animal_looks_where_it_goes():
    nose, trunk = MOUSE.index("Nose"), MOUSE.index("Trunk")
    along = []
    for seed in range(10):
        _, points = move(MOUSE, seed=seed, duration=20.0)
        velocity = np.diff(points[:, trunk, :2], axis=0) * 60.0
        ahead = (points[:-1, nose] - points[:-1, trunk])[:, :2]
        fast = np.linalg.norm(velocity, axis=1) > 0.15
        along.append(((velocity * ahead).sum(axis=1) > 0.0)[fast])
    assert np.concatenate(along).mean() > 0.85


def test_speeds_are_a_mouses():
    for seed in range(5):
        _, points = move(MOUSE, seed=seed, duration=20.0, rate_hz=240.0)
        speed = np.linalg.norm(np.diff(points, axis=0), axis=-1) * 240.0
        acceleration = np.linalg.norm(np.diff(points, n=2, axis=0), axis=-1) * 240.0**2
        assert speed.max() < 4.0
        assert acceleration.max() < 150.0


def test_subjects_differ_in_size_but_left_and_right_agree():
    models = [animal_model(MOUSE, subject) for subject in range(20)]
    sizes = [animal_size(model) for model in models]
    assert 0.14 < min(sizes) < max(sizes) < 0.25
    assert np.std(sizes) > 0.005
    for model in models:
        left, right = (model.offset_m[model.index(f"Haunch_{side}")] for side in ("left", "right"))
        np.testing.assert_allclose(left, right * np.array([1.0, -1.0, 1.0]), atol=1e-12)


def test_the_motion_does_not_depend_on_the_frame_rate():
    _, slow = move(MOUSE, rate_hz=30.0)
    _, fast = move(MOUSE, rate_hz=120.0)
    np.testing.assert_allclose(fast[::4], slow, atol=1e-11)


def test_a_skeleton_without_rest_pose_is_refused_with_what_to_add():
    with pytest.raises(ConfigurationError, match=r"'mouse15' has no rest pose.*add 'rest_m: \[x, y, z\]'"):
        animal_model(replace(MOUSE, rest_m=None), 0)


def test_the_shipped_mouse_has_the_nodes_and_about_the_bones_of_a_real_one(mouse):
    path = next((mouse / "back").rglob("*.h5"))
    with h5py.File(path) as file:
        nodes = tuple(name.decode() for name in np.asarray(file["node_names"]))
    assert MOUSE.joints == nodes
    with h5py.File(mouse / "points3d.h5") as file:
        real = np.asarray(file["tracks"])[:, 0] / 1000.0
    real_lengths = np.median(bone_lengths(real, MOUSE), axis=0)
    rest_lengths = bone_lengths(np.array(MOUSE.rest_m), MOUSE)
    assert (np.abs(rest_lengths / real_lengths - 1.0) < 0.35).all()
