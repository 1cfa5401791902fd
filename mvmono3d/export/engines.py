"""TensorRT engines of a bundle, built on the machine that will run them. Needs neither torch nor onnx."""

from pathlib import Path

from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.engines.cuda import CudaDevice
from mvmono3d.deploy.engines.load import plan_key
from mvmono3d.deploy.engines.plan import plan_folder, tensorrt_module, write_plan
from mvmono3d.export.tensorrt import build_plan


def build_engines(folder: Path) -> list[Path]:
    """Build a plan for every graph of a bundle into the user's cache; returns where they lie.

    Raises `MissingDependencyError` without TensorRT or CUDA's bindings, `EngineError` without a GPU.
    """
    bundle, trt = read_bundle(folder), tensorrt_module()
    gpu, plans = CudaDevice().gpu, plan_folder()
    built: list[Path] = []
    for graph in bundle.manifest.graphs:
        key = plan_key(graph, gpu, tensorrt=trt.__version__)
        plan = build_plan(
            bundle.path_of(graph).read_bytes(), trt=trt, timing_cache=plans / f"{key.machine}.timing"
        )
        built.append(write_plan(plans, key, plan))
    return built
