"""The little of CUDA that an engine needs: memory, one stream, captured graphs. Through cuda-bindings.

Addresses are plain integers. Never run on a GPU so far: see the limits.
"""

import ctypes
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mvmono3d.errors import EngineError, MissingDependencyError


@runtime_checkable
class Device(Protocol):
    """A GPU's memory and its one stream of work."""

    stream: int

    def allocate(self, size_bytes: int) -> int:
        """Return the address of memory on the device."""
        ...

    def pinned(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return an array whose memory the device copies from and to without a detour."""
        ...

    def release(self, address: int) -> None:
        """Give memory on the device back."""
        ...

    def release_pinned(self, array: np.ndarray) -> None:
        """Give an array of `pinned` back; it must not be used any more."""
        ...

    def upload(self, address: int, array: np.ndarray) -> None:
        """Queue a copy to the device."""
        ...

    def download(self, array: np.ndarray, address: int) -> None:
        """Queue a copy from the device."""
        ...

    def begin_capture(self) -> None:
        """Record what is queued from here on instead of doing it."""
        ...

    def end_capture(self) -> Any:
        """Stop recording and return what can be launched."""
        ...

    def launch(self, graph: Any) -> None:
        """Queue a recorded graph."""
        ...

    def discard(self, graph: Any) -> None:
        """Give a recorded graph back."""
        ...

    def wait(self) -> None:
        """Wait until everything queued is done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """What an engine's plan depends on."""

    name: str
    capability: str
    """Compute capability, such as "9.0"."""


class CudaDevice:
    """A GPU through cuda-bindings."""

    def __init__(self, runtime: ModuleType | None = None, *, index: int = 0) -> None:
        """Take the GPU of that index; raises `EngineError` when there is none."""
        self._runtime = cuda_runtime() if runtime is None else runtime
        self._do("cudaSetDevice", index)
        self.stream = int(self._do("cudaStreamCreateWithFlags", self._runtime.cudaStreamNonBlocking))
        self.gpu = self._describe(index)

    def allocate(self, size_bytes: int) -> int:
        """Return the address of memory on the device."""
        return int(self._do("cudaMalloc", size_bytes))

    def pinned(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return an array in memory that the device reaches without a detour."""
        size = max(int(np.prod(shape)) * dtype.itemsize, 1)
        address = int(self._do("cudaMallocHost", size))
        memory = memoryview((ctypes.c_byte * size).from_address(address))
        return np.frombuffer(memory, dtype=dtype, count=int(np.prod(shape))).reshape(shape)

    def release(self, address: int) -> None:
        """Give memory on the device back."""
        self._do("cudaFree", address)

    def release_pinned(self, array: np.ndarray) -> None:
        """Give an array of `pinned` back; it must not be used any more."""
        self._do("cudaFreeHost", array.ctypes.data)

    def upload(self, address: int, array: np.ndarray) -> None:
        """Queue a copy to the device."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._do("cudaMemcpyAsync", address, array.ctypes.data, array.nbytes, kind, self.stream)

    def download(self, array: np.ndarray, address: int) -> None:
        """Queue a copy from the device."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._do("cudaMemcpyAsync", array.ctypes.data, address, array.nbytes, kind, self.stream)

    def begin_capture(self) -> None:
        """Record what this thread queues from here on."""
        # Other threads may allocate while it records.
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._do("cudaStreamBeginCapture", self.stream, mode)

    def end_capture(self) -> Any:
        """Stop recording and return what can be launched."""
        graph = self._do("cudaStreamEndCapture", self.stream)
        try:
            return self._do("cudaGraphInstantiate", graph, 0)
        finally:
            self._do("cudaGraphDestroy", graph)

    def launch(self, graph: Any) -> None:
        """Queue a recorded graph."""
        self._do("cudaGraphLaunch", graph, self.stream)

    def discard(self, graph: Any) -> None:
        """Give a recorded graph back."""
        self._do("cudaGraphExecDestroy", graph)

    def wait(self) -> None:
        """Wait until everything queued is done."""
        self._do("cudaStreamSynchronize", self.stream)

    def _describe(self, index: int) -> Gpu:
        attributes = self._runtime.cudaDeviceAttr
        major, minor = (
            int(self._do("cudaDeviceGetAttribute", attribute, index))
            for attribute in (
                attributes.cudaDevAttrComputeCapabilityMajor,
                attributes.cudaDevAttrComputeCapabilityMinor,
            )
        )
        name = self._do("cudaGetDeviceProperties", index).name
        return Gpu(
            name=name.decode() if isinstance(name, bytes) else str(name), capability=f"{major}.{minor}"
        )

    def _do(self, function: str, *arguments: Any) -> Any:
        """Call CUDA and return its result; every call says first how it went."""
        status, *results = getattr(self._runtime, function)(*arguments)
        if int(status) != 0:
            raise EngineError(
                f"{function}: {getattr(status, 'name', status)}; see nvidia-smi for driver and GPU"
            )
        return results[0] if results else None


def cuda_runtime() -> ModuleType:
    """Import CUDA's runtime; raises `MissingDependencyError` with what brings it."""
    try:
        from cuda.bindings import runtime  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingDependencyError(
            f"TensorRT needs cuda-bindings ({error}); pip install 'mvmono3d[tensorrt]'"
        ) from None
    return runtime
