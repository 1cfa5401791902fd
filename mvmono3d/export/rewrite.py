"""A new bundle from an old one: its graphs simplified again, or in lower precision. No checkpoint needed.

Each new graph must give what the old one gave, on the old self-test's frames and with a camera lost.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnx_ir

import mvmono3d
from mvmono3d.deploy.agreement import Agreement, compare
from mvmono3d.deploy.bundle import Bundle
from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.latency import Latency, measure_latency
from mvmono3d.deploy.manifest import BundleManifest, GraphFile, GraphGate, Tolerances
from mvmono3d.deploy.selftest import read_selftest, run_sequence, write_selftest
from mvmono3d.errors import ConfigurationError, ParityError
from mvmono3d.export.bundle_files import SELFTEST_FILE, hashed, new_folder, publish
from mvmono3d.export.commit import current_commit
from mvmono3d.export.gate import LOWERED_TOLERANCES, exact_gate, lower_file
from mvmono3d.export.lint import refuse_unportable
from mvmono3d.export.model_card import revised_card
from mvmono3d.export.model_file import write_model
from mvmono3d.export.parity import with_last_view_masked
from mvmono3d.export.precision import FP32
from mvmono3d.export.simplify import simplify
from mvmono3d.export.trial import Lowering

_EXACT = Tolerances(share=0.0)
_TIMED_FRAMES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rewritten:
    """A graph of the new bundle."""

    file: GraphFile
    gate: GraphGate
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    latency: Latency


def rewrite_bundle(bundle: Bundle, folder: Path, *, lowering: Lowering | None = None) -> BundleManifest:
    """Write a bundle whose graphs are those of another, simplified with today's passes.

    Raises `ConfigurationError` for a bundle that is not in single precision, `ParityError` when a graph
    does not give what it gave before.
    """
    old = bundle.manifest
    if old.precision != FP32:
        raise ConfigurationError(
            f"{bundle.folder} is in {old.precision}: what it lost can't come back; start from an fp32 bundle"
        )
    with new_folder(folder) as staging:
        graphs = [_rewrite(bundle, graph, staging, lowering) for graph in old.graphs]
        write_selftest(
            staging / SELFTEST_FILE, {graph.file.views: (graph.inputs, graph.outputs) for graph in graphs}
        )
        manifest = msgspec.structs.replace(
            old,
            version=mvmono3d.__version__,
            commit=current_commit(),
            precision=FP32 if lowering is None else lowering.precision,
            graphs=tuple(graph.file for graph in graphs),
            selftest=hashed(staging / SELFTEST_FILE),
            tolerances=old.tolerances if lowering is None else LOWERED_TOLERANCES,
            gates=tuple(graph.gate for graph in graphs),
        )
        card = revised_card(
            (bundle.folder / old.card.name).read_text(encoding="utf-8"),
            manifest,
            latency={graph.file.views: graph.latency for graph in graphs},
            made_from=old,
        )
        return publish(staging, manifest, card)


def _rewrite(bundle: Bundle, graph: GraphFile, folder: Path, lowering: Lowering | None) -> _Rewritten:
    path, axes, size = folder / graph.file.name, bundle.axes(graph), graph.state_size
    model = onnx_ir.serde.deserialize_model(
        onnx.shape_inference.infer_shapes(onnx.load(bundle.path_of(graph)), data_prop=True)
    )
    simplify(model)
    proto = onnx_ir.serde.serialize_model(model)
    refuse_unportable(proto, axes)
    write_model(path, proto)
    before, engine = Engine(bundle.path_of(graph)), Engine(path)
    inputs, outputs = (dict(side) for side in read_selftest(bundle, graph))
    agreement = _agree(before, engine, inputs, size=size, what=str(bundle.path_of(graph)))
    gate = exact_gate(graph.views, agreement, against="the graph it was made from", tolerances=_EXACT)
    if lowering is not None:
        gate = lower_file(path, lowering, views=graph.views, axes=axes)
        engine = Engine(path)
        outputs = run_sequence(engine, inputs, state_size=size)
    return _Rewritten(
        file=GraphFile(views=graph.views, state_size=size, file=hashed(path)),
        gate=gate,
        inputs=inputs,
        outputs=outputs,
        latency=measure_latency(engine, inputs, state_size=size, frames=_TIMED_FRAMES),
    )


def _agree(
    before: Engine, after: Engine, inputs: dict[str, np.ndarray], *, size: int, what: str
) -> Agreement:
    """Compare two graphs on the frames, and on those frames with the last camera lost; return the first."""
    found = []
    for frames in (inputs, with_last_view_masked(inputs)):
        expected, got = (run_sequence(engine, frames, state_size=size) for engine in (before, after))
        found.append(compare(expected, got, inputs=frames, tolerances=_EXACT))
    problems = [words for agreement in found for words in agreement.problems(_EXACT)]
    if problems:
        raise ParityError(f"the rewritten graph differs from {what}: {'; '.join(problems)}")
    return found[0]
