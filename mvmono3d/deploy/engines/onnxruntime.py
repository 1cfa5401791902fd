"""Run a graph with onnxruntime."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native  # pyright: ignore[reportAttributeAccessIssue]

from mvmono3d.deploy.interface import TensorSpec
from mvmono3d.errors import InvalidFileError, InvalidRecordError, MissingDependencyError

CPU = "CPUExecutionProvider"


class Engine:
    """One graph, loaded and ready."""

    def __init__(self, path: Path, *, threads: int = 1, provider: str = CPU) -> None:
        """Load a graph.

        One thread is fastest for graphs as small as ours, and it leaves the other cores to the cameras.
        Raises `MissingDependencyError` when the provider can't be had: a silent fall back to the CPU
        would hide a tenfold latency.
        """
        available = onnxruntime.get_available_providers()
        if provider not in available:
            raise MissingDependencyError(
                f"onnxruntime here has no {provider} (it has {', '.join(available)}); "
                "install onnxruntime-gpu in place of onnxruntime, or use the CPU"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A place of its own for every tensor, laid out once: a tenth faster on thousands of small ones.
        options.enable_mem_reuse = False
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=[provider])
        except (native.InvalidProtobuf, native.InvalidGraph, native.NoSuchFile, native.Fail) as error:
            raise InvalidFileError(f"onnxruntime can't load {path}: {_first(error)}") from None
        chosen = self._session.get_providers()[0]
        if chosen != provider:
            raise MissingDependencyError(
                f"{path} runs on {chosen}, expected {provider}: see the driver's log"
            )
        self.input_names: tuple[str, ...] = tuple(item.name for item in self._session.get_inputs())
        self.output_names: tuple[str, ...] = tuple(item.name for item in self._session.get_outputs())

    def check(self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        """Raise `InvalidFileError` unless the graph's tensors carry the promised names."""
        for kind, promised, got in (
            ("inputs", inputs, self.input_names),
            ("outputs", outputs, self.output_names),
        ):
            names = tuple(tensor.name for tensor in promised)
            if names != got:
                raise InvalidFileError(f"graph with {kind} {', '.join(got)}; expected {', '.join(names)}")

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run one set of frames through the graph."""
        try:
            outputs = self._session.run(None, {name: np.asarray(value) for name, value in inputs.items()})
        except (native.InvalidArgument, ValueError) as error:
            raise InvalidRecordError(f"the graph refused its inputs: {_first(error)}") from None
        return dict(zip(self.output_names, (_plain(np.asarray(output)) for output in outputs), strict=True))


def _plain(output: np.ndarray) -> np.ndarray:
    # onnxruntime's integers are C's long long: equal to int64 in all but name, and jaxtyping reads names.
    return output.view(np.int64) if output.dtype == np.int64 else output


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
