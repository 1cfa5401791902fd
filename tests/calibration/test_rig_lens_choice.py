"""Lens models are chosen by boards not used, and a richer one must earn it."""

import pytest

from mvmono3d.calibration.bundle import Adjusted, adjust
from mvmono3d.calibration.camera_model import as_model, lens_model
from mvmono3d.calibration.reprojection import corners_of
from mvmono3d.calibration.rig_lens_choice import choose_models
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


@pytest.mark.parametrize(
    ("distortion", "chosen"),
    [
        ((-0.12, 0.0, 0.0, 0.0, 0.0), {"pinhole1", "pinhole2"}),
        ((-0.3, 0.15, 0.004, -0.003, 0.0), {"pinhole5"}),
    ],
)
def test_decentring_is_chosen_only_where_the_lens_has_it(distortion, chosen):
    truth = make(seed=1, views=2, poses=18, distortion=distortion, arc_rad=0.8, noise_px=0.1)
    found = choose_models(adjusted(truth), candidates=CANDIDATES)
    assert {model.name for model in found.models} <= chosen
    assert found.held_out_px.shape == (2, 3)
