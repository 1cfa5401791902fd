"""`selftest.npz`: frames that go into each graph of a bundle, and what must come out.

Arrays are named `v4.in.pixels`, `v4.out.points_world`, …: number of views, side, tensor. Frames are on the
first axis and follow each other: the state that comes out of one goes into the next.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.deploy.agreement import Agreement, Tensors, compare
from mvmono3d.deploy.bundle import Bundle
from mvmono3d.deploy.engines.load import load_graph
from mvmono3d.deploy.interface import INPUTS, OUTPUTS, TensorSpec
from mvmono3d.deploy.manifest import GraphFile
from mvmono3d.errors import InvalidFileError, ParityError

_FED = tuple(tensor for tensor in INPUTS if tensor.name != "state")
_COMPARED = tuple(tensor for tensor in OUTPUTS if tensor.name != "next_state")


def write_selftest(path: Path, runs: Mapping[int, tuple[Tensors, Tensors]]) -> None:
    """Write inputs and expected outputs for each number of views."""
    arrays: dict[str, np.ndarray] = {}
    for views, (inputs, outputs) in runs.items():
        arrays |= {f"v{views}.in.{tensor.name}": inputs[tensor.name] for tensor in _FED}
        arrays |= {f"v{views}.out.{tensor.name}": outputs[tensor.name] for tensor in _COMPARED}
    write_npz(path, arrays)


def read_selftest(bundle: Bundle, graph: GraphFile) -> tuple[Tensors, Tensors]:
    """Read the inputs and the expected outputs of one graph."""
    path = bundle.folder / bundle.manifest.selftest.name
    inputs = _names("in", graph, _FED)
    outputs = _names("out", graph, _COMPARED)
    arrays = read_npz(path, required=(*inputs.values(), *outputs.values()))
    axes = bundle.axes(graph)
    for side, tensors in ((inputs, _FED), (outputs, _COMPARED)):
        for tensor in tensors:
            array, expected = arrays[side[tensor.name]], tensor.sizes(axes)
            if array.shape[1:] != expected or str(array.dtype) != tensor.dtype:
                raise InvalidFileError(
                    f"{path}: {side[tensor.name]} is {array.dtype} {array.shape[1:]} per frame, "
                    f"expected {tensor.dtype} {expected}"
                )
    return (
        {name: arrays[array] for name, array in inputs.items()},
        {name: arrays[array] for name, array in outputs.items()},
    )


@runtime_checkable
class Runner(Protocol):
    """Whatever runs one set of frames."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run one set of frames, tensors by name."""
        ...


def run_sequence(engine: Runner, inputs: Tensors, *, state_size: int) -> dict[str, np.ndarray]:
    """Run frames that follow each other, starting from the zero state; frames stay on the first axis."""
    state = np.zeros(state_size, dtype=np.float32)
    frames: list[dict[str, np.ndarray]] = []
    for frame in range(len(inputs["time_step_s"])):
        outputs = engine.run({name: tensor[frame] for name, tensor in inputs.items()} | {"state": state})
        state = outputs.pop("next_state")
        frames.append(outputs)
    return {name: np.stack([outputs[name] for outputs in frames]) for name in frames[0]}


def check_bundle(bundle: Bundle, *, threads: int = 1, engine: str = "cpu") -> dict[int, Agreement]:
    """Replay the self-test of every graph on an engine of this machine; the key is the number of views.

    Raises `ParityError` when a graph gives anything else here than where it was exported.
    """
    agreements: dict[int, Agreement] = {}
    for graph in bundle.manifest.graphs:
        loaded = load_graph(bundle, graph, threads=threads, engine=engine)
        inputs, expected = read_selftest(bundle, graph)
        got = run_sequence(loaded, inputs, state_size=graph.state_size)
        tolerances = bundle.manifest.tolerances
        agreement = compare(expected, got, inputs=inputs, tolerances=tolerances)
        problems = agreement.problems(tolerances)
        if problems:
            raise ParityError(
                f"{bundle.path_of(graph)} fails its self-test on this machine: {'; '.join(problems)}; "
                "export it again, or report it with the output of `mvmono3d doctor`"
            )
        agreements[graph.views] = agreement
    return agreements


def _names(side: str, graph: GraphFile, tensors: tuple[TensorSpec, ...]) -> dict[str, str]:
    return {tensor.name: f"v{graph.views}.{side}.{tensor.name}" for tensor in tensors}
