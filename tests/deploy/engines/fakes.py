"""A GPU and a TensorRT that run on the CPU: device memory is host memory, kernels are onnxruntime.

They are strict where the real ones corrupt: memory that was given back is poisoned, work queued while a graph
is recorded is not done, a recorded graph uses the addresses it was recorded with.
"""

import ctypes
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import onnx
import onnxruntime

Work = list[Callable[[], None]]


class FakeDevice:
    """Memory, one stream, and a count of what was done."""

    def __init__(self) -> None:
        self.stream = 7
        self.memory: dict[int, Any] = {}
        self.recording: Work | None = None
        self.queue: Work = []
        self.did: list[str] = []

    def allocate(self, size_bytes: int) -> int:
        block = ctypes.create_string_buffer(size_bytes)
        address = ctypes.addressof(block)
        self.memory[address] = block
        return address

    def pinned(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return np.zeros(shape, dtype)

    def release(self, address: int) -> None:
        block = self.memory.pop(address)
        ctypes.memset(block, 0xFF, len(block))
        self.did.append("release")

    def release_pinned(self, array: np.ndarray) -> None:
        del array

    def upload(self, address: int, array: np.ndarray) -> None:
        assert address in self.memory
        self.put(lambda: ctypes.memmove(address, array.ctypes.data, array.nbytes))

    def download(self, array: np.ndarray, address: int) -> None:
        assert address in self.memory
        self.put(lambda: ctypes.memmove(array.ctypes.data, address, array.nbytes))

    def put(self, work: Callable[[], Any]) -> None:
        (self.queue if self.recording is None else self.recording).append(work)

    def begin_capture(self) -> None:
        self.recording = []
        self.did.append("capture")

    def end_capture(self) -> Work:
        graph, self.recording = self.recording, None
        assert graph is not None
        return graph

    def launch(self, graph: Work) -> None:
        self.did.append("launch")
        self.queue.extend(graph)

    def discard(self, graph: Work) -> None:
        graph.clear()
        self.did.append("discard")

    def wait(self) -> None:
        while self.queue:
            self.queue.pop(0)()


class _Engine:
    """A deserialised plan; the plan is the ONNX file."""

    def __init__(self, plan: bytes, device: FakeDevice) -> None:
        self.graph = onnx.load_from_string(plan).graph
        self.session = onnxruntime.InferenceSession(plan, providers=["CPUExecutionProvider"])
        self.device = device
        self.values = [*self.graph.input, *self.graph.output]
        self.num_io_tensors = len(self.values)

    def get_tensor_name(self, place: int) -> str:
        return self.values[place].name

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name in [value.name for value in self.graph.input] else "out"

    def get_tensor_dtype(self, name: str) -> int:
        return next(value.type.tensor_type.elem_type for value in self.values if value.name == name)

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        value = next(value for value in self.values if value.name == name)
        return tuple(size.dim_value or -1 for size in value.type.tensor_type.shape.dim)

    def create_execution_context(self) -> "_Context":
        return _Context(self)


class _Context:
    """Shapes and addresses of one run."""

    def __init__(self, engine: _Engine) -> None:
        self.engine = engine
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        built = self.engine.get_tensor_shape(name)
        fits = len(built) == len(shape) and all(b in (-1, s) for b, s in zip(built, shape, strict=True))
        if fits:
            self.shapes[name] = shape
        return fits

    def infer_shapes(self) -> list[str]:
        given = [value.name for value in self.engine.graph.input]
        zeros = {name: np.zeros(self.shapes[name], self._dtype(name)) for name in given}
        names = [value.name for value in self.engine.graph.output]
        outputs = self.engine.session.run(None, zeros)
        self.shapes |= {name: np.asarray(output).shape for name, output in zip(names, outputs, strict=True)}
        return []

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.shapes[name]

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == self.engine.device.stream
        addresses, shapes = dict(self.addresses), dict(self.shapes)
        self.engine.device.put(lambda: self._work(addresses, shapes))
        return True

    def _work(self, addresses: dict[str, int], shapes: dict[str, tuple[int, ...]]) -> None:
        views = {name: self._view(name, addresses[name], shapes[name]) for name in addresses}
        feed = {value.name: views[value.name].copy() for value in self.engine.graph.input}
        names = [value.name for value in self.engine.graph.output]
        for name, output in zip(names, self.engine.session.run(None, feed), strict=True):
            views[name][...] = output

    def _view(self, name: str, address: int, shape: tuple[int, ...]) -> np.ndarray:
        assert address in self.engine.device.memory, "memory that was given back"
        dtype = self._dtype(name)
        size = int(np.prod(shape)) * dtype.itemsize
        block = memoryview((ctypes.c_byte * size).from_address(address))
        return np.frombuffer(block, dtype, count=int(np.prod(shape))).reshape(shape)

    def _dtype(self, name: str) -> np.dtype:
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(self.engine.get_tensor_dtype(name)))


def fake_tensorrt(device: FakeDevice) -> ModuleType:
    """What the engine uses of the tensorrt module."""

    def load(plan: bytes) -> _Engine | None:
        return None if plan.startswith(b"none") else _Engine(plan, device)

    module = ModuleType("tensorrt")
    module.__dict__.update(
        Logger=mock.Mock(),
        Runtime=lambda logger: SimpleNamespace(deserialize_cuda_engine=load),
        TensorIOMode=SimpleNamespace(INPUT="in"),
        nptype=onnx.helper.tensor_dtype_to_np_dtype,
    )
    return module
