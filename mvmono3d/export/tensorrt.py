"""Build a TensorRT plan from an ONNX graph, on the machine that will run it. Needs neither torch nor onnx.

Strongly typed: every number has the type that the graph says, and precision is chosen there, once, for all
engines. The same calls exist in TensorRT 10.16 and 11. Never run on a GPU so far: see the limits.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mvmono3d.core.schema import atomic_write
from mvmono3d.deploy.engines.plan import ShapeRange
from mvmono3d.errors import ConfigurationError, EngineError

_WORKSPACE_BYTES = 1 << 30
_OPTIMISATION = 4
"""Of 0 to 5: tries more kernels than the usual 3; our graphs are small."""


def build_plan(
    onnx: bytes, *, trt: ModuleType, timing_cache: Path, shapes: Mapping[str, ShapeRange] | None = None
) -> bytes:
    """Return the plan of a graph.

    Args:
        onnx: the ONNX file's content.
        trt: the tensorrt module.
        timing_cache: what earlier builds measured on this GPU; read where there is one, and written.
        shapes: least, usual and greatest shape of each input whose size may differ.

    Raises `ConfigurationError` when the graph can't be parsed or a shape is refused, `EngineError` when no
    plan comes out.
    """
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    # Version 11 knows no other networks and ignores the flag; version 10 needs it.
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    # Holds the weights that the network points to: it has to live as long.
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx):
        raise ConfigurationError(f"TensorRT {trt.__version__} can't parse the graph: {_problems(parser)}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE_BYTES)
    config.builder_optimization_level = _OPTIMISATION
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    cache = config.create_timing_cache(_read(timing_cache))
    if not config.set_timing_cache(cache, False):
        raise EngineError(f"TensorRT refused {timing_cache}: it is of another GPU or version; remove it")
    _set_shapes(builder, config, network, shapes or {})
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError("TensorRT could not build the graph; its log above says which node")
    _write(timing_cache, bytes(config.get_timing_cache().serialize()))
    return bytes(plan)


def _problems(parser: Any) -> str:
    problems = [parser.get_error(place) for place in range(parser.num_errors)]
    return "; ".join(f"node {each.node()}: {each.desc()}" for each in problems[:5])


def _set_shapes(builder: Any, config: Any, network: Any, shapes: Mapping[str, ShapeRange]) -> None:
    inputs = [network.get_input(place) for place in range(network.num_inputs)]
    loose = {each.name for each in inputs if -1 in tuple(each.shape)}
    if loose != set(shapes):
        raise ConfigurationError(
            f"shapes for {', '.join(sorted(shapes)) or 'no input'}, but the graph leaves open those of "
            f"{', '.join(sorted(loose)) or 'no input'}"
        )
    if not shapes:
        return
    profile = builder.create_optimization_profile()
    for name, (least, usual, greatest) in shapes.items():
        profile.set_shape(name, least, usual, greatest)
    if config.add_optimization_profile(profile) < 0:
        raise ConfigurationError(f"TensorRT refused the shapes {dict(shapes)}")


def _read(path: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return b""


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)
