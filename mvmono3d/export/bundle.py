"""Write a bundle: graphs that passed the gate, their self-test, manifest and model card."""

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

import mvmono3d
from mvmono3d.core.schema import SCHEMA_VERSION, atomic_write, sha256_of_file
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.agreement import Agreement, Tensors
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.deploy.interface import INPUTS, OUTPUTS
from mvmono3d.deploy.latency import Latency, measure_latency
from mvmono3d.deploy.manifest import (
    MANIFEST_FILE,
    BundleFile,
    BundleManifest,
    GraphFile,
    Tolerances,
)
from mvmono3d.deploy.selftest import check_bundle, write_selftest
from mvmono3d.errors import InvalidFileError
from mvmono3d.export.commit import current_commit
from mvmono3d.export.model_card import model_card
from mvmono3d.export.network import GraphNetwork
from mvmono3d.export.onnx import OPSET, export_onnx
from mvmono3d.export.parity import check_masking, check_parity
from mvmono3d.geometry.robust_settings import EXHAUSTIVE_VIEWS

_SELFTEST_FILE, _CARD_FILE = "selftest.npz", "MODEL_CARD.md"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedGraph:
    """A graph that passed the gate."""

    file: GraphFile
    inputs: Tensors
    outputs: Mapping[str, np.ndarray]
    agreement: Agreement
    latency: Latency


def write_bundle(folder: Path, source: Source, *, views: tuple[int, ...]) -> BundleManifest:
    """Export one graph per number of views, gate each, and write the bundle; it appears whole or not at all.

    Raises `ConfigurationError` when the network can't be exported, `ParityError` when a graph does not
    give what the network gives.
    """
    with _new_folder(folder) as staging:
        graphs = [_export_graph(staging, source, views=count, first=count == views[0]) for count in views]
        write_selftest(
            staging / _SELFTEST_FILE, {graph.file.views: (graph.inputs, graph.outputs) for graph in graphs}
        )
        manifest = _manifest(staging, source, graphs)
        _write(staging / MANIFEST_FILE, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        # The last word has what was written, read the way a rig reads it.
        check_bundle(read_bundle(staging))
    return manifest


def _export_graph(folder: Path, source: Source, *, views: int, first: bool) -> ExportedGraph:
    network, inputs = source.network_for(views), source.inputs_for(views)
    state_size = network.state_size
    path = folder / ("model.onnx" if first else f"model_v{views}.onnx")
    export_onnx(
        network, path, axes={"view": views, "joint": len(source.skeleton.joints), "state": state_size}
    )
    engine = Engine(path)
    agreement, outputs = check_parity(network, engine, inputs=inputs, tolerances=_EXACT)
    if views > 2:
        fewer = source.network_for(views - 1)
        allowed = _EXACT if views <= EXHAUSTIVE_VIEWS else _MASKED_MANY
        check_masking(engine, fewer, inputs=inputs, state_size=state_size, tolerances=allowed)
    return ExportedGraph(
        file=GraphFile(views=views, state_size=state_size, file=_hashed(path)),
        inputs=inputs,
        outputs=outputs,
        agreement=agreement,
        latency=measure_latency(engine, inputs, state_size=state_size, frames=_TIMED_FRAMES),
    )


def _manifest(folder: Path, source: Source, graphs: list[ExportedGraph]) -> BundleManifest:
    manifest = BundleManifest(
        schema=SCHEMA_VERSION,
        version=mvmono3d.__version__,
        commit=current_commit(),
        opset=OPSET,
        precision="fp32",
        skeleton=source.skeleton,
        inputs=INPUTS,
        outputs=OUTPUTS,
        graphs=tuple(graph.file for graph in graphs),
        selftest=_hashed(folder / _SELFTEST_FILE),
        card=BundleFile(name=_CARD_FILE, sha256=""),
        tolerances=Tolerances(),
        noise_px=source.noise_px,
        training=dict(source.training),
    )
    card = model_card(
        manifest,
        parity={graph.file.views: graph.agreement for graph in graphs},
        latency={graph.file.views: graph.latency for graph in graphs},
        machine=f"{platform.system()} {platform.machine()}",
        measured=source.measured,
    )
    _write(folder / _CARD_FILE, card.encode())
    return msgspec.structs.replace(manifest, card=_hashed(folder / _CARD_FILE))


def _hashed(path: Path) -> BundleFile:
    return BundleFile(name=path.name, sha256=sha256_of_file(path))


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder beside `folder` that takes its name when all went well, and vanishes otherwise."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidFileError(f"{folder} already exists; give --out another name, or remove it first")
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield staging
        staging.chmod(0o755)
        staging.replace(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
