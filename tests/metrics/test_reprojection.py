import numpy as np

from mvmono3d.geometry.projection import project
from mvmono3d.metrics.reprojection import reprojection_px

LENS = np.array([[900.0, 900, 500, 400, -0.1, 0.02, 0, 0, 0, 0], [800.0, 810, 480, 390, 0, 0, 0, 0, 0, 0]])
POSES = np.array(
    [
        [[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 2]],
        [[0.0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 2]],
    ]
)


def test_projections_of_the_joints_themselves_are_at_distance_zero():
    points = np.random.default_rng(0).uniform(-0.3, 0.3, size=(5, 7, 3))
    pixels = project(points, lens=LENS, camera_from_world=POSES).pixels
    detected, answered = np.ones((5, 2, 7), dtype=bool), np.ones((5, 7), dtype=bool)
    shifted = pixels + np.array([3.0, 4.0])
    for seen, expected in ((pixels, 0.0), (shifted, 5.0)):
        result = reprojection_px(
            points, answered, pixels=seen, detected=detected, lens=LENS, camera_from_world=POSES
        )
        np.testing.assert_allclose(result.distance_px, expected, atol=1e-9)
        assert result.counts.all()


def test_what_is_missing_or_behind_a_camera_does_not_count():
    points = np.zeros((1, 3, 3))
    points[0, 2, 2] = -5.0
    detected = np.ones((1, 2, 3), dtype=bool)
    detected[0, 1, 0] = False
    answered = np.array([[True, False, True]])
    result = reprojection_px(
        points, answered, pixels=np.ones((1, 2, 3, 2)), detected=detected, lens=LENS, camera_from_world=POSES
    )
    np.testing.assert_array_equal(result.counts[0], [[True, False, False], [False, False, True]])
    assert not result.distance_px[~result.counts].any()
