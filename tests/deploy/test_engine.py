import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as native  # pyright: ignore[reportAttributeAccessIssue]

from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.engines.load import load_graph
from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.interface import INPUTS, OUTPUTS
from mvmono3d.errors import (
    EngineError,
    InvalidFileError,
    InvalidRecordError,
    MissingDependencyError,
    UnknownNameError,
)
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


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_provider_that_would_leave_nodes_to_the_cpu_is_refused(bundle_folder: Path):
    cloud = "AzureExecutionProvider"  # in every wheel, and takes none of our operators
    if cloud not in onnxruntime.get_available_providers():
        pytest.skip(f"onnxruntime here has no {cloud}")
    with pytest.raises(
        MissingDependencyError, match=rf"{cloud} does not run all of .*: use the CPU|slower than"
    ):
        Engine(bundle_folder / "model.onnx", provider=cloud)


class _Fallen:
    """A session whose provider could not start."""

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]


def test_a_provider_that_could_not_start_is_refused(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    asked = {}
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda *_, **options: asked.update(options) or _Fallen()
    )
    with pytest.raises(MissingDependencyError, match="runs on CPUExecutionProvider, expected CUDAExecution"):
        Engine(bundle_folder / "model.onnx", provider="CUDAExecutionProvider")
    assert asked == {"providers": ["CUDAExecutionProvider"], "enable_fallback": 0}


def test_a_provider_that_fails_while_running_is_an_error_and_no_second_try(engine: Engine, monkeypatch):
    class Failing:
        def run(self, *_: object) -> None:
            raise native.EPFail("CUDA failure 700")

    monkeypatch.setattr(engine, "_session", Failing())
    with pytest.raises(EngineError, match="the provider failed: CUDA failure 700"):
        engine.run(_feed())


def test_an_engine_is_chosen_by_name_or_refused(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch):
    bundle = read_bundle(bundle_folder)
    (graph,) = bundle.manifest.graphs
    assert isinstance(load_graph(bundle, graph, engine="cpu"), Engine)
    with pytest.raises(UnknownNameError, match=r"no engine 'gpu'.* \(known: cpu, cuda, tensorrt\)"):
        load_graph(bundle, graph, engine="gpu")
    with pytest.raises(MissingDependencyError, match="no CUDAExecutionProvider"):
        load_graph(bundle, graph, engine="cuda")
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mvmono3d\[tensorrt\]'"):
        load_graph(bundle, graph, engine="tensorrt")


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(InvalidFileError, match="onnxruntime can't load"):
        Engine(tmp_path / "model.onnx")
    with pytest.raises(InvalidFileError, match="onnxruntime can't load"):
        Engine(tmp_path / "absent.onnx")
