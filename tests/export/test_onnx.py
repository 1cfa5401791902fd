from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor

from mvmono3d.deploy.interface import INPUTS, OUTPUTS
from mvmono3d.errors import ConfigurationError
from mvmono3d.export.lint import lint
from mvmono3d.export.network import GraphOutputs
from mvmono3d.export.onnx import export_onnx
from tests.export.stand_in import Altered

AXES = {"view": 4, "joint": 3, "state": 3}


@pytest.fixture
def model(bundle_folder: Path) -> onnx.ModelProto:
    return onnx.load(bundle_folder / "model.onnx")


def _invert(answer: GraphOutputs, tensors: Sequence[Tensor]) -> GraphOutputs:
    del tensors
    return answer._replace(covariance_world=torch.linalg.inv(answer.covariance_world + torch.eye(3)))


def test_the_graph_is_opset_20_and_has_the_interface(model: onnx.ModelProto):
    onnx.checker.check_model(model, full_check=True)
    assert [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")] == [20]
    assert [value.name for value in model.graph.input] == [tensor.name for tensor in INPUTS]
    assert [value.name for value in model.graph.output] == [tensor.name for tensor in OUTPUTS]
    assert list(lint(model, axes=AXES)) == []


def test_a_decomposition_is_refused_by_its_name(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="linalg_inv"):
        export_onnx(Altered(_invert), tmp_path / "model.onnx", axes=AXES)
    assert list(tmp_path.iterdir()) == []


def test_a_tensor_of_another_shape_is_named(model: onnx.ModelProto):
    problems = list(lint(model, axes=AXES | {"joint": 4}))
    assert "output points_world: (3, 3), expected (4, 3)" in problems
    assert "input pixels: (4, 3, 2), expected (4, 4, 2)" in problems


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (helper.make_node("NonZero", ["a"], ["b"]), "NonZero .* not among the operators"),
        (helper.make_node("Einsum", ["a", "a", "a"], ["b"], equation="ij,jk,kl->il"), "at most two operands"),
        (helper.make_node("Einsum", ["a", "a"], ["b"], equation="...i,i->..."), "no ellipsis"),
        (helper.make_node("ScatterElements", ["a"], ["b"], reduction="add"), "reduction 'add'"),
        (helper.make_node("Cast", ["a"], ["b"], to=TensorProto.DOUBLE), "to float64"),
        (helper.make_node("Gelu", ["a"], ["b"], domain="com.microsoft"), "operator of 'com.microsoft'"),
    ],
)
def test_what_engines_cannot_run_is_named(model: onnx.ModelProto, node: onnx.NodeProto, words: str):
    model.graph.node.append(node)
    (problem,) = lint(model, axes=AXES)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(problem)


def test_float64_constants_and_data_outside_the_file_are_named(model: onnx.ModelProto):
    model.graph.initializer.append(TensorProto(name="wide", data_type=TensorProto.DOUBLE))
    outside = TensorProto(name="far", data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    model.graph.initializer.append(outside)
    assert list(lint(model, axes=AXES)) == [
        "wide: float64 constant, TensorRT has none",
        "far: data outside the file",
    ]


def test_nothing_of_the_machine_that_exported_is_in_the_graph(model: onnx.ModelProto):
    content = model.SerializeToString()
    assert b"site-packages" not in content
    assert b"stand_in.py" not in content
