"""Run a graph with onnxruntime."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native  # pyright: ignore[reportAttributeAccessIssue]

from mvmono3d.deploy.interface import TensorSpec, check_names
from mvmono3d.errors import EngineError, InvalidFileError, InvalidRecordError, MissingDependencyError

CPU = "CPUExecutionProvider"
PROVIDERS = {"cpu": CPU, "cuda": "CUDAExecutionProvider"}
"""Where onnxruntime computes, by the word that commands take."""

_REFUSED = (
    native.EPFail, native.Fail, native.InvalidGraph, native.InvalidProtobuf, native.NoSuchFile,
    native.NotImplemented, native.RuntimeException,
)  # fmt: skip


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
        self._session = _session(path, provider=provider, threads=threads)
        self.input_names: tuple[str, ...] = tuple(item.name for item in self._session.get_inputs())
        self.output_names: tuple[str, ...] = tuple(item.name for item in self._session.get_outputs())

    def check(self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        """Raise `InvalidFileError` unless the graph's tensors carry the promised names."""
        check_names(inputs, outputs, got_inputs=self.input_names, got_outputs=self.output_names)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run one set of frames through the graph."""
        try:
            outputs = self._session.run(None, {name: np.asarray(value) for name, value in inputs.items()})
        except (native.InvalidArgument, ValueError) as error:
            raise InvalidRecordError(f"the graph refused its inputs: {_first(error)}") from None
        except native.EPFail as error:
            raise EngineError(f"the provider failed: {_first(error)}; see the driver's log") from None
        return dict(zip(self.output_names, (_plain(np.asarray(output)) for output in outputs), strict=True))


def _session(path: Path, *, provider: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A place of its own for every tensor, laid out once: a tenth faster on thousands of small ones.
    options.enable_mem_reuse = False
    if provider != CPU:
        # Otherwise nodes that the provider can't take, or all of them, run on the CPU and nobody says so.
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        # Its Python wrapper would retry on the CPU by itself, here and at each call, with a word on stdout.
        session = onnxruntime.InferenceSession(path, options, providers=[provider], enable_fallback=0)
    except _REFUSED as error:
        if "fallback to CPU EP has been explicitly disabled" in str(error):
            raise MissingDependencyError(
                f"{provider} does not run all of {path}: the rest would fall back to the CPU, "
                "slower than the CPU alone; use the CPU, or see with verbose logging which nodes are left"
            ) from None
        raise InvalidFileError(f"onnxruntime can't load {path}: {_first(error)}") from None
    chosen = session.get_providers()[0]
    if chosen != provider:
        raise MissingDependencyError(
            f"{path} runs on {chosen}, expected {provider}: the provider could not start; compare the "
            "CUDA and cuDNN versions that onnxruntime-gpu needs with those installed"
        )
    return session


def _plain(output: np.ndarray) -> np.ndarray:
    # onnxruntime's integers are C's long long: equal to int64 in all but name, and jaxtyping reads names.
    return output.view(np.int64) if output.dtype == np.int64 else output


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
