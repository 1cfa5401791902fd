"""Lens models are chosen by boards not used: the richest of its kind that they don't speak against."""

import numpy as np
import pytest

from mvmono3d.calibration.bundle import Adjusted, adjust
from mvmono3d.calibration.camera_model import as_model, lens_model
from mvmono3d.calibration.reprojection import corners_of
from mvmono3d.calibration.rig_lens_choice import choose_models, richest
from tests.calibration.boards import Truth, make

CANDIDATES = tuple(lens_model(name) for name in ("pinhole1", "pinhole2", "pinhole5"))


def adjusted(truth: Truth) -> Adjusted:
    model = CANDIDATES[1]
    start = truth.estimate.map(lambda array: array)
    start = type(start)(
        lens=as_model(start.lens, model),
        camera_from_world=start.camera_from_world,
        world_from_board=start.world_from_board,
    )
    corners = corners_of(truth.sightings)
    return adjust(start, corners, models=(model,) * 2, fixed_camera=0, solver="scipy")


@pytest.mark.parametrize("distortion", [(-0.3, 0.15, 0.004, -0.003, 0.0), (-0.12, 0.05, 8e-4, -6e-4, -0.01)])
def test_decentring_is_chosen_where_the_lens_has_it_however_little_boards_show(distortion):
    truth = make(seed=1, views=2, poses=18, distortion=distortion, arc_rad=0.8, noise_px=0.1)
    found = choose_models(adjusted(truth), candidates=CANDIDATES)
    assert {model.name for model in found.models} == {"pinhole5"}
    assert found.held_out_px.shape == (2, 3)


def squared(*means: float) -> np.ndarray:
    """Errors of twelve poses under each model, alike from pose to pose."""
    return np.outer(means, np.random.default_rng(0).uniform(0.8, 1.2, 12))


@pytest.mark.parametrize(
    ("means", "chosen"),
    [
        ((1.0, 1.0, 1.0, 1.0), "pinhole5"),
        ((0.99, 1.0, 1.0, 1.0), "pinhole5"),
        ((1.0, 1.0, 1.2, 1.0), "pinhole2"),
        ((1.0, 1.2, 1.2, 1.0), "pinhole1"),
        ((1.5, 1.5, 1.5, 1.0), "fisheye"),
    ],
)
def test_a_richer_lens_must_predict_as_well_and_a_fisheye_better(means, chosen):
    candidates = (*CANDIDATES, lens_model("fisheye"))
    assert candidates[richest(squared(*means), candidates)].name == chosen


def test_one_pose_decides_nothing():
    assert richest(np.array([[1.0], [5.0]]), CANDIDATES[:2]) == 1
