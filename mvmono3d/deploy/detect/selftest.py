"""A detector's `selftest.npz`: crops that go into each graph of a bundle, and what must come out.

Arrays are named `joints.images` (uint8), `joints.pixels`, …, `finder.images`, `finder.density`, ….
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.deploy.detect.batch import grey
from mvmono3d.deploy.detect.bundle import JOINTS, OUTPUTS, DetectorBundle, DetectorGraph
from mvmono3d.deploy.detect.network import load_detector_graph
from mvmono3d.errors import ParityError

_SHARE = 0.01
"""Share of the joints that may be further off: a map with two heaps may choose the other one."""
_DENSITY = 0.02
"""How far a finder's map, and its presence, may be off."""


def write_detector_selftest(
    path: Path, runs: Mapping[str, tuple[UInt8[np.ndarray, "view size size"], Mapping[str, np.ndarray]]]
) -> None:
    """Write crops and expected answers by what each graph is for."""
    arrays: dict[str, np.ndarray] = {}
    for role, (images, outputs) in runs.items():
        arrays[f"{role}.images"] = images
        arrays |= {f"{role}.{tensor.name}": outputs[tensor.name] for tensor in OUTPUTS[role]}
    write_npz(path, arrays)


def check_detector(bundle: DetectorBundle, *, threads: int = 1, engine: str = "cpu") -> dict[str, float]:
    """Replay the self-test on this machine; the key is what the graph is for, the value how far it is off.

    For joints that is in pixels, for the finder in shares. Raises `ParityError` when a graph gives anything
    else here than where it was exported.
    """
    return {
        graph.role: _check(bundle, graph, threads=threads, engine=engine) for graph in bundle.manifest.graphs
    }


def _check(bundle: DetectorBundle, graph: DetectorGraph, *, threads: int, engine: str) -> float:
    names = {tensor.name: f"{graph.role}.{tensor.name}" for tensor in OUTPUTS[graph.role]}
    images = f"{graph.role}.images"
    arrays = read_npz(bundle.folder / bundle.manifest.selftest.name, required=(images, *names.values()))
    got = load_detector_graph(bundle, graph, threads=threads, engine=engine).run(
        {"images": grey(arrays[images])}
    )
    if graph.role == JOINTS:
        apart = np.linalg.norm(got["pixels"] - arrays[names["pixels"]], axis=-1)
        off, allowed = float(np.quantile(apart, 1.0 - _SHARE)), bundle.manifest.tolerance_px
    else:
        off = max(float(np.abs(got[name] - arrays[names[name]]).max()) for name in names)
        allowed = _DENSITY
    if not off <= allowed:
        raise ParityError(
            f"{bundle.path_of(graph)} fails its self-test on this machine: off by {off:.3g}, allowed "
            f"{allowed:g}; export it again, or report it with the output of `mvmono3d doctor`"
        )
    return off
