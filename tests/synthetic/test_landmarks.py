import numpy as np
import pytest

from mvmono3d.synthetic.body import BODY_JOINTS, SOLE_M
from mvmono3d.synthetic.landmarks import CAPTURED, body_landmarks
from tests.synthetic.captured import as_captured, moving_body

PARTS = ("heel", "big_toe", "small_toe")


@pytest.fixture(scope="module")
def pair():
    truth = moving_body(seed=5, subject=7)[1]
    return truth, body_landmarks(as_captured(truth), rate_hz=60.0)


def named(landmarks, name):
    return landmarks[:, BODY_JOINTS.index(name)]


def test_landmarks_of_a_captured_body_lie_where_the_bodys_do(pair):
    truth, found = pair
    shift = named(truth, "mid_hip") - named(found, "mid_hip")
    apart = np.linalg.norm(found + shift[:, None] - truth, axis=-1).mean(axis=0)
    legs = [BODY_JOINTS.index(name) for name in ("left_knee", "right_ankle", "left_hip", "left_heel")]
    assert apart[legs].max() < 0.03
    assert apart.max() < 0.12


def test_feet_stand_level_on_the_floor(pair):
    _, found = pair
    feet = np.stack([named(found, f"{side}_{part}")[:, 2] for side in ("left", "right") for part in PARTS])
    lowest = feet.min(axis=0)
    assert np.quantile(lowest, 0.02) == pytest.approx(SOLE_M, abs=1e-9)
    assert np.median(lowest) < SOLE_M + 0.02
    assert np.median(np.ptp(feet.reshape(2, 3, -1), axis=1)) < 0.01


def test_faces_and_toes_point_ahead_and_left_is_left(pair):
    _, found = pair
    right = named(found, "right_hip") - named(found, "left_hip")
    ahead = np.cross(named(found, "neck") - named(found, "mid_hip"), right)
    for one, other in (
        ("left_ear", "nose"),
        ("left_heel", "left_big_toe"),
        ("right_heel", "right_small_toe"),
    ):
        assert (((named(found, other) - named(found, one)) * ahead).sum(axis=-1) > 0).all()
    for part in ("eye", "ear", "shoulder"):
        across = named(found, f"right_{part}") - named(found, f"left_{part}")
        assert ((across * right).sum(axis=-1) > 0).all()


def test_a_head_that_turns_on_its_own_is_followed(pair):
    truth, _ = pair
    captured = as_captured(truth)
    turned = np.broadcast_to(
        np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), (len(truth), 3, 3)
    )
    found = body_landmarks(captured, rate_hz=60.0, head=turned)
    looks = named(found, "nose") - 0.5 * (named(found, "left_ear") + named(found, "right_ear"))
    assert (looks[:, 0] < -0.05).all()


def test_captured_joints_have_two_sides():
    assert (
        sum(name.startswith("left") for name in CAPTURED)
        == sum(name.startswith("right") for name in CAPTURED)
        == 7
    )
