"""Lower precision where it costs next to nothing; what it costs is measured, layer by layer.

Only layers with weights are lowered: products and convolutions. The closed forms between them (projections,
3x3 solves, filters) stay in single precision, where they were derived. Layers that matter too much stay too,
until the rest passes the gate.
"""

import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
from onnx import TensorProto, numpy_helper
from onnx_ir.passes.common import RemoveUnusedNodesPass

from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.manifest import Figure
from mvmono3d.errors import ConfigurationError, ParityError
from mvmono3d.export.half import fits_half, lower_to_half
from mvmono3d.export.quantise import Quantiser
from mvmono3d.export.trial import Trial

FP32, FP16, INT8 = "fp32", "fp16", "int8"
PRECISIONS = (FP32, FP16, INT8)

_WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
_LEAST_WEIGHTS = 256
"""Smaller products are geometry, and gain nothing."""
_LEAST_SHARE = 0.5
"""A graph with fewer of its weights in lower precision is not what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A node with constant weights."""

    name: str
    weights: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """A graph that passed its trial in lower precision."""

    model: onnx.ModelProto
    figures: tuple[Figure, ...]
    lowered: tuple[Layer, ...]
    kept: tuple[Layer, ...]

    @property
    def share(self) -> float:
        """Share of the layers' weights in lower precision."""
        low, high = (sum(layer.weights for layer in each) for each in (self.lowered, self.kept))
        return low / max(low + high, 1)


def lower(model: onnx.ModelProto, precision: str, trial: Trial, *, signed: bool = True) -> Lowered:
    """Return the graph with as many layers in `precision` as its trial allows; `signed` as of `Quantiser`.

    Raises `ParityError` with the figures when that is less than half of the weights.
    """
    layers = layers_of(model)
    make = _maker(model, precision, trial, signed=signed)
    search = _Search(make, trial)
    whole = search.judge(layers)
    chosen, figures = (layers, whole) if _passes(whole) else search.most(layers)
    kept = tuple(layer for layer in layers if layer not in chosen)
    if not figures:
        raise ParityError(
            f"{precision}: {words(whole)}, and no choice of layers passes; use another precision"
        )
    done = Lowered(model=make(_names(chosen)), figures=figures, lowered=chosen, kept=kept)
    if done.share < _LEAST_SHARE:
        raise ParityError(
            f"{precision}: {words(whole)}; what passes holds {done.share:.0%} of the weights, expected at "
            f"least {_LEAST_SHARE:.0%}: use another precision"
        )
    return done


def layers_of(model: onnx.ModelProto) -> tuple[Layer, ...]:
    """Return the nodes whose weights are worth lowering."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    found: list[Layer] = []
    for node in model.graph.node:
        weights = [constants[name] for name in node.input if name in constants]
        large = max((int(np.prod(tensor.dims)) for tensor in weights), default=0)
        if node.op_type in _WEIGHTED and large >= _LEAST_WEIGHTS and all(map(_lowerable, weights)):
            found.append(Layer(name=node.name, weights=large))
    if not found:
        raise ConfigurationError("the graph has no layer with weights: nothing to lower")
    return tuple(found)


def words(figures: tuple[Figure, ...]) -> str:
    """Say what was measured and what is allowed."""
    return ", ".join(
        f"{each.name} {each.found:.3g} {each.unit} (allowed {each.allowed:g})" for each in figures
    )


class _Search:
    """Finds how many layers a trial allows."""

    def __init__(self, make: Callable[[Collection[str]], onnx.ModelProto], trial: Trial) -> None:
        self._make, self._trial = make, trial

    def judge(self, layers: Collection[Layer], *, glance: bool = False) -> tuple[Figure, ...]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            onnx.save(self._make(_names(layers)), path)
            return self._trial.figures(Engine(path), glance=glance)

    def most(self, layers: tuple[Layer, ...]) -> tuple[tuple[Layer, ...], tuple[Figure, ...]]:
        """Return the largest choice that passes, of those that leave out the most sensitive layers."""
        alone = {layer: _strain(self.judge([layer], glance=True)) for layer in layers}
        ranked = sorted(layers, key=lambda layer: alone[layer])
        best: tuple[tuple[Layer, ...], tuple[Figure, ...]] = ((), ())
        passing, failing = 0, len(ranked)
        while failing - passing > 1:
            count = (passing + failing) // 2
            figures = self.judge(ranked[:count])
            if _passes(figures):
                passing, best = count, (tuple(ranked[:count]), figures)
            else:
                failing = count
        return best


def _maker(
    model: onnx.ModelProto, precision: str, trial: Trial, *, signed: bool
) -> Callable[[Collection[str]], onnx.ModelProto]:
    if precision == FP16:
        return lambda names: _halved(model, names)
    if precision == INT8:
        return Quantiser(model, feeds=trial.feeds(), signed=signed).quantise
    raise ConfigurationError(f"precision {precision!r}, expected {' or '.join((FP16, INT8))}")


def _halved(model: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    graph = onnx_ir.serde.deserialize_model(model)
    lower_to_half(graph, names)
    RemoveUnusedNodesPass()(graph)
    return onnx_ir.serde.serialize_model(graph)


def _lowerable(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type == TensorProto.FLOAT and fits_half(numpy_helper.to_array(tensor))


def _names(layers: Collection[Layer]) -> frozenset[str]:
    return frozenset(layer.name for layer in layers)


def _passes(figures: tuple[Figure, ...]) -> bool:
    return all(each.found <= each.allowed for each in figures)


def _strain(figures: tuple[Figure, ...]) -> float:
    """Return the worst figure in units of what is allowed."""
    return max(each.found / max(each.allowed, 1e-9) for each in figures)
