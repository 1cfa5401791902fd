"""TensorRT engines of a bundle, built on the machine that will run them. Needs neither torch nor onnx."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.detect.bundle import is_detector_bundle, read_detector_bundle
from mvmono3d.deploy.detect.network import batch_shapes
from mvmono3d.deploy.engines.cuda import CudaDevice
from mvmono3d.deploy.engines.load import plan_key
from mvmono3d.deploy.engines.plan import ShapeRange, plan_folder, tensorrt_module, write_plan
from mvmono3d.deploy.manifest import BundleFile
from mvmono3d.errors import ConfigurationError
from mvmono3d.export.tensorrt import build_plan


class _Graph(NamedTuple):
    """What an engine is built of."""

    file: BundleFile
    path: Path
    shapes: dict[str, ShapeRange]


def build_engines(folder: Path) -> list[Path]:
    """Build a plan for every graph of a bundle into the user's cache; returns where they lie.

    Raises `MissingDependencyError` without TensorRT or CUDA's bindings, `EngineError` without a GPU,
    `ConfigurationError` for a detector in int8, whose integers are unsigned.
    """
    graphs, trt = list(_graphs(folder)), tensorrt_module()
    gpu, plans = CudaDevice().gpu, plan_folder()
    built: list[Path] = []
    for graph in graphs:
        key = plan_key(graph.file, gpu, tensorrt=trt.__version__, shapes=graph.shapes)
        timing = plans / f"{key.machine}.timing"
        plan = build_plan(graph.path.read_bytes(), trt=trt, timing_cache=timing, shapes=graph.shapes)
        built.append(write_plan(plans, key, plan))
    return built


def _graphs(folder: Path) -> Iterator[_Graph]:
    if not is_detector_bundle(folder):
        bundle = read_bundle(folder)
        yield from (_Graph(graph.file, bundle.path_of(graph), {}) for graph in bundle.manifest.graphs)
        return
    detector = read_detector_bundle(folder)
    for graph in detector.manifest.graphs:
        if graph.precision == "int8":
            raise ConfigurationError(
                f"{folder}: {graph.role} in int8 is for CPUs, TensorRT takes no unsigned integers; export "
                "the checkpoint again with --precision fp16"
            )
        yield _Graph(graph.file, detector.path_of(graph), batch_shapes(graph))
