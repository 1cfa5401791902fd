"""Small ONNX files whose answers are known: they look for what is bright."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def simcc(path: Path, *, joints: int, height: int, width: int, batch: int | str = "batch") -> Path:
    """Score columns and rows by their brightness, joint k by (k + 1) / joints of it, two bins per pixel."""
    nodes = [
        helper.make_node("ReduceMax", ["picture"], ["grey"], axes=[1], keepdims=0),
        *_axis("x", axis=1),
        *_axis("y", axis=2),
    ]
    outputs = [("simcc_x", [batch, joints, 2 * width]), ("simcc_y", [batch, joints, 2 * height])]
    return _write(path, nodes, ("picture", [batch, 3, height, width]), outputs, [_weights(joints)])


def heatmap(path: Path, *, joints: int, height: int, width: int) -> Path:
    """Give every joint the brightness of cells of 4 x 4 pixels."""
    nodes = [
        helper.make_node("ReduceMax", ["picture"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["grey"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Mul", ["cells", "square_weights"], ["maps"]),
    ]
    outputs = [("maps", ["batch", joints, height // 4, width // 4])]
    weights = numpy_helper.from_array(numpy_helper.to_array(_weights(joints))[..., None], "square_weights")
    return _write(path, nodes, ("picture", ["batch", 3, height, width]), outputs, [weights])


def finder(path: Path, *, size: int) -> Path:
    """Give what is bright as the density, and the brightest pixel as the presence."""
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["grey"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("ReduceMax", ["cells"], ["flat"], axes=[1], keepdims=0),
        helper.make_node("Add", ["flat", "little"], ["raised"]),
        helper.make_node("ReduceSum", ["raised", "axes"], ["sum"], keepdims=1),
        helper.make_node("Div", ["raised", "sum"], ["density"]),
        helper.make_node("ReduceMax", ["flat"], ["presence"], axes=[1, 2], keepdims=0),
    ]
    outputs = [("density", ["view", size // 4, size // 4]), ("presence", ["view"])]
    constants = [
        numpy_helper.from_array(np.float32(1e-7).reshape(1), "little"),
        numpy_helper.from_array(np.array([1, 2], dtype=np.int64), "axes"),
    ]
    return _write(path, nodes, ("images", ["view", 1, size, size]), outputs, constants)


def _axis(name: str, *, axis: int) -> list[onnx.NodeProto]:
    """Reduce over rows (1) or columns (2)."""
    lying = [0, 1, 2] if axis == 1 else [0, 2, 1]
    return [
        helper.make_node("ReduceMax", ["grey"], [f"{name}_reduced"], axes=[axis], keepdims=1),
        helper.make_node("Transpose", [f"{name}_reduced"], [f"{name}_line"], perm=lying),
        helper.make_node("Mul", [f"{name}_line", "weights"], [f"{name}_lines"]),
        helper.make_node(
            "Resize",
            [f"{name}_lines", "", "twice"],
            [f"simcc_{name}"],
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
    ]


def _weights(joints: int) -> onnx.TensorProto:
    values = (np.arange(joints, dtype=np.float32) + 1.0) / joints
    return numpy_helper.from_array(values.reshape(1, joints, 1), "weights")


def _write(
    path: Path,
    nodes: list[onnx.NodeProto],
    picture: tuple[str, list[int | str]],
    outputs: list[tuple[str, list[int | str]]],
    constants: list[onnx.TensorProto],
) -> Path:
    twice = numpy_helper.from_array(np.array([1.0, 1.0, 2.0], dtype=np.float32), "twice")
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info(picture[0], TensorProto.FLOAT, picture[1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [*constants, twice],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.save(model, path)
    return path
