"""The gate of every export: what was trained is what runs."""

from collections.abc import Mapping

import numpy as np
import torch

from mvmono3d.deploy.agreement import Agreement, Tensors, compare
from mvmono3d.deploy.frames import drop_views
from mvmono3d.deploy.interface import INPUTS, OUTPUTS
from mvmono3d.deploy.manifest import Tolerances
from mvmono3d.deploy.selftest import Runner, run_sequence
from mvmono3d.errors import ParityError
from mvmono3d.export.network import GraphNetwork

_OF_VIEWS = frozenset(tensor.name for tensor in (*INPUTS, *OUTPUTS) if tensor.shape.startswith("view"))


class TorchRunner:
    """Run the trained network itself through the engine's interface."""

    def __init__(self, network: GraphNetwork) -> None:
        self._network = network.eval()

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run one set of frames."""
        with torch.no_grad():
            outputs = self._network(*(torch.from_numpy(np.array(inputs[tensor.name])) for tensor in INPUTS))
        pairs = zip(OUTPUTS, outputs, strict=True)
        return {tensor.name: output.numpy() for tensor, output in pairs}


def check_parity(
    network: GraphNetwork, engine: Runner, *, inputs: Tensors, tolerances: Tolerances
) -> tuple[Agreement, dict[str, np.ndarray]]:
    """Compare engine and network over frames that follow each other, each with its own state.

    Returns the differences and the network's outputs; raises `ParityError` beyond the tolerances.
    """
    expected = run_sequence(TorchRunner(network), inputs, state_size=network.state_size)
    got = run_sequence(engine, inputs, state_size=network.state_size)
    return _judged("onnxruntime differs from PyTorch", expected, got, inputs, tolerances), expected


def check_masking(
    engine: Runner,
    fewer: GraphNetwork,
    *,
    inputs: Tensors,
    state_size: int,
    tolerances: Tolerances,
) -> Agreement:
    """Compare the engine without its last camera to a network that never had that camera.

    Args:
        engine: for V views.
        fewer: for V - 1 views.
        inputs: of V views.
        state_size: of the engine.
        tolerances: what may differ.
    """
    masked = run_sequence(engine, with_last_view_masked(inputs), state_size=state_size)
    without = without_last_view(inputs)
    never = run_sequence(TorchRunner(fewer), without, state_size=fewer.state_size)
    words = "a masked camera differs from a camera that isn't there"
    return _judged(words, never, without_last_view(masked), without, tolerances)


def with_last_view_masked(inputs: Tensors) -> dict[str, np.ndarray]:
    """Return the inputs of a rig whose last camera is lost."""
    last = np.zeros_like(inputs["view_mask"])
    last[:, -1] = True
    return drop_views(dict(inputs), last)


def without_last_view(tensors: Tensors) -> dict[str, np.ndarray]:
    """Return the tensors without the last view."""
    return {name: tensor[:, :-1] if name in _OF_VIEWS else tensor for name, tensor in tensors.items()}


def _judged(
    words: str, expected: Tensors, got: Tensors, inputs: Tensors, tolerances: Tolerances
) -> Agreement:
    agreement = compare(expected, got, inputs=inputs, tolerances=tolerances)
    problems = agreement.problems(tolerances)
    if problems:
        raise ParityError(f"{words}: {'; '.join(problems)} ({agreement.frames} frames)")
    return agreement
