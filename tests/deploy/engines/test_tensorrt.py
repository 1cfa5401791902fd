"""What the TensorRT engine does with buffers, shapes and recorded graphs; no GPU, no TensorRT."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.engines.tensorrt import TensorRTEngine
from mvmono3d.deploy.interface import INPUTS, OUTPUTS
from mvmono3d.deploy.selftest import run_sequence
from mvmono3d.errors import InvalidFileError, InvalidRecordError
from tests.deploy.engines.fakes import FakeDevice, fake_tensorrt
from tests.export.stand_in import frames

STATE = 3


def _crops(batch: int) -> np.ndarray:
    return np.random.default_rng(batch).normal(size=(batch, 2)).astype(np.float32)


@pytest.fixture
def detector() -> bytes:
    """A graph whose batch is open."""
    value = helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["batch", 2])
    out = helper.make_tensor_value_info("doubled", TensorProto.FLOAT, ["batch", 2])
    node = helper.make_node("Add", ["crops", "crops"], ["doubled"])
    graph = helper.make_graph([node], "g", [value], [out])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    ).SerializeToString()


def _engine(plan: bytes, *, cuda_graph: bool = True) -> tuple[TensorRTEngine, FakeDevice]:
    device = FakeDevice()
    return TensorRTEngine(plan, trt=fake_tensorrt(device), device=device, cuda_graph=cuda_graph), device


@pytest.mark.parametrize("cuda_graph", [True, False])
def test_a_sequence_with_state_equals_onnxruntime(bundle_folder: Path, cuda_graph: bool):
    path = bundle_folder / "model.onnx"
    engine, _ = _engine(path.read_bytes(), cuda_graph=cuda_graph)
    engine.check(INPUTS, OUTPUTS)
    ours = run_sequence(engine, frames(4), state_size=STATE)
    theirs = run_sequence(Engine(path), frames(4), state_size=STATE)
    for name, expected in theirs.items():
        np.testing.assert_array_equal(ours[name], expected, err_msg=name)


def test_the_first_call_runs_the_second_records_later_ones_launch(detector: bytes):
    engine, device = _engine(detector)
    for _ in range(4):
        np.testing.assert_array_equal(engine.run({"crops": _crops(3)})["doubled"], 2 * _crops(3))
    assert device.did == ["capture", "launch", "launch", "launch"]


@pytest.mark.parametrize("batches", [(4, 4, 4, 2, 2, 2, 4), (1, 2, 3, 4), (5, 5, 1, 5, 5, 5)])
def test_other_shapes_are_recorded_anew_and_nothing_old_is_used(detector: bytes, batches: Sequence[int]):
    engine, device = _engine(detector)
    for batch in batches:
        np.testing.assert_array_equal(engine.run({"crops": _crops(batch)})["doubled"], 2 * _crops(batch))
    captures, discards = device.did.count("capture"), device.did.count("discard")
    changes = sum(one != other for one, other in zip(batches[1:], batches, strict=False))
    assert captures <= changes + 1
    assert captures - discards in (0, 1)
    assert len(device.memory) == 2


def test_without_cuda_graph_nothing_is_recorded(detector: bytes):
    engine, device = _engine(detector, cuda_graph=False)
    for _ in range(3):
        engine.run({"crops": _crops(3)})
    assert device.did == []


def test_an_answer_stays_when_the_next_one_comes(detector: bytes):
    engine, _ = _engine(detector)
    first = engine.run({"crops": _crops(3)})["doubled"]
    engine.run({"crops": -_crops(3)})
    np.testing.assert_array_equal(first, 2 * _crops(3))


def test_a_closed_engine_holds_no_memory_and_can_run_again(detector: bytes):
    engine, device = _engine(detector)
    for _ in range(3):
        engine.run({"crops": _crops(3)})
    engine.close()
    assert device.memory == {}
    np.testing.assert_array_equal(engine.run({"crops": _crops(3)})["doubled"], 2 * _crops(3))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"crops": np.zeros((3, 2))}, "crops is float64, expected float32"),
        ({"crops": np.zeros((3, 3), np.float32)}, r"crops of shape \(3, 3\), built for \(-1, 2\)"),
        ({"pictures": np.zeros((3, 2), np.float32)}, "refused its inputs: pictures; expected crops"),
        ({}, "expected crops"),
    ],
)
def test_wrong_inputs_are_refused(detector: bytes, inputs: dict[str, np.ndarray], words: str):
    engine, _ = _engine(detector)
    with pytest.raises(InvalidRecordError, match=words):
        engine.run(inputs)


def test_a_plan_of_other_names_or_types_is_refused(bundle_folder: Path):
    model = onnx.load(bundle_folder / "model.onnx")
    with pytest.raises(InvalidFileError, match="graph with inputs"):
        _engine(model.SerializeToString())[0].check(INPUTS[1:], OUTPUTS)
    wide = tuple(each for each in OUTPUTS if each.name != "weights")
    odd = next(each for each in OUTPUTS if each.name == "weights")
    with pytest.raises(InvalidFileError, match="weights in float32, expected float16"):
        _engine(model.SerializeToString())[0].check(
            INPUTS, (*wide, type(odd)(name="weights", dtype="float16", shape=odd.shape))
        )


def test_a_plan_of_another_version_is_refused():
    with pytest.raises(InvalidFileError, match="build it again"):
        _engine(b"none of ours")
