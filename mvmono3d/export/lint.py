"""What keeps a graph from running on every engine, and where in the network it comes from."""

from collections.abc import Iterator, Mapping

import onnx

from mvmono3d.deploy.interface import INPUTS, OUTPUTS, TensorSpec

# Operators that onnxruntime and TensorRT 10 and 11 both run (onnx-tensorrt's operator table). Left out on
# purpose: Det, Unique, NonZero, Compress (unsupported or of data-dependent size), control flow, and
# scatter with a reduction (`mean` exports wrong).
# fmt: off
ALLOWED_OPERATORS = frozenset([
    "Abs", "Acos", "Add", "And", "ArgMax", "ArgMin", "Asin", "Atan", "BatchNormalization", "Cast",
    "CastLike", "Ceil", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv", "ConvTranspose", "Cos",
    "CumSum", "Div", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "GRU",
    "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "Greater", "GreaterOrEqual",
    "GroupNormalization", "HardSigmoid", "Identity", "InstanceNormalization", "IsInf", "IsNaN", "LSTM",
    "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max",
    "Mean", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pad", "Pow", "Range", "Reciprocal", "ReduceL2",
    "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "Relu", "Reshape", "Round", "ScatterElements", "ScatterND", "Selu", "Shape",
    "Sigmoid", "Sign", "Sin", "Slice", "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Sub", "Sum",
    "Tan", "Tanh", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where", "Xor",
])
# fmt: on


def lint(model: onnx.ModelProto, *, axes: Mapping[str, int]) -> Iterator[str]:
    """Yield what keeps a model from running on every engine; nothing means it is fine."""
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield f"{tensor.name}: data outside the file"
        if tensor.data_type == onnx.TensorProto.DOUBLE:
            yield f"{tensor.name}: float64 constant, TensorRT has none"
    for node in model.graph.node:
        yield from _lint_node(node)
    yield from _lint_shapes("input", INPUTS, list(model.graph.input), axes)
    yield from _lint_shapes("output", OUTPUTS, list(model.graph.output), axes)


def _lint_node(node: onnx.NodeProto) -> Iterator[str]:
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
    if node.op_type == "Cast" and attributes["to"].i == onnx.TensorProto.DOUBLE:
        yield f"{where}: to float64, TensorRT has none"


def _lint_shapes(
    kind: str, promised: tuple[TensorSpec, ...], found: list[onnx.ValueInfoProto], axes: Mapping[str, int]
) -> Iterator[str]:
    shapes = {
        value.name: tuple(size.dim_value for size in value.type.tensor_type.shape.dim) for value in found
    }
    for tensor in promised:
        if shapes.get(tensor.name) != tensor.sizes(axes):
            yield f"{kind} {tensor.name}: {shapes.get(tensor.name)}, expected {tensor.sizes(axes)}"


def _module_of(node: onnx.NodeProto) -> str:
    metadata = {entry.key: entry.value for entry in node.metadata_props}
    return metadata.get("pkg.torch.onnx.name_scopes", node.name) or "no name"
