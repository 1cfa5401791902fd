"""Chosen layers in half precision: explicit casts round them, so that every engine does the same.

The graph's own inputs and outputs stay as they are. What lies between two such layers and only shapes or
bends numbers goes along, so that a chain of convolutions has one cast at its start and one at its end.
"""

from collections.abc import Collection

import numpy as np
import onnx_ir

_BETWEEN = frozenset([
    "AveragePool", "Clip", "Flatten", "GlobalAveragePool", "HardSigmoid", "HardSwish", "LeakyRelu", "MaxPool",
    "Relu", "Reshape", "Sigmoid", "Squeeze", "Tanh", "Transpose", "Unsqueeze",
])  # fmt: skip
_FLOAT, _HALF = onnx_ir.DataType.FLOAT, onnx_ir.DataType.FLOAT16


def lower_to_half(model: onnx_ir.Model, layers: Collection[str]) -> None:
    """Let the layers of these names compute in float16, in place."""
    graph = model.graph
    chosen = {node for node in graph if node.name in layers}
    chosen |= _between(graph, chosen)
    halves: dict[onnx_ir.Value, onnx_ir.Value] = {}
    for node in list(graph):
        if node in chosen:
            _lower(graph, node, halves)
    for node in chosen:
        for output in node.outputs:
            _return_to_single(graph, output, chosen)


def fits_half(values: np.ndarray) -> bool:
    """Say whether numbers stay finite in float16."""
    return bool(np.abs(values).max(initial=0.0) <= np.finfo(np.float16).max)


def _between(graph: onnx_ir.Graph, chosen: set[onnx_ir.Node]) -> set[onnx_ir.Node]:
    """Return the nodes whose numbers all come from lowered nodes and all go to such."""
    found = {
        node
        for node in graph
        if node.op_type in _BETWEEN and not any(each.is_graph_output() for each in node.outputs)
    }
    while True:
        inside = found | chosen
        wrong = {
            node
            for node in found
            if not all(value.producer() in inside for value in _varying(node))
            or not all(use.node in inside for output in node.outputs for use in output.uses())
        }
        if not wrong:
            return found
        found -= wrong


def _varying(node: onnx_ir.Node) -> list[onnx_ir.Value]:
    return [value for value in node.inputs if value is not None and value.const_value is None]


def _lower(graph: onnx_ir.Graph, node: onnx_ir.Node, halves: dict[onnx_ir.Value, onnx_ir.Value]) -> None:
    for place, value in enumerate(node.inputs):
        if value is None or value.dtype != _FLOAT:
            continue
        if value not in halves:
            halves[value] = _half(graph, node, value)
        node.replace_input_with(place, halves[value])
    for output in node.outputs:
        output.type = onnx_ir.TensorType(_HALF)


def _half(graph: onnx_ir.Graph, before: onnx_ir.Node, value: onnx_ir.Value) -> onnx_ir.Value:
    """Return the float16 twin of a value: a constant, or a cast before its first user."""
    if value.const_value is not None:
        tensor = onnx_ir.tensor(value.const_value.numpy().astype(np.float16), name=f"{value.name}_half")
        half = onnx_ir.Value(
            name=tensor.name, const_value=tensor, shape=value.shape, type=onnx_ir.TensorType(_HALF)
        )
        graph.register_initializer(half)
        return half
    cast = _cast(value, _HALF)
    graph.insert_before(before, cast)
    return cast.outputs[0]


def _return_to_single(graph: onnx_ir.Graph, output: onnx_ir.Value, chosen: set[onnx_ir.Node]) -> None:
    outside = [use for use in output.uses() if use.node not in chosen]
    if not outside and not output.is_graph_output():
        return
    cast = _cast(output, _FLOAT)
    graph.insert_after(_producer(output), cast)
    single = cast.outputs[0]
    for use in outside:
        use.node.replace_input_with(use.idx, single)
    if output.is_graph_output():
        name, output.name = output.name, f"{output.name}_half"
        graph.outputs[graph.outputs.index(output)] = single
        single.name = name


def _cast(value: onnx_ir.Value, dtype: onnx_ir.DataType) -> onnx_ir.Node:
    node = onnx_ir.node("Cast", [value], {"to": int(dtype)})
    node.name = f"cast_{value.name}_{dtype.name.lower()}"
    node.outputs[0].name = node.name
    node.outputs[0].type, node.outputs[0].shape = onnx_ir.TensorType(dtype), value.shape
    return node


def _producer(value: onnx_ir.Value) -> onnx_ir.Node:
    node = value.producer()
    if node is None:
        raise ValueError(f"{value.name} is not computed by the graph")
    return node
