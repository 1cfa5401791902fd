"""From a network to an ONNX file that onnxruntime and TensorRT can both run."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx_ir
import torch
from onnx_ir.passes import common
from onnxscript import optimizer
from torch import Tensor, nn

from mvmono3d.deploy.interface import BOOLEAN, INPUTS, INTEGER, OUTPUTS, TensorSpec
from mvmono3d.errors import ConfigurationError
from mvmono3d.export.lint import refuse_unportable
from mvmono3d.export.model_file import write_model
from mvmono3d.export.simplify import simplify

OPSET = 20
_FOLDED = 1 << 24
"""Bytes of a constant that is computed once, at export."""

_DTYPES = {INTEGER: torch.int64, BOOLEAN: torch.bool}


def export_onnx(network: nn.Module, path: Path, *, axes: Mapping[str, int]) -> onnx.ModelProto:
    """Write a reconstructor with the graph's interface as one ONNX file, linted; returns the model.

    Raises `ConfigurationError` with the operator or module that can't be exported.
    """
    model = _trace(network.eval(), Interface(inputs=INPUTS, outputs=OUTPUTS, axes=axes))
    _fold(model)
    simplify(model)
    refuse_unportable(onnx_ir.serde.serialize_model(model), axes)
    return _write(model, path)


def export_picture_onnx(network: nn.Module, path: Path, interface: "Interface") -> onnx.ModelProto:
    """Write a network over pictures as one ONNX file, linted; returns the model. Raises as above."""
    model = _trace(network.eval(), interface)
    _fold(model)
    for each in (
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedNodesPass(),
    ):
        each(model)
    proto = onnx.shape_inference.infer_shapes(onnx_ir.serde.serialize_model(model), data_prop=True)
    refuse_unportable(
        proto, interface.axes, inputs=interface.inputs, outputs=interface.outputs, free=interface.free
    )
    return _write(onnx_ir.serde.deserialize_model(proto), path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """What a graph takes and gives."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    axes: Mapping[str, int]
    """Size of every named axis; of free ones that of the example it is traced with, above 1."""
    free: tuple[str, ...] = ()
    """Axes whose size may differ from call to call."""

    def dynamic_shapes(self) -> tuple[dict[int, torch.export.Dim], ...] | None:
        """Return which axes of each input are free, as PyTorch says it."""
        free = {axis: torch.export.Dim(axis, min=1, max=64) for axis in self.free}
        if not free:
            return None
        return tuple(
            {place: free[axis] for place, axis in enumerate(tensor.shape.split()) if axis in free}
            for tensor in self.inputs
        )


def _write(model: onnx_ir.Model, path: Path) -> onnx.ModelProto:
    # Where each node comes from in the source has served the lint; it holds paths of this machine.
    common.ClearMetadataAndDocStringPass()(model)
    proto = onnx_ir.serde.serialize_model(model)
    write_model(path, proto)
    return proto


def _trace(network: nn.Module, interface: Interface) -> onnx_ir.Model:
    example = tuple(_example(tensor, interface.axes) for tensor in interface.inputs)
    try:
        with torch.no_grad(), _quiet():
            program = torch.onnx.export(
                network,
                example,
                dynamo=True,
                opset_version=OPSET,
                input_names=[tensor.name for tensor in interface.inputs],
                output_names=[tensor.name for tensor in interface.outputs],
                dynamic_shapes=interface.dynamic_shapes(),
                verbose=False,
                # Its rewrite rules changed answers of our graphs: see `_fold`.
                optimize=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ConfigurationError(f"the network can't be exported: {_reason(error)}") from error
    if program is None:
        raise ConfigurationError("the network can't be exported: PyTorch returned no program")
    return program.model


def _fold(model: onnx_ir.Model) -> None:
    """Fold constants.

    The exporter's own rewrite rules take minutes on a graph of thousands of nodes, and the rewritten graph
    decided other joints by consensus than the network.
    """
    with _quiet():
        optimizer.fold_constants(
            model, onnx_shape_inference=True, input_size_limit=_FOLDED, output_size_limit=_FOLDED
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what PyTorch and onnxscript say of their own internals: nothing of it is ours to mend."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.__trace", "onnx_ir", "onnxscript")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _example(tensor: TensorSpec, axes: Mapping[str, int]) -> Tensor:
    dtype = _DTYPES.get(tensor.dtype, torch.float32)
    return torch.ones(tensor.sizes(axes), dtype=dtype)


def _reason(error: Exception) -> str:
    # PyTorch wraps the cause in pages of advice; the first cause names operator and module.
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return " ".join(str(cause).split())[:500]
