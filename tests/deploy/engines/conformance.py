"""Run our TensorRT and CUDA code against the real bindings' classes, mocked; one version per process.

`tensorrt_bindings` and `cuda.bindings` must be importable. A name that the classes lack, a property that
can't be set, or a call with a number of arguments that no overload takes, ends the program with an error.
"""

import re
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tensorrt_bindings as trt  # pyright: ignore[reportMissingImports]
from cuda.bindings import runtime as cuda  # pyright: ignore[reportMissingImports]

from mvmono3d.deploy.engines.cuda import CudaDevice
from mvmono3d.deploy.engines.tensorrt import TensorRTEngine
from mvmono3d.errors import ConfigurationError, EngineError
from mvmono3d.export.tensorrt import build_plan

CROPS, JOINTS = (4, 1, 8, 8), (4, 3)
LEAST_CALLS = 25
USED = (
    "Builder", "ICudaEngine", "IBuilderConfig", "IExecutionContext", "INetworkDefinition",
    "IOptimizationProfile", "ITimingCache", "IHostMemory", "OnnxParser", "ParserError", "Runtime", "ITensor",
)  # fmt: skip


def main() -> None:
    """Build, run and use the device; print the versions when all names and calls exist."""
    made = {name: mock.create_autospec(getattr(trt, name), instance=True, spec_set=True) for name in USED}
    module = _module(made)
    _build(made, module)
    _run(made, module)
    _refuse(made, module)
    compared = sum(_check_calls(getattr(trt, name), each) for name, each in made.items())
    assert compared >= LEAST_CALLS, f"{compared} calls compared: signatures are written otherwise now"
    _cuda()
    print(f"tensorrt {trt.__version__}")  # noqa: T201


def _module(made: dict[str, Any]) -> ModuleType:
    """The real module, but for the three classes that need the library to be made."""
    module = ModuleType("tensorrt")
    module.__dict__.update({name: getattr(trt, name) for name in dir(trt) if not name.startswith("__")})
    module.__dict__.update(__version__=trt.__version__)
    for name in ("Builder", "OnnxParser", "Runtime"):
        setattr(module, name, mock.Mock(return_value=made[name]))
    return module


def _build(made: dict[str, Any], module: ModuleType) -> None:
    builder, config, network = made["Builder"], made["IBuilderConfig"], made["INetworkDefinition"]
    builder.create_network.return_value = network
    builder.create_builder_config.return_value = config
    builder.create_optimization_profile.return_value = made["IOptimizationProfile"]
    builder.build_serialized_network.return_value = b"plan"
    made["OnnxParser"].parse.return_value = True
    network.num_inputs = 1
    network.get_input.return_value = made["ITensor"]
    made["ITensor"].name, made["ITensor"].shape = "crops", (-1, *CROPS[1:])
    config.add_optimization_profile.return_value = 0
    config.create_timing_cache.return_value = config.get_timing_cache.return_value = made["ITimingCache"]
    config.set_timing_cache.return_value = True
    made["ITimingCache"].serialize.return_value = b"timing"
    with tempfile.TemporaryDirectory() as folder:
        timing = Path(folder) / "timing"
        shapes = {"crops": ((1, *CROPS[1:]), CROPS, (8, *CROPS[1:]))}
        assert build_plan(b"onnx", trt=module, timing_cache=timing, shapes=shapes) == b"plan"
        assert timing.read_bytes() == b"timing"
    (flags,) = builder.create_network.call_args.args
    assert flags == 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def _run(made: dict[str, Any], module: ModuleType) -> None:
    engine, context = made["ICudaEngine"], made["IExecutionContext"]
    made["Runtime"].deserialize_cuda_engine.return_value = engine
    engine.create_execution_context.return_value = context
    engine.num_io_tensors = 2
    engine.get_tensor_name.side_effect = ["crops", "joints"].__getitem__
    modes = {"crops": trt.TensorIOMode.INPUT, "joints": trt.TensorIOMode.OUTPUT}
    engine.get_tensor_mode.side_effect = modes.__getitem__
    engine.get_tensor_dtype.return_value = trt.DataType.FLOAT
    context.set_input_shape.return_value = context.set_tensor_address.return_value = True
    context.infer_shapes.return_value = []
    context.get_tensor_shape.side_effect = {"crops": CROPS, "joints": JOINTS}.__getitem__
    context.execute_async_v3.return_value = True
    device = mock.Mock(stream=7, pinned=lambda shape, dtype: np.zeros(shape, dtype))
    ours = TensorRTEngine(b"plan", trt=module, device=device)
    for _ in range(3):
        assert ours.run({"crops": np.zeros(CROPS, np.float32)})["joints"].shape == JOINTS
    ours.close()


def _refuse(made: dict[str, Any], module: ModuleType) -> None:
    """Take the way of a graph that TensorRT can't parse."""
    parser, error = made["OnnxParser"], made["ParserError"]
    parser.parse.return_value, parser.num_errors = False, 1
    parser.get_error.return_value = error
    error.node.return_value, error.desc.return_value = 3, "no such operator"
    with pytest.raises(ConfigurationError, match="node 3: no such operator"):
        build_plan(b"onnx", trt=module, timing_cache=Path("none"))


def _check_calls(real: type, mocked: Any) -> int:
    """Compare every call with the signatures that the bindings' documentation states; return how many."""
    compared = 0
    for name, args, kwargs in mocked.method_calls:
        counts = _counts(getattr(real, name).__doc__ or "")
        given = len(args) + len(kwargs) + 1
        assert not counts or any(least <= given <= most for least, most in counts), (real, name, args)
        compared += bool(counts)
    return compared


def _counts(words: str) -> list[tuple[int, int]]:
    """Return least and greatest number of arguments of each overload, `self` among them."""
    found = []
    for line in re.findall(r"^\s*(?:\d+\. )?\w+\((self.*)\) ->", words, flags=re.MULTILINE):
        depth, parts = 0, [""]
        for letter in line:
            depth += (letter in "[(<") - (letter in "])>")
            parts = [*parts, ""] if letter == "," and depth == 0 else [*parts[:-1], parts[-1] + letter]
        found.append((sum("=" not in part.split(":", 1)[-1] for part in parts), len(parts)))
    return found


def _cuda() -> None:
    """Use every function of the device on mocks of the real ones; then ask the real ones for a GPU."""
    fake = mock.create_autospec(cuda, spec_set=True)
    ok = mock.MagicMock()
    ok.__int__.return_value = 0
    for name in dir(cuda):
        if (
            name.startswith("cuda")
            and callable(getattr(cuda, name))
            and not isinstance(getattr(cuda, name), type)
        ):
            getattr(fake, name).return_value = (ok, 5)
    fake.cudaGetDeviceProperties.return_value = (ok, mock.Mock(name="properties"))
    array = np.zeros(3, np.float32)
    device = CudaDevice(fake)
    address = device.allocate(12)
    device.upload(address, array)
    device.begin_capture()
    device.download(array, address)
    graph = device.end_capture()
    device.launch(graph)
    device.discard(graph)
    device.wait()
    device.release(address)
    device.release_pinned(array)
    if cuda.cudaGetDeviceCount()[1] == 0:
        with pytest.raises(EngineError, match=r"cudaSetDevice: .*see nvidia-smi"):
            CudaDevice(cuda)


if __name__ == "__main__":
    main()
