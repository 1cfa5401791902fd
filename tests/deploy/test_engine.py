from pathlib import Path

import numpy as np
import pytest

from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.interface import INPUTS, OUTPUTS
from mvmono3d.errors import InvalidFileError, InvalidRecordError, MissingDependencyError
from tests.export.stand_in import frames

STATE = np.zeros(3, dtype=np.float32)


@pytest.fixture(scope="module")
def engine(bundle_folder: Path) -> Engine:
    return Engine(bundle_folder / "model.onnx")


def _feed(frame: int = 0) -> dict[str, np.ndarray]:
    return {name: tensor[frame] for name, tensor in frames(4).items()} | {"state": STATE}


def test_the_graph_has_the_promised_tensors(engine: Engine):
    engine.check(INPUTS, OUTPUTS)
    with pytest.raises(InvalidFileError, match=r"graph with inputs pixels, .*; expected confidence, "):
        engine.check(INPUTS[1:], OUTPUTS)


def test_every_output_has_the_promised_shape_and_type(engine: Engine):
    outputs = engine.run(_feed())
    axes = {"view": 4, "joint": 3, "state": 3}
    for tensor in OUTPUTS:
        assert outputs[tensor.name].shape == tensor.sizes(axes)
        assert str(outputs[tensor.name].dtype) == tensor.dtype


def test_equal_inputs_give_equal_outputs(engine: Engine):
    one, other = engine.run(_feed()), engine.run(_feed())
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "wrong", [{"pixels": np.zeros((3, 3, 2), np.float32)}, {"pixels": np.zeros((4, 3, 2))}, {"extra": STATE}]
)
def test_wrong_inputs_are_refused(engine: Engine, wrong: dict[str, np.ndarray]):
    with pytest.raises(InvalidRecordError, match="the graph refused its inputs"):
        engine.run(_feed() | wrong)


def test_a_provider_that_is_not_there_is_refused_and_never_replaced(bundle_folder: Path):
    with pytest.raises(MissingDependencyError, match=r"no NoSuchProvider .*CPUExecutionProvider"):
        Engine(bundle_folder / "model.onnx", provider="NoSuchProvider")


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(InvalidFileError, match="onnxruntime can't load"):
        Engine(tmp_path / "model.onnx")
    with pytest.raises(InvalidFileError, match="onnxruntime can't load"):
        Engine(tmp_path / "absent.onnx")
