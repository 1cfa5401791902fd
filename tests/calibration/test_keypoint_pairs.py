import numpy as np
import pytest

from mvmono3d.calibration.keypoint_pairs import pair_pose, pair_poses
from mvmono3d.geometry.rigid import (
    compose,
    invert,
    rotation_from_vector,
    transform_from,
    vector_from_rotation,
)


def points(count=300, seed=0):
    return np.random.default_rng(seed).uniform([-1.0, -1.0, 3.0], [1.0, 1.0, 6.0], (count, 3))


def pose(turn=(0.1, -0.5, 0.05), shift=(1.0, 0.1, 0.3)):
    return transform_from(rotation_from_vector(np.array(turn)), np.array(shift))


def seen(at, camera_from_world):
    inside = at @ camera_from_world[:, :3].T + camera_from_world[:, 3]
    return inside[:, :2] / inside[:, 2:]


def off_deg(found, true):
    turn = compose(found, invert(true))[..., :3]
    along = float(found[:, 3] @ true[:, 3]) / np.linalg.norm(true[:, 3])
    return np.degrees(np.linalg.norm(vector_from_rotation(turn))), np.degrees(np.arccos(min(along, 1.0)))


@pytest.mark.parametrize("outliers", [0.0, 0.25])
def test_a_pair_is_placed_up_to_scale_whatever_a_quarter_of_the_joints_says(outliers):
    generator = np.random.default_rng(1)
    at = points()
    first, second = seen(at, np.eye(3, 4)), seen(at, pose())
    second[: int(outliers * len(at))] = generator.uniform(-0.5, 0.5, (int(outliers * len(at)), 2))
    noise = generator.normal(scale=1e-4, size=(2, *first.shape))
    found = pair_pose(first + noise[0], second + noise[1])
    assert found is not None
    assert max(off_deg(found.second_from_first, pose())) < 0.2
    assert np.linalg.norm(found.second_from_first[:, 3]) == pytest.approx(1.0)
    assert found.share == pytest.approx(1.0 - outliers, abs=0.06)
    assert 0.8e-4 < found.noise < 2e-4


def test_the_other_order_of_a_pair_is_its_inverse():
    at = points()
    first, second = seen(at, np.eye(3, 4)), seen(at, pose())
    one, other = pair_pose(first, second), pair_pose(second, first)
    assert one is not None
    assert other is not None
    turn = compose(one.second_from_first, other.second_from_first)[:, :3]
    assert np.degrees(np.linalg.norm(vector_from_rotation(turn))) < 1e-3


def test_pairs_with_few_joints_are_not_tried_and_the_widest_come_first():
    at = points(400).reshape(20, 20, 3)
    near, wide = pose(turn=(0.0, -0.02, 0.0), shift=(0.1, 0.0, 0.0)), pose()
    poses = (np.eye(3, 4), near, wide)
    normalised = np.stack([seen(at.reshape(-1, 3), one).reshape(20, 20, 2) for one in poses], axis=1)
    detected = np.ones((20, 3, 20), dtype=bool)
    found = pair_poses(normalised, detected)
    assert {(one.first, one.second) for one in found} == {(0, 1), (0, 2), (1, 2)}
    assert (found[-1].first, found[-1].second) == (0, 1)
    detected[:, 0, 2:] = False
    assert [(one.first, one.second) for one in pair_poses(normalised, detected)] == [(1, 2)]
