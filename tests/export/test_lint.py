"""What every engine can run: of each released bundle, and of what breaks it."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from mvmono3d.core.resources import resource_folder
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.detect.bundle import IMAGES, OUTPUTS, is_detector_bundle, read_detector_bundle
from mvmono3d.deploy.interface import TensorSpec
from mvmono3d.errors import ConfigurationError
from mvmono3d.export.lint import lint, refuse_unportable

FOLDERS = sorted(path.parent for path in resource_folder("deploy", "models").glob("*/manifest.json"))
RELEASED = [folder.name for folder in FOLDERS if not is_detector_bundle(folder)]
DETECTORS = [folder for folder in FOLDERS if is_detector_bundle(folder)]
CROPS = TensorSpec(name="crops", dtype="float32", shape="batch 1 8 8")
JOINTS = TensorSpec(name="joints", dtype="float32", shape="batch 3 2")


@pytest.mark.parametrize("name", RELEASED)
def test_every_graph_of_a_released_bundle_runs_everywhere(name: str):
    bundle = read_bundle(resource_folder("deploy", "models", name))
    for graph in bundle.manifest.graphs:
        model = onnx.shape_inference.infer_shapes(onnx.load(bundle.path_of(graph)))
        refuse_unportable(model, bundle.axes(graph))
        values = [value.type.tensor_type for value in model.graph.value_info]
        assert len(values) > len(model.graph.node) / 2
        assert all(size.dim_value for value in values for size in value.shape.dim)


@pytest.mark.parametrize("folder", DETECTORS, ids=lambda folder: folder.name)
def test_every_graph_of_a_released_detector_runs_for_any_number_of_crops(folder: Path):
    bundle = read_detector_bundle(folder)
    for graph in bundle.manifest.graphs:
        cells = graph.size // 4
        joints = len(bundle.manifest.skeleton.joints)
        refuse_unportable(
            onnx.shape_inference.infer_shapes(onnx.load(bundle.path_of(graph)), data_prop=True),
            {"size": graph.size, "joint": joints, "row": cells, "column": cells},
            inputs=IMAGES,
            outputs=OUTPUTS[graph.role],
            free=("view",),
            # Detectors have unsigned 8-bit integers, twice as fine behind a ReLU.
            cpu_only=graph.precision == "int8",
        )


def _detector(
    *nodes: onnx.NodeProto, batch: int | str = "batch", opset: int = 20, **constants
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes), "g",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, [batch, 1, 8, 8])],
        [helper.make_tensor_value_info("joints", TensorProto.FLOAT, [batch, 3, 2])],
        list(constants.values()),
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def _lint(model: onnx.ModelProto, **axes: int) -> list[str]:
    free = () if axes else ("batch",)
    return list(lint(model, axes=axes, inputs=(CROPS,), outputs=(JOINTS,), free=free))


def test_another_interface_with_an_open_batch_passes_the_same_lint():
    assert _lint(_detector()) == []
    assert _lint(_detector(batch=4), batch=4) == []


def test_an_axis_is_open_only_where_that_is_promised():
    assert _lint(_detector(), batch=4) == [
        "input crops: (0, 1, 8, 8), expected (4, 1, 8, 8)",
        "output joints: (0, 3, 2), expected (4, 3, 2)",
    ]


def _constant(name: str, kind: int, values: list[int]) -> onnx.TensorProto:
    return helper.make_tensor(name, kind, [len(values)], values)


@pytest.mark.parametrize("kind", ["If", "Loop", "Scan", "NonZero", "Unique", "Compress", "Det", "GridSample"])
def test_control_flow_and_shapes_that_depend_on_data_are_named(kind: str):
    (problem,) = _lint(_detector(helper.make_node(kind, ["crops"], ["x"], name="here")))
    assert problem == f"{kind} (here): not among the operators that every engine runs"


@pytest.mark.parametrize(("k", "fine"), [(3840, True), (3841, False), (0, False)])
def test_topk_takes_a_constant_number_that_tensorrt_can_sort(k: int, fine: bool):
    node = helper.make_node("TopK", ["crops", "k"], ["values", "places"])
    problems = _lint(_detector(node, k=_constant("k", TensorProto.INT64, [k])))
    assert (problems == []) is fine
    varying = helper.make_node("TopK", ["crops", "joints"], ["values", "places"])
    assert "K must be a constant" in _lint(_detector(varying))[0]


@pytest.mark.parametrize(
    ("kind", "zero", "fine"),
    [(TensorProto.INT8, 0, True), (TensorProto.INT8, 3, False), (TensorProto.UINT8, 0, False)],
)
def test_quantised_values_are_signed_and_have_zero_point_zero_but_for_cpus(kind: int, zero: int, fine: bool):
    node = helper.make_node("QuantizeLinear", ["crops", "scale", "zero"], ["q"])
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [0.1])
    model = _detector(node, scale=scale, zero=_constant("zero", kind, [zero]))
    assert (_lint(model) == []) is fine
    assert not list(lint(model, axes={}, inputs=(CROPS,), outputs=(JOINTS,), free=("batch",), cpu_only=True))


@pytest.mark.parametrize(
    ("kind", "shape", "words"),
    [
        (TensorProto.DOUBLE, [4], "inner: float64, TensorRT has none"),
        (TensorProto.FLOAT, ["found"], "inner: its shape depends on the data, expected fixed sizes"),
        (TensorProto.FLOAT, [None], "inner: its shape depends on the data, expected fixed sizes"),
        (TensorProto.FLOAT, None, "inner: its shape depends on the data, expected fixed sizes"),
    ],
)
def test_values_inside_have_fixed_sizes_and_no_float64(kind: int, shape: list | None, words: str):
    model = _detector()
    model.graph.value_info.append(helper.make_tensor_value_info("inner", kind, shape))
    assert _lint(model) == [words]


def test_an_opset_that_no_parser_takes_is_named():
    assert "opset" in _lint(_detector(opset=26))[0]
    assert "opset" in _lint(_detector(opset=8))[0]


def test_what_would_not_run_everywhere_is_refused_in_one_line(bundle_folder: Path):
    model = onnx.load(bundle_folder / "model.onnx")
    model.graph.node.append(helper.make_node("NonZero", ["pixels"], ["places"]))
    with pytest.raises(ConfigurationError, match="would not run everywhere: NonZero"):
        refuse_unportable(model, {"view": 4, "joint": 3, "state": 3})
