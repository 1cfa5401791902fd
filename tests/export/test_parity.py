from pathlib import Path

import numpy as np
import pytest
import torch

from mvmono3d.deploy.agreement import compare
from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.manifest import Tolerances
from mvmono3d.deploy.selftest import run_sequence
from mvmono3d.errors import ParityError
from mvmono3d.export.parity import TorchRunner, check_masking, check_parity
from tests.export.stand_in import FRAMES, Altered, StandIn, frames

TOLERANCES = Tolerances(share=0.0)


@pytest.fixture(scope="module")
def engine(bundle_folder: Path) -> Engine:
    return Engine(bundle_folder / "model.onnx")


def test_engine_and_network_agree(engine: Engine):
    agreement, outputs = check_parity(StandIn(views=4), engine, inputs=frames(4), tolerances=TOLERANCES)
    assert agreement.frames == FRAMES
    assert agreement.finite
    assert agreement.problems(TOLERANCES) == ()
    assert outputs["points_world"].shape == (FRAMES, 3, 3)


def test_other_weights_do_not_pass(engine: Engine):
    other = StandIn(views=4)
    with torch.no_grad():
        other.weigh[0] += 3.0
    with pytest.raises(ParityError, match="onnxruntime differs from PyTorch: points differ by"):
        check_parity(other, engine, inputs=frames(4), tolerances=TOLERANCES)


def test_a_masked_camera_is_as_good_as_no_camera(engine: Engine):
    fewer = StandIn(views=3)
    agreement = check_masking(engine, fewer, inputs=frames(4), state_size=3, tolerances=TOLERANCES)
    assert agreement.pixels_px < 1e-3


def test_a_network_that_looks_at_masked_cameras_does_not_pass():
    # The mean over all lenses, masked or not: a camera more or less shifts it.
    spying = Altered(
        lambda answer, tensors: answer._replace(points_world=answer.points_world + tensors[4][3].mean())
    )
    with pytest.raises(ParityError, match="a masked camera differs from a camera that isn't there"):
        check_masking(
            TorchRunner(spying), StandIn(views=3), inputs=frames(4), state_size=3, tolerances=TOLERANCES
        )


def test_states_that_tie_may_differ_but_others_may_not():
    inputs = frames(4)
    outputs = run_sequence(TorchRunner(StandIn(views=4)), inputs, state_size=3)
    tied, clear = np.zeros((FRAMES, 4, 3, 4), np.float32), np.zeros((FRAMES, 4, 3, 4), np.float32)
    tied[..., 0], clear[..., 0] = 1e-3, 1.0
    swapped = tied[..., ::-1]
    for logits, share in ((tied, 0.0), (clear, 1.0)):
        one = outputs | {"occlusion_logits": logits}
        other = outputs | {"occlusion_logits": swapped}
        assert compare(one, other, inputs=inputs, tolerances=TOLERANCES).occlusion_states == share


def test_numbers_that_are_not_finite_are_a_problem():
    inputs = frames(4)
    outputs = run_sequence(TorchRunner(StandIn(views=4)), inputs, state_size=3)
    broken = outputs | {"weights": np.full_like(outputs["weights"], np.inf)}
    agreement = compare(outputs, broken, inputs=inputs, tolerances=TOLERANCES)
    assert "numbers that are not finite" in agreement.problems(TOLERANCES)
