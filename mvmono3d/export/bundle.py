"""Write a bundle: graphs that passed the gate, their self-test, manifest and model card."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import mvmono3d
from mvmono3d.core.schema import SCHEMA_VERSION
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.agreement import Agreement, Tensors
from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.interface import INPUTS, OUTPUTS
from mvmono3d.deploy.latency import Latency, measure_latency
from mvmono3d.deploy.manifest import BundleFile, BundleManifest, GraphFile, GraphGate, Tolerances
from mvmono3d.deploy.selftest import run_sequence, write_selftest
from mvmono3d.export.bundle_files import CARD_FILE, SELFTEST_FILE, hashed, new_folder, publish
from mvmono3d.export.commit import current_commit
from mvmono3d.export.gate import LOWERED_TOLERANCES, exact_gate, lower_file
from mvmono3d.export.model_card import model_card
from mvmono3d.export.network import GraphNetwork
from mvmono3d.export.onnx import OPSET, export_onnx
from mvmono3d.export.parity import check_masking, check_parity
from mvmono3d.export.precision import FP32
from mvmono3d.export.trial import Lowering
from mvmono3d.geometry.robust_settings import EXHAUSTIVE_VIEWS

_TIMED_FRAMES = 200
_EXACT = Tolerances(share=0.0)
_MASKED_MANY = Tolerances(share=0.05)
"""Above `EXHAUSTIVE_VIEWS` the robust consensus tries pairs in an order that depends on the number of
views, so that ties fall either way, and a joint remembers for some frames how they fell; up to it a masked
camera is exactly an absent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a bundle is made from."""

    network_for: Callable[[int], GraphNetwork]
    """Gives the network for a number of views."""
    inputs_for: Callable[[int], Tensors]
    """Gives the self-test's frames for a number of views."""
    skeleton: Skeleton
    noise_px: float
    """What the networks take the standard deviation of a good detection to be."""
    training: Mapping[str, str | int | float | bool]
    measured: str = ""
    """What the training measured, in Markdown."""
    lowering: Lowering | None = None
    """A precision below single."""

    @property
    def precision(self) -> str:
        """The precision of the graphs."""
        return FP32 if self.lowering is None else self.lowering.precision


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedGraph:
    """A graph that passed the gate."""

    file: GraphFile
    inputs: Tensors
    outputs: Mapping[str, np.ndarray]
    agreement: Agreement
    """With the network, in single precision."""
    gate: GraphGate
    latency: Latency


def write_bundle(folder: Path, source: Source, *, views: tuple[int, ...]) -> BundleManifest:
    """Export one graph per number of views, gate each, and write the bundle; it appears whole or not at all.

    Raises `ConfigurationError` when the network can't be exported, `ParityError` when a graph does not
    give what the network gives.
    """
    with new_folder(folder) as staging:
        graphs = [_export_graph(staging, source, views=count, first=count == views[0]) for count in views]
        write_selftest(
            staging / SELFTEST_FILE, {graph.file.views: (graph.inputs, graph.outputs) for graph in graphs}
        )
        manifest = _manifest(staging, source, graphs)
        return publish(staging, manifest, _card(manifest, source, graphs))


def _export_graph(folder: Path, source: Source, *, views: int, first: bool) -> ExportedGraph:
    network, inputs = source.network_for(views), source.inputs_for(views)
    state_size = network.state_size
    path = folder / ("model.onnx" if first else f"model_v{views}.onnx")
    axes = {"view": views, "joint": len(source.skeleton.joints), "state": state_size}
    export_onnx(network, path, axes=axes)
    engine = Engine(path)
    agreement, outputs = check_parity(network, engine, inputs=inputs, tolerances=_EXACT)
    if views > 2:
        fewer = source.network_for(views - 1)
        allowed = _EXACT if views <= EXHAUSTIVE_VIEWS else _MASKED_MANY
        check_masking(engine, fewer, inputs=inputs, state_size=state_size, tolerances=allowed)
    gate = exact_gate(views, agreement, against="PyTorch", tolerances=_EXACT)
    if source.lowering is not None:
        gate = lower_file(path, source.lowering, views=views, axes=axes)
        engine = Engine(path)
        outputs = run_sequence(engine, inputs, state_size=state_size)
    return ExportedGraph(
        file=GraphFile(views=views, state_size=state_size, file=hashed(path)),
        inputs=inputs,
        outputs=outputs,
        agreement=agreement,
        gate=gate,
        latency=measure_latency(engine, inputs, state_size=state_size, frames=_TIMED_FRAMES),
    )


def _manifest(folder: Path, source: Source, graphs: list[ExportedGraph]) -> BundleManifest:
    return BundleManifest(
        schema=SCHEMA_VERSION,
        version=mvmono3d.__version__,
        commit=current_commit(),
        opset=OPSET,
        precision=source.precision,
        skeleton=source.skeleton,
        inputs=INPUTS,
        outputs=OUTPUTS,
        graphs=tuple(graph.file for graph in graphs),
        selftest=hashed(folder / SELFTEST_FILE),
        card=BundleFile(name=CARD_FILE, sha256=""),
        tolerances=Tolerances() if source.lowering is None else LOWERED_TOLERANCES,
        noise_px=source.noise_px,
        training=dict(source.training),
        gates=tuple(graph.gate for graph in graphs),
    )


def _card(manifest: BundleManifest, source: Source, graphs: list[ExportedGraph]) -> str:
    return model_card(
        manifest,
        parity={graph.file.views: graph.agreement for graph in graphs},
        latency={graph.file.views: graph.latency for graph in graphs},
        machine=f"{platform.system()} {platform.machine()}",
        measured=source.measured,
    )
