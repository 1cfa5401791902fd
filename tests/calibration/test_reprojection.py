"""Laws of residuals and their derivatives."""

import numpy as np
import pytest

from mvmono3d.calibration.reprojection import (
    Step,
    corners_of,
    derivatives,
    moved,
    no_step,
    residuals,
)
from tests.calibration.boards import make


@pytest.mark.parametrize("fisheye", [False, True])
def test_the_truth_has_no_residual_without_noise(fisheye):
    truth = make(noise_px=0.0, poses=4, fisheye=fisheye)
    corners = corners_of(truth.sightings)
    assert len(corners) > 300
    np.testing.assert_allclose(residuals(truth.estimate, corners), 0.0, atol=1e-9)


@pytest.mark.parametrize("size", [0.0, 0.02])
@pytest.mark.parametrize("fisheye", [False, True])
def test_derivatives_are_those_of_finite_differences(fisheye, size):
    truth = make(poses=3, fisheye=fisheye)
    corners = corners_of(truth.sightings)
    generator = np.random.default_rng(1)
    start = no_step(truth.estimate).map(lambda zero: size * generator.normal(size=zero.shape))
    found = derivatives(moved(truth.estimate, start), corners, step=start)
    for name, owner in (("lens", corners.view), ("camera", corners.view), ("board", corners.pose)):
        block = getattr(found, name)
        for place in range(block.shape[-1]):
            delta = np.zeros(getattr(start, name).shape)
            delta[:, place] = 1e-6
            steps = [
                Step(**{**_fields(start), name: getattr(start, name) + sign * delta}) for sign in (1.0, -1.0)
            ]
            ahead, behind = (residuals(moved(truth.estimate, step), corners) for step in steps)
            np.testing.assert_allclose(
                block[..., place], (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-4, err_msg=f"{name} {place}"
            )
        assert len(owner) == len(block)


def _fields(step):
    return {"lens": step.lens, "camera": step.camera, "board": step.board}
