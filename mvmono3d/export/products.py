"""Sums and squares as products, which engines compute several times faster on arrays as small as ours.

At most the last digit of a sum changes. An infinity would spread to its neighbours; our networks have none.
"""

import math

import numpy as np
import onnx_ir

from mvmono3d.core.schema import sha256_of_bytes

_LONG, _SHORT, _WIDE = 200, 16, 64
"""A sum over a leading axis pays from so many columns on; one over an axis inside up to so many columns, and
so many in all."""
_ROWS = 16


def prefer_products(model: onnx_ir.Model) -> None:
    """Rewrite squares and sums over short axes in place."""
    for node in list(model.graph):
        if node.op_type == "Pow" and _constant(node.inputs[1], np.array(2.0)):
            _replace(model.graph, node, "Mul", [node.inputs[0], node.inputs[0]])
        elif node.op_type == "ReduceSum":
            _multiply(model.graph, node)


def _multiply(graph: onnx_ir.Graph, node: onnx_ir.Node) -> None:
    """Write a sum over one axis as a product with ones."""
    values, axes = node.inputs[0], node.inputs[1] if len(node.inputs) > 1 else None
    tensor = None if axes is None else onnx_ir.convenience.get_const_tensor(axes)
    if values is None or values.shape is None or tensor is None or tensor.size != 1:
        return
    if values.dtype != onnx_ir.DataType.FLOAT:
        return
    shape = values.shape.numpy()
    axis = int(tensor.numpy().reshape(-1)[0]) % len(shape)
    before, length, after = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    if before == 1 and after >= _LONG and length <= _ROWS:
        flat = _reshaped(graph, node, values, (length, after))
        ones = _initializer(graph, np.ones((1, length), np.float32))
        total = _insert(graph, node, "MatMul", [ones, flat], (1, after))
    elif before >= _ROWS and 1 < after <= _SHORT and length * after <= _WIDE:
        flat = _reshaped(graph, node, values, (before, length * after))
        ones = _initializer(graph, np.tile(np.eye(after, dtype=np.float32), (length, 1)))
        total = _insert(graph, node, "MatMul", [flat, ones], (before, after))
    else:
        return
    summed = node.outputs[0]
    if summed.shape is not None:
        sizes = _initializer(graph, np.array(summed.shape.numpy(), np.int64))
        _replace(graph, node, "Reshape", [total, sizes])


def _reshaped(
    graph: onnx_ir.Graph, node: onnx_ir.Node, values: onnx_ir.Value, shape: tuple[int, ...]
) -> onnx_ir.Value:
    return _insert(graph, node, "Reshape", [values, _initializer(graph, np.array(shape, np.int64))], shape)


def _insert(
    graph: onnx_ir.Graph,
    before: onnx_ir.Node,
    operator: str,
    inputs: list[onnx_ir.Value],
    shape: tuple[int, ...],
) -> onnx_ir.Value:
    node = onnx_ir.node(operator, inputs)
    output = node.outputs[0]
    output.shape, output.type = onnx_ir.Shape(shape), before.outputs[0].type
    node.metadata_props.update(before.metadata_props)
    graph.insert_before(before, node)
    return output


def _replace(
    graph: onnx_ir.Graph, node: onnx_ir.Node, operator: str, inputs: list[onnx_ir.Value | None]
) -> None:
    """Put another operator in the place of a node."""
    old = node.outputs[0]
    new = onnx_ir.node(operator, inputs)
    output = new.outputs[0]
    output.shape, output.type = old.shape, old.type
    new.metadata_props.update(node.metadata_props)
    graph.insert_before(node, new)
    onnx_ir.convenience.replace_all_uses_with(old, output, replace_graph_outputs=old.is_graph_output())
    if old.is_graph_output():
        old.name, output.name = None, old.name
    graph.remove(node, safe=True)


def _initializer(graph: onnx_ir.Graph, value: np.ndarray) -> onnx_ir.Value:
    # By all of its content: two shapes may agree in their first axes.
    name = f"constant_{value.dtype}_{'_'.join(map(str, value.shape))}_{sha256_of_bytes(value.tobytes())}"
    if name not in graph.initializers:
        graph.register_initializer(onnx_ir.Value(name=name, const_value=onnx_ir.tensor(value, name=name)))
    return graph.initializers[name]


def _constant(value: onnx_ir.Value | None, expected: np.ndarray) -> bool:
    """Say whether a value is a constant and this one."""
    tensor = None if value is None else onnx_ir.convenience.get_const_tensor(value)
    return tensor is not None and tensor.size == 1 and float(tensor.numpy().reshape(-1)[0]) == float(expected)
