"""Run a plan with TensorRT 10.16 or 11: one context, one stream, one captured graph.

The first call with given shapes binds buffers and runs plainly, which lets TensorRT finish its own set-up;
the second records copies and work as a CUDA graph, and later ones launch it. Other shapes bind and record
anew. Never run on a GPU so far: see the limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from mvmono3d.deploy.engines.cuda import Device
from mvmono3d.deploy.interface import TensorSpec, check_names
from mvmono3d.errors import EngineError, InvalidFileError, InvalidRecordError

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Buffer:
    """A tensor's memory on the host, where the device can reach it, and on the device."""

    host: np.ndarray
    address: int


class TensorRTEngine:
    """One plan, loaded and ready; holds the device's memory until `close`."""

    def __init__(self, plan: bytes, *, trt: ModuleType, device: Device, cuda_graph: bool = True) -> None:
        """Load a plan.

        Args:
            plan: what `export.tensorrt.build_plan` built on this machine.
            trt: the tensorrt module.
            device: where it runs.
            cuda_graph: record and replay; without it every call queues all work anew.
        """
        self._trt, self._device, self._record = trt, device, cuda_graph
        self._logger = trt.Logger(trt.Logger.WARNING)
        self._runtime = trt.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise InvalidFileError(
                "TensorRT can't load the plan: another version or GPU built it; build it again"
            )
        self._context = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(place) for place in range(self._engine.num_io_tensors)]
        self.input_names: tuple[str, ...] = tuple(name for name in names if self._is_input(name))
        self.output_names: tuple[str, ...] = tuple(name for name in names if not self._is_input(name))
        self._shapes: Shapes = {}
        self._buffers: dict[str, _Buffer] = {}
        self._graph: Any = None
        self._warm = False

    def check(self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        """Raise `InvalidFileError` unless the plan's tensors carry the promised names and types."""
        check_names(inputs, outputs, got_inputs=self.input_names, got_outputs=self.output_names)
        for tensor in (*inputs, *outputs):
            if str(self._dtype(tensor.name)) != tensor.dtype:
                raise InvalidFileError(
                    f"plan with {tensor.name} in {self._dtype(tensor.name)}, expected {tensor.dtype}"
                )

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run one set of frames."""
        arrays = self._checked(inputs)
        shapes: Shapes = {name: array.shape for name, array in arrays.items()}
        if shapes != self._shapes:
            self._bind(shapes)
        for name, array in arrays.items():
            np.copyto(self._buffers[name].host, array)
        if self._graph is not None:
            self._device.launch(self._graph)
        elif self._record and self._warm:
            self._capture()
        else:
            self._enqueue()
            self._warm = True
        self._device.wait()
        return {name: self._buffers[name].host.copy() for name in self.output_names}

    def close(self) -> None:
        """Give the device's memory back; the engine can run again and takes new memory then."""
        self._device.wait()
        self._forget_graph()
        for buffer in self._buffers.values():
            self._device.release(buffer.address)
            self._device.release_pinned(buffer.host)
        self._buffers, self._shapes = {}, {}

    def _is_input(self, name: str) -> bool:
        return self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT

    def _dtype(self, name: str) -> np.dtype:
        return np.dtype(self._trt.nptype(self._engine.get_tensor_dtype(name)))

    def _checked(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if set(inputs) != set(self.input_names):
            raise InvalidRecordError(
                f"the plan refused its inputs: {', '.join(sorted(inputs))}; expected "
                f"{', '.join(sorted(self.input_names))}"
            )
        arrays = {name: np.asarray(inputs[name]) for name in self.input_names}
        for name, array in arrays.items():
            if array.dtype != self._dtype(name):
                raise InvalidRecordError(
                    f"the plan refused its inputs: {name} is {array.dtype}, expected {self._dtype(name)}"
                )
        return arrays

    def _bind(self, shapes: Shapes) -> None:
        """Take memory for these shapes; what was recorded for others holds old addresses and goes."""
        self.close()
        for name, shape in shapes.items():
            if not self._context.set_input_shape(name, shape):
                raise InvalidRecordError(
                    f"the plan refused its inputs: {name} of shape {shape}, built for "
                    f"{tuple(self._engine.get_tensor_shape(name))}"
                )
        unknown = self._context.infer_shapes()
        if unknown:
            raise InvalidRecordError(f"the plan can't infer shapes: {', '.join(unknown)}")
        for name in (*self.input_names, *self.output_names):
            self._buffers[name] = self._buffer(name)
            if not self._context.set_tensor_address(name, self._buffers[name].address):
                raise EngineError(f"TensorRT refused memory for {name}")
        self._shapes = shapes

    def _buffer(self, name: str) -> _Buffer:
        shape = tuple(self._context.get_tensor_shape(name))
        host = self._device.pinned(shape, self._dtype(name))
        return _Buffer(host=host, address=self._device.allocate(max(host.nbytes, 1)))

    def _enqueue(self) -> None:
        for name in self.input_names:
            self._device.upload(self._buffers[name].address, self._buffers[name].host)
        if not self._context.execute_async_v3(self._device.stream):
            raise EngineError("TensorRT could not queue the graph; its log says why")
        for name in self.output_names:
            self._device.download(self._buffers[name].host, self._buffers[name].address)

    def _capture(self) -> None:
        self._device.begin_capture()
        try:
            self._enqueue()
        finally:
            graph = self._device.end_capture()
        self._graph = graph
        self._device.launch(graph)

    def _forget_graph(self) -> None:
        if self._graph is not None:
            self._device.discard(self._graph)
        self._graph, self._warm = None, False
