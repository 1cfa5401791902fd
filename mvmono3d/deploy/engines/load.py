"""A graph of a bundle on the engine that was asked for: that one, or an error."""

from collections.abc import Mapping

from mvmono3d.deploy.bundle import Bundle
from mvmono3d.deploy.engines.cuda import CudaDevice, Gpu
from mvmono3d.deploy.engines.onnxruntime import PROVIDERS, Engine
from mvmono3d.deploy.engines.plan import PlanKey, ShapeRange, plan_folder, read_plan, tensorrt_module
from mvmono3d.deploy.engines.tensorrt import TensorRTEngine
from mvmono3d.deploy.manifest import BundleFile, GraphFile
from mvmono3d.errors import unknown_name

TENSORRT = "tensorrt"
ENGINES = (*PROVIDERS, TENSORRT)
"""What `--engine` takes: onnxruntime on the CPU or by CUDA, or TensorRT."""


def load_graph(
    bundle: Bundle, graph: GraphFile, *, threads: int = 1, engine: str = "cpu"
) -> Engine | TensorRTEngine:
    """Load a graph of a bundle and check the names of its tensors.

    Args:
        bundle: that holds it.
        graph: one of the bundle's.
        threads: of onnxruntime on the CPU.
        engine: one of `ENGINES`.
    """
    path, manifest = bundle.path_of(graph), bundle.manifest
    if engine == TENSORRT:
        loaded = load_plan(graph.file, how=f"mvmono3d export {bundle.folder} --tensorrt")
    elif engine in PROVIDERS:
        loaded = Engine(path, threads=threads, provider=PROVIDERS[engine])
    else:
        raise unknown_name("engine", engine, ENGINES)
    loaded.check(manifest.inputs, manifest.outputs)
    return loaded


def plan_key(
    file: BundleFile, gpu: Gpu, *, tensorrt: str, shapes: Mapping[str, ShapeRange] | None = None
) -> PlanKey:
    """Return what the plan of a graph's file depends on; `shapes` of inputs whose size may differ."""
    return PlanKey(
        onnx_sha256=file.sha256,
        gpu=gpu.name,
        capability=gpu.capability,
        tensorrt=tensorrt,
        shapes=dict(shapes or {}),
    )


def load_plan(
    file: BundleFile, *, how: str, shapes: Mapping[str, ShapeRange] | None = None
) -> TensorRTEngine:
    """Return the engine of a graph's file, built on this machine before; `how` is the command that builds it.

    Raises `InvalidFileError` where it was not built, and what `tensorrt_module` and `CudaDevice` raise.
    """
    trt, device = tensorrt_module(), CudaDevice()
    key = plan_key(file, device.gpu, tensorrt=trt.__version__, shapes=shapes)
    return TensorRTEngine(read_plan(plan_folder(), key, how=how), trt=trt, device=device)
