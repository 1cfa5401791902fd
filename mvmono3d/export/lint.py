"""What keeps a graph from running on every engine, and where in the network it comes from."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from mvmono3d.deploy.interface import INPUTS, OUTPUTS, TensorSpec
from mvmono3d.errors import ConfigurationError

# Operators that onnxruntime and the parsers of TensorRT 10.16 and 11 both know (onnx-tensorrt's operator
# table). Left out on purpose: Det, Unique, NonZero, Compress (unsupported or of data-dependent size), control
# flow (If, Loop, Scan), and scatter with a reduction (`mean` exports wrong).
# fmt: off
ALLOWED_OPERATORS = frozenset([
    "Abs", "Acos", "Add", "And", "ArgMax", "ArgMin", "Asin", "Atan", "AveragePool", "BatchNormalization",
    "Cast", "CastLike", "Ceil", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv", "ConvTranspose",
    "Cos", "CumSum", "DequantizeLinear", "Div", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike",
    "Flatten", "Floor", "GRU", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "GlobalAveragePool",
    "Greater", "GreaterOrEqual", "GroupNormalization", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNormalization", "IsInf", "IsNaN", "LSTM", "LayerNormalization", "LeakyRelu", "Less",
    "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Mean", "Min", "Mod", "Mul", "Neg",
    "Not", "Or", "Pad", "Pow", "QuantizeLinear", "Range", "Reciprocal", "ReduceL2", "ReduceLogSumExp",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape",
    "Resize", "Round", "ScatterElements", "ScatterND", "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Slice",
    "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tan", "Tanh", "Tile", "TopK",
    "Transpose", "Trilu", "Unsqueeze", "Where", "Xor",
])
# fmt: on


_OPSETS = range(9, 26)
"""What the parser of TensorRT 11 takes."""
_MOST_TOPK = 3840


def lint(
    model: onnx.ModelProto,
    *,
    axes: Mapping[str, int],
    inputs: tuple[TensorSpec, ...] = INPUTS,
    outputs: tuple[TensorSpec, ...] = OUTPUTS,
    free: Iterable[str] = (),
    cpu_only: bool = False,
) -> Iterator[str]:
    """Yield what keeps a model from running on every engine; nothing means it is fine.

    Args:
        model: with the types and shapes of its values, as `infer_shapes` gives them.
        axes: size of every named axis of the interface.
        inputs: what the graph promises to take.
        outputs: what the graph promises to give.
        free: names of axes whose size may differ from call to call; all others are fixed.
        cpu_only: 8-bit integers may be of any kind: TensorRT takes signed ones with zero point 0 alone.
    """
    opsets = {each.domain: each.version for each in model.opset_import}
    if opsets.get("", opsets.get("ai.onnx", 0)) not in _OPSETS:
        yield f"opset {opsets}, expected {_OPSETS.start} to {_OPSETS.stop - 1}"
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for tensor in constants.values():
        if tensor.data_location == TensorProto.EXTERNAL:
            yield f"{tensor.name}: data outside the file"
        if tensor.data_type == TensorProto.DOUBLE:
            yield f"{tensor.name}: float64 constant, TensorRT has none"
    for node in model.graph.node:
        yield from _lint_node(node, constants)
        if not cpu_only:
            yield from _lint_integers(node, constants)
    for value in model.graph.value_info:
        yield from _lint_value(value, frozenset(free))
    yield from _lint_shapes("input", inputs, list(model.graph.input), axes, frozenset(free))
    yield from _lint_shapes("output", outputs, list(model.graph.output), axes, frozenset(free))


def refuse_unportable(
    model: onnx.ModelProto,
    axes: Mapping[str, int],
    *,
    inputs: tuple[TensorSpec, ...] = INPUTS,
    outputs: tuple[TensorSpec, ...] = OUTPUTS,
    free: Iterable[str] = (),
    cpu_only: bool = False,
) -> None:
    """Raise `ConfigurationError` when a graph would not run on every engine; arguments as of `lint`."""
    problems = list(lint(model, axes=axes, inputs=inputs, outputs=outputs, free=free, cpu_only=cpu_only))
    if problems:
        raise ConfigurationError(f"the exported graph would not run everywhere: {'; '.join(problems[:5])}")


def _lint_node(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> Iterator[str]:
    where = f"{node.op_type} ({_module_of(node)})"
    if node.domain not in {"", "ai.onnx"}:
        yield f"{where}: operator of {node.domain!r}, expected a standard one"
    elif node.op_type not in ALLOWED_OPERATORS:
        yield f"{where}: not among the operators that every engine runs"
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type == "Einsum":
        equation = attributes["equation"].s.decode()
        if len(node.input) > 2 or "..." in equation:
            yield f"{where}: {equation!r}, TensorRT takes at most two operands and no ellipsis"
    if node.op_type.startswith("Scatter") and attributes.get("reduction") is not None:
        reduction = attributes["reduction"].s.decode()
        if reduction != "none":
            yield f"{where}: reduction {reduction!r} is not exported faithfully"
    if node.op_type == "Cast" and attributes["to"].i == TensorProto.DOUBLE:
        yield f"{where}: to float64, TensorRT has none"
    yield from _lint_constants(node, where, constants)


def _lint_constants(
    node: onnx.NodeProto, where: str, constants: Mapping[str, onnx.TensorProto]
) -> Iterator[str]:
    if node.op_type == "TopK" and not _within(constants.get(node.input[1]), 1, _MOST_TOPK):
        yield f"{where}: K must be a constant up to {_MOST_TOPK}, TensorRT takes no other"


def _lint_integers(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> Iterator[str]:
    if node.op_type not in {"QuantizeLinear", "DequantizeLinear"}:
        return
    zero = constants.get(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    where = f"{node.op_type} ({_module_of(node)})"
    if zero is not None and not _within(zero, 0, 0):
        yield f"{where}: zero point other than 0, TensorRT takes none"
    elif zero is not None and zero.data_type == TensorProto.UINT8:
        yield f"{where}: unsigned integers, TensorRT takes none"


def _within(tensor: onnx.TensorProto | None, least: int, most: int) -> bool:
    if tensor is None:
        return False
    values = numpy_helper.to_array(tensor).astype(np.int64)
    return bool(((values >= least) & (values <= most)).all())


def _lint_value(value: onnx.ValueInfoProto, free: frozenset[str]) -> Iterator[str]:
    tensor = value.type.tensor_type
    if tensor.elem_type == TensorProto.DOUBLE:
        yield f"{value.name}: float64, TensorRT has none"
    sizes = tensor.shape.dim if tensor.HasField("shape") else ()
    loose = [size for size in sizes if not size.HasField("dim_value") and size.dim_param not in free]
    if loose or not tensor.HasField("shape"):
        yield f"{value.name}: its shape depends on the data, expected fixed sizes"


def _lint_shapes(
    kind: str,
    promised: tuple[TensorSpec, ...],
    found: list[onnx.ValueInfoProto],
    axes: Mapping[str, int],
    free: frozenset[str],
) -> Iterator[str]:
    shapes = {
        value.name: tuple(
            size.dim_param if size.dim_param in free else size.dim_value
            for size in value.type.tensor_type.shape.dim
        )
        for value in found
    }
    for tensor in promised:
        expected = tuple(
            axis if axis in free else axes[axis] if axis in axes else int(axis)
            for axis in tensor.shape.split()
        )
        if shapes.get(tensor.name) != expected:
            yield f"{kind} {tensor.name}: {shapes.get(tensor.name)}, expected {expected}"


def _module_of(node: onnx.NodeProto) -> str:
    metadata = {entry.key: entry.value for entry in node.metadata_props}
    return metadata.get("pkg.torch.onnx.name_scopes", node.name) or "no name"
