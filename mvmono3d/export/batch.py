"""Leave out the leading axes of length 1 that every array of a single frame set carries.

A network is written over clips and times; in the exported graph both have length 1, and axes of views and
joints stand behind them. Operations broadcast from the right, so nearly all do the same without those axes,
and what only adds or drops them falls away.
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir

from mvmono3d.export.views import Shape, initializer, shape_of

_ELEMENTWISE = frozenset([
    "Abs", "Add", "And", "Cast", "Clip", "Cos", "Div", "Equal", "Exp", "Greater", "GreaterOrEqual", "Less",
    "LessOrEqual", "Log", "Max", "Min", "Mul", "Neg", "Not", "Or", "Pow", "Reciprocal", "Relu", "Sigmoid",
    "Sign", "Sin", "Softplus", "Sqrt", "Sub", "Tan", "Tanh", "Where",
])  # fmt: skip
_ALONG = frozenset([
    "ArgMax", "ArgMin", "Gather", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Slice", "Softmax",
    "Split",
])  # fmt: skip
_LEAST = 2
"""Axes that stay, because products of matrices need them."""


def drop_batch(model: onnx_ir.Model) -> None:
    """Rewrite a graph of fixed shapes in place; no number changes."""
    _Rewriter(model.graph).rewrite()


class _Rewriter:
    """Walks through the graph once, in order; values without their leading axes are noted in `_full`."""

    def __init__(self, graph: onnx_ir.Graph) -> None:
        self._graph = graph
        self._full: dict[onnx_ir.Value, Shape] = {}
        """The shape that a value had before."""

    def rewrite(self) -> None:
        for node in list(self._graph):
            full = [() if value.shape is None else shape_of(value) for value in node.outputs]
            if not self._drop(node):
                for place, value in enumerate(node.inputs):
                    if value in self._full:
                        node.replace_input_with(place, self._reshaped(node, value, self._full[value]))
                continue
            for output, shape in zip(node.outputs, full, strict=True):
                if shape_of(output) != shape:
                    self._full[output] = shape
                elif len(_stripped(shape)) != len(shape) and not output.is_graph_output():
                    self._strip(node, output)
        self._restore_outputs()

    def _strip(self, node: onnx_ir.Node, output: onnx_ir.Value) -> None:
        """Take the axes off once, where they appear: what comes later is without them."""
        shape = shape_of(output)
        after = onnx_ir.node("Reshape", [output, _sizes(self._graph, _stripped(shape))])
        after.outputs[0].type = output.type
        after.metadata_props.update(node.metadata_props)
        _set_shape(after.outputs[0], _stripped(shape))
        onnx_ir.convenience.replace_all_uses_with(output, after.outputs[0])
        after.replace_input_with(0, output)
        self._graph.insert_after(node, after)
        self._full[after.outputs[0]] = shape

    def _drop(self, node: onnx_ir.Node) -> bool:
        """Let a node work without leading axes; say whether it can."""
        if any(value.shape is None for value in node.outputs):
            return False
        if node.op_type in {"Reshape", "Expand"}:
            return self._drop_sizes(node)
        if not any(value in self._full for value in node.inputs):
            return True
        if node.op_type in _ELEMENTWISE:
            shapes = [
                shape_of(value) for value in node.inputs if value is not None and value.shape is not None
            ]
            _set_shape(node.outputs[0], np.broadcast_shapes(*shapes))
            return True
        if node.op_type == "MatMul":
            return self._drop_product(node)
        if node.op_type == "Concat":
            return self._drop_concat(node)
        if node.op_type == "Transpose":
            return self._drop_transpose(node)
        return node.op_type in _ALONG and self._drop_along(node)

    def _drop_sizes(self, node: onnx_ir.Node) -> bool:
        output = node.outputs[0]
        if not output.is_graph_output():
            shape = _stripped(shape_of(output))
            node.replace_input_with(1, _sizes(self._graph, shape))
            _set_shape(output, shape)
        return True

    def _drop_product(self, node: onnx_ir.Node) -> bool:
        left, right = (shape_of(_present(value)) for value in node.inputs)
        if min(len(left), len(right)) < _LEAST:
            return False
        batch = np.broadcast_shapes(left[:-2], right[:-2])
        _set_shape(node.outputs[0], (*batch, left[-2], right[-1]))
        return True

    def _drop_concat(self, node: onnx_ir.Node) -> bool:
        values = [_present(value) for value in node.inputs]
        full = [self._full.get(value, shape_of(value)) for value in values]
        axis = node.attributes.get_int("axis", 0) % len(full[0])
        ones = min(axis, *(_leading_ones(shape) for shape in full))
        ranks = [len(shape_of(value)) for value in values]
        rank = max(max(set(ranks), key=ranks.count), len(full[0]) - ones)
        dropped = len(full[0]) - rank
        for place, (value, shape) in enumerate(zip(values, full, strict=True)):
            if len(shape_of(value)) != rank:
                node.replace_input_with(place, self._reshaped(node, value, shape[dropped:]))
        node.attributes["axis"] = onnx_ir.AttrInt64("axis", axis - dropped)
        _set_shape(node.outputs[0], shape_of(node.outputs[0])[dropped:])
        return True

    def _drop_transpose(self, node: onnx_ir.Node) -> bool:
        order = list(node.attributes.get_ints("perm") or ())
        dropped = self._dropped(node)
        if sorted(order[:dropped]) != list(range(dropped)):
            return False
        node.attributes["perm"] = onnx_ir.AttrInt64s("perm", [axis - dropped for axis in order[dropped:]])
        _set_shape(node.outputs[0], shape_of(node.outputs[0])[dropped:])
        return True

    def _drop_along(self, node: onnx_ir.Node) -> bool:
        """Count the axes that an operation works along from the new first one."""
        place = {"Slice": 3, "ReduceSum": 1, "ReduceMax": 1, "ReduceMin": 1, "ReduceMean": 1}.get(
            node.op_type
        )
        dropped, rank = self._dropped(node), len(self._full.get(_present(node.inputs[0]), ()))
        axes = [node.attributes.get_int("axis", 0)] if place is None else _integers(node, place)
        axes = [axis % rank - dropped for axis in axes or [] if rank]
        if not axes or min(axes) < 0 or any(value in self._full for value in node.inputs[1:]):
            return False
        if place is None:
            node.attributes["axis"] = onnx_ir.AttrInt64("axis", axes[0])
        else:
            node.replace_input_with(place, _sizes(self._graph, axes))
        for output in node.outputs:
            _set_shape(output, shape_of(output)[dropped:])
        return True

    def _dropped(self, node: onnx_ir.Node) -> int:
        value = _present(node.inputs[0])
        return len(self._full.get(value, shape_of(value))) - len(shape_of(value))

    def _reshaped(self, before: onnx_ir.Node, value: onnx_ir.Value, shape: Shape) -> onnx_ir.Value:
        node = onnx_ir.node("Reshape", [value, _sizes(self._graph, shape)])
        node.outputs[0].type = value.type
        node.metadata_props.update(before.metadata_props)
        _set_shape(node.outputs[0], shape)
        self._graph.insert_before(before, node)
        return node.outputs[0]

    def _restore_outputs(self) -> None:
        """Give the graph's outputs the shapes that are promised."""
        for output in list(self._graph.outputs):
            if output not in self._full:
                continue
            node = onnx_ir.node("Reshape", [output, _sizes(self._graph, self._full[output])])
            full = node.outputs[0]
            full.type = output.type
            _set_shape(full, self._full[output])
            self._graph.append(node)
            onnx_ir.convenience.replace_all_uses_with(output, full, replace_graph_outputs=True)
            node.replace_input_with(0, output)
            output.name, full.name = None, output.name


def _stripped(shape: Shape) -> Shape:
    """Return a shape without leading ones, but for the last two axes."""
    return shape[min(_leading_ones(shape), max(len(shape) - _LEAST, 0)) :]


def _leading_ones(shape: Shape) -> int:
    return next((place for place, size in enumerate(shape) if size != 1), len(shape))


def _set_shape(value: onnx_ir.Value, shape: Sequence[int]) -> None:
    value.shape = onnx_ir.Shape(shape)


def _sizes(graph: onnx_ir.Graph, sizes: Sequence[int]) -> onnx_ir.Value:
    return initializer(graph, f"shape_{'_'.join(map(str, sizes)) or 'scalar'}", np.array(sizes, np.int64))


def _integers(node: onnx_ir.Node, place: int) -> list[int] | None:
    value = node.inputs[place] if len(node.inputs) > place else None
    tensor = None if value is None else onnx_ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy().reshape(-1).tolist()


def _present(value: onnx_ir.Value | None) -> onnx_ir.Value:
    if value is None:
        raise ValueError("an optional input where none is expected")
    return value
