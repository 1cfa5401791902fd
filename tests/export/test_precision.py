from collections.abc import Iterator, Mapping

import numpy as np
import onnx
import onnx_ir
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from mvmono3d.deploy.manifest import Figure
from mvmono3d.deploy.selftest import Runner
from mvmono3d.errors import ConfigurationError, ParityError
from mvmono3d.export.half import fits_half, lower_to_half
from mvmono3d.export.precision import layers_of, lower

ROWS, WIDTH, OUT = 4, 24, 16
LARGE = 300.0


def _network(*, scale: float = 1.0, columns: int = WIDTH) -> onnx.ModelProto:
    """Three layers; one takes in numbers of which the first is `scale` large and the others matter."""
    generator = np.random.default_rng(0)
    weights = {
        "w0": generator.normal(size=(WIDTH, WIDTH)) / WIDTH**0.5,
        "w1": generator.normal(size=(WIDTH, columns)) / WIDTH**0.5,
        "w2": generator.normal(size=(WIDTH, OUT)) / WIDTH**0.5,
        "stretch": np.where(np.arange(WIDTH) == 0, scale, 1.0),
    }
    weights["w1"][0] = 0.0
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="bend"),
        helper.make_node("MatMul", ["b", "w2"], ["y"], name="last"),
        helper.make_node("Mul", ["x", "stretch"], ["s"], name="geometry"),
        helper.make_node("MatMul", ["s", "w1"], ["z"], name="strained"),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, (ROWS, WIDTH))],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, (ROWS, OUT)),
            helper.make_tensor_value_info("z", TensorProto.FLOAT, (ROWS, columns)),
        ],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return onnx.shape_inference.infer_shapes(model)


def _frames(count: int, *, seed: int) -> Iterator[dict[str, np.ndarray]]:
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield {"x": generator.normal(size=(ROWS, WIDTH)).astype(np.float32)}


class Reference:
    """The largest difference from the network's own answers, by onnx's reference implementation."""

    def __init__(self, model: onnx.ModelProto, *, allowed: float) -> None:
        evaluator = ReferenceEvaluator(model)
        self.cases = [(feed, evaluator.run(None, feed)) for feed in _frames(4, seed=1)]
        self.allowed, self.trials = allowed, 0

    def feeds(self) -> Iterator[Mapping[str, np.ndarray]]:
        return _frames(16, seed=2)

    def figures(self, engine: Runner, *, glance: bool = False) -> tuple[Figure, ...]:
        del glance
        self.trials += 1
        found = 0.0
        for feed, expected in self.cases:
            got = engine.run(feed)
            found = max(found, *(np.abs(got[n] - e).max() for n, e in zip(("y", "z"), expected, strict=True)))
        return (Figure(name="difference", unit="", allowed=self.allowed, found=float(found)),)


def _operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize(("precision", "allowed"), [("fp16", 0.01), ("int8", 0.1)])
def test_all_layers_are_lowered_where_that_costs_little(precision: str, allowed: float):
    model = _network()
    done = lower(model, precision, Reference(model, allowed=allowed))
    assert {layer.name for layer in done.lowered} == {"first", "last", "strained"}
    assert (done.kept, done.share) == ((), 1.0)
    assert 0 < done.figures[0].found <= allowed
    assert len(done.model.SerializeToString()) < 0.75 * len(model.SerializeToString())
    onnx.checker.check_model(done.model, full_check=True)


def test_the_layer_that_matters_too_much_stays_in_single_precision():
    model = _network(scale=LARGE)
    done = lower(model, "int8", Reference(model, allowed=0.1))
    assert [layer.name for layer in done.kept] == ["strained"]
    assert done.figures[0].found <= 0.1
    quantised = {name for node in done.model.graph.node if node.op_type == "MatMul" for name in node.input}
    assert "s" in quantised
    assert "x" not in quantised


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_precision_that_misses_its_gate_is_refused_with_the_figures(precision: str):
    model = _network()
    with pytest.raises(ParityError, match=rf"{precision}: difference .* \(allowed 1e-07\), and no choice"):
        lower(model, precision, Reference(model, allowed=1e-7))


def test_less_than_half_of_the_weights_is_not_what_was_asked_for():
    model = _network(scale=LARGE, columns=4 * WIDTH)
    with pytest.raises(ParityError, match=r"holds 29% of the weights, expected at least 50%"):
        lower(model, "int8", Reference(model, allowed=0.1))


def test_half_precision_has_one_cast_in_and_one_out_per_chain():
    model = _network()
    graph = onnx_ir.serde.deserialize_model(model)
    lower_to_half(graph, {"first", "last"})
    operators = _operators(onnx_ir.serde.serialize_model(graph))
    assert operators.count("Cast") == 2
    halves = {
        value.name
        for node in graph.graph
        for value in node.outputs
        if value.dtype == onnx_ir.DataType.FLOAT16
    }
    assert {"a", "b"} <= halves
    assert {value.name: value.dtype for value in graph.graph.outputs} == {
        "y": onnx_ir.DataType.FLOAT, "z": onnx_ir.DataType.FLOAT,
    }  # fmt: skip


def test_half_precision_equals_numpy_in_half_precision():
    model = _network()
    graph = onnx_ir.serde.deserialize_model(model)
    lower_to_half(graph, {"strained"})
    lowered = onnx_ir.serde.serialize_model(graph)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    (feed,) = _frames(1, seed=5)
    _, got = ReferenceEvaluator(lowered).run(None, feed)
    expected = (feed["x"] * weights["stretch"]).astype(np.float16) @ weights["w1"].astype(np.float16)
    np.testing.assert_allclose(np.asarray(got), expected.astype(np.float32), atol=2e-3)


def test_weights_that_half_precision_cannot_hold_stay():
    model = _network()
    for tensor in model.graph.initializer:
        if tensor.name == "w0":
            tensor.CopyFrom(numpy_helper.from_array(1e6 * numpy_helper.to_array(tensor), tensor.name))
    assert {layer.name for layer in layers_of(model)} == {"last", "strained"}
    assert fits_half(np.array([65504.0]))
    assert not fits_half(np.array([65520.0]))


def test_a_graph_without_layers_has_nothing_to_lower():
    model = _network()
    kept = [node for node in model.graph.node if node.op_type != "MatMul"]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    with pytest.raises(ConfigurationError, match="no layer with weights"):
        layers_of(model)
