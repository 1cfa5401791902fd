"""Merge what only gives an array another shape.

A traced graph is full of it: half of its nodes may add, drop or pick axes of length 1. An engine pays for
each as for arithmetic. All shapes are fixed, so a chain of them is one Reshape, and equal ones are one.
"""

import math
from collections.abc import Iterable

import numpy as np
import onnx_ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

_ALWAYS = frozenset({"Unsqueeze", "Squeeze", "Reshape", "Flatten", "Identity"})
_BROADCASTING = frozenset([
    "Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min", "Mul",
    "Or", "Pow", "Sub", "Where",
])  # fmt: skip
_REDUCING = frozenset([
    "ArgMax", "ArgMin", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
])  # fmt: skip

Shape = tuple[int, ...]


def merge_views(model: onnx_ir.Model) -> None:
    """Merge reshapes of a graph of fixed shapes in place; no number changes."""
    graph = model.graph
    unused = RemoveUnusedNodesPass()
    _merged(graph)
    unused(model)
    _keep_axes(graph)
    _lean_on_broadcasting(graph, _merged(graph))
    unused(model)


def _merged(graph: onnx_ir.Graph) -> dict[onnx_ir.Value, onnx_ir.Value]:
    """Make every view one Reshape of what it shows; return what each view shows."""
    shown: dict[onnx_ir.Value, onnx_ir.Value] = {}
    known: dict[tuple[onnx_ir.Value, Shape], onnx_ir.Value] = {}
    for node in list(graph):
        if not _is_view(node):
            continue
        view, source = node.outputs[0], _present(node.inputs[0])
        source = shown.get(source, source)
        shape = shape_of(view)
        if shape == shape_of(source) and not view.is_graph_output():
            onnx_ir.convenience.replace_all_uses_with(view, source)
        elif (source, shape) in known and not view.is_graph_output():
            onnx_ir.convenience.replace_all_uses_with(view, known[source, shape])
        else:
            merged = _reshape(graph, node, source)
            known[source, shape], shown[merged] = merged, source
    return shown


def _keep_axes(graph: onnx_ir.Graph) -> None:
    """Let a reduction keep its axis where everybody wants it back."""
    for node in list(graph):
        if node.op_type not in _REDUCING or node.attributes.get_int("keepdims", 1) or len(node.outputs) != 1:
            continue
        output = node.outputs[0]
        kept = _kept(node)
        wanted = [use.node for use in output.uses()]
        if output.is_graph_output() or kept is None or not all(user.op_type == "Reshape" for user in wanted):
            continue
        if any(shape_of(user.outputs[0]) == kept for user in wanted):
            node.attributes["keepdims"] = onnx_ir.AttrInt64("keepdims", 1)
            output.shape = onnx_ir.Shape(kept)


def _lean_on_broadcasting(graph: onnx_ir.Graph, shown: dict[onnx_ir.Value, onnx_ir.Value]) -> None:
    """Leave out views that only add leading axes of length 1, where the operation does so itself."""
    for node in graph:
        if node.op_type not in _BROADCASTING:
            continue
        for place, value in enumerate(node.inputs):
            source = shown.get(_present(value))
            if source is None or _stripped(shape_of(source)) != _stripped(shape_of(_present(value))):
                continue
            shapes = [shape_of(_present(other)) for other in node.inputs]
            shapes[place] = shape_of(source)
            if np.broadcast_shapes(*shapes) == shape_of(node.outputs[0]):
                node.replace_input_with(place, source)


def _is_view(node: onnx_ir.Node) -> bool:
    """Say whether a node gives its first input's elements in their order."""
    source = node.inputs[0] if node.inputs else None
    if source is None or source.const_value is not None or len(node.outputs) != 1 or node.domain:
        return False
    if source.shape is None or node.outputs[0].shape is None:
        return False
    old, new = shape_of(source), shape_of(node.outputs[0])
    if math.prod(old) != math.prod(new):
        return False
    match node.op_type:
        case "Expand":
            return True
        case "Gather":
            return old[node.attributes.get_int("axis", 0)] == 1
        case "Slice":
            steps = _constant(node, 4, default=[1])
            return steps is not None and min(steps) > 0
        case "Transpose":
            order = [axis for axis in node.attributes.get_ints("perm") or () if old[axis] > 1]
            return order == sorted(order)
        case _:
            return node.op_type in _ALWAYS


def _reshape(graph: onnx_ir.Graph, node: onnx_ir.Node, source: onnx_ir.Value) -> onnx_ir.Value:
    """Put a Reshape of `source` in the place of a view and return its output."""
    view = node.outputs[0]
    shape = shape_of(view)
    sizes = initializer(graph, f"shape_{'_'.join(map(str, shape)) or 'scalar'}", np.array(shape, np.int64))
    merged = onnx_ir.node("Reshape", [source, sizes])
    output = merged.outputs[0]
    output.shape, output.type = onnx_ir.Shape(shape), view.type
    merged.metadata_props.update(node.metadata_props)
    graph.insert_before(node, merged)
    if view.is_graph_output():
        onnx_ir.convenience.replace_all_uses_with(view, output, replace_graph_outputs=True)
        view.name, output.name = None, view.name
    else:
        onnx_ir.convenience.replace_all_uses_with(view, output)
    graph.remove(node, safe=True)
    return output


def initializer(graph: onnx_ir.Graph, name: str, value: np.ndarray) -> onnx_ir.Value:
    """Return the constant of that name, made if there is none yet."""
    if name not in graph.initializers:
        graph.register_initializer(onnx_ir.Value(name=name, const_value=onnx_ir.tensor(value, name=name)))
    return graph.initializers[name]


def _kept(node: onnx_ir.Node) -> Shape | None:
    """Return the shape that a reduction has when it keeps its axes."""
    shape = shape_of(_present(node.inputs[0]))
    axes = _constant(node, 1, default=range(len(shape)))
    if node.op_type in {"ArgMax", "ArgMin"}:
        axes = [node.attributes.get_int("axis", 0)]
    if axes is None:
        return None
    reduced = {axis % len(shape) for axis in axes}
    return tuple(1 if axis in reduced else size for axis, size in enumerate(shape))


def _constant(node: onnx_ir.Node, place: int, *, default: Iterable[int]) -> list[int] | None:
    """Return the numbers of a constant input, the default where it is left out, None where it varies."""
    value = node.inputs[place] if len(node.inputs) > place else None
    if value is None:
        return list(default)
    tensor = onnx_ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy().reshape(-1).tolist()


def _present(value: onnx_ir.Value | None) -> onnx_ir.Value:
    if value is None:
        raise ValueError("an optional input where none is expected")
    return value


def shape_of(value: onnx_ir.Value) -> Shape:
    """Return a shape in numbers."""
    return () if value.shape is None else value.shape.numpy()


def _stripped(shape: Shape) -> Shape:
    """Return a shape without leading ones."""
    first = next((place for place, size in enumerate(shape) if size != 1), len(shape))
    return shape[first:]
