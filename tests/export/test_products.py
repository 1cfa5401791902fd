"""Sums and squares as products: fewer microseconds, the same numbers."""

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from mvmono3d.export.products import prefer_products


def model(*nodes, constants=(), inputs=(("x", (3, 1, 84)),), output=("y", None)):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs]
    graph = helper.make_graph(
        list(nodes),
        "graph",
        values,
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(value, name) for name, value in constants],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return onnx.shape_inference.infer_shapes(made)


def rewritten(made):
    ours = onnx_ir.serde.deserialize_model(made)
    prefer_products(ours)
    return onnx_ir.serde.serialize_model(ours)


def run(made, values):
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": values})[0])


def operators(made):
    return [node.op_type for node in made.graph.node]


def a_sum(shape, axis, *, keepdims):
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=keepdims)
    return model(node, constants=[("axes", np.array([axis]))], inputs=[("x", shape)])


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((3, 1, 21, 4, 20), 0),
        ((1, 2, 4, 252), 1),
        ((4, 21, 2, 3, 4), 2),
        ((4, 21, 2, 3, 4), -3),
        ((21, 3, 3), 1),
    ],
)
def test_a_sum_over_a_short_axis_becomes_a_product_and_stays_the_same(shape, axis, keepdims):
    before = a_sum(shape, axis, keepdims=keepdims)
    after = rewritten(before)
    assert "MatMul" in operators(after)
    assert "ReduceSum" not in operators(after)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    ours, theirs = run(after, values), run(before, values)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("shape", "axis"), [((84, 3), 1), ((3, 21), 0), ((40, 300), 0), ((12, 8, 84), 1)])
def test_other_sums_stay(shape, axis):
    assert operators(rewritten(a_sum(shape, axis, keepdims=1))) == ["ReduceSum"]


def test_a_square_is_a_product_of_two():
    node = helper.make_node("Pow", ["x", "two"], ["y"])
    before = model(node, constants=[("two", np.array(2.0, np.float32))], output=("y", (3, 1, 84)))
    after = rewritten(before)
    assert operators(after) == ["Mul"]
    values = np.random.default_rng(0).normal(size=(3, 1, 84)).astype(np.float32)
    np.testing.assert_array_equal(run(after, values), values * values)


def test_other_powers_stay():
    node = helper.make_node("Pow", ["x", "power"], ["y"])
    before = model(node, constants=[("power", np.array(3.0, np.float32))])
    assert operators(rewritten(before)) == ["Pow"]
