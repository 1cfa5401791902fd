"""Self-tests are made of frames on which rounding decides nothing."""

import numpy as np
import pytest
import torch

from mvmono3d.deploy.interface import INPUTS
from mvmono3d.errors import ParityError
from mvmono3d.export.frames import selftest_inputs
from mvmono3d.export.network import GraphNetwork, GraphOutputs
from mvmono3d.export.steady import steady_inputs


class Edgy(GraphNetwork):
    """A network that answers 1 m apart on either side of an edge in the first joint's pixels."""

    state_size = 1

    def __init__(self, edges: list[float]) -> None:
        super().__init__()
        self.edges = torch.tensor(edges)

    def forward(self, *inputs: torch.Tensor) -> GraphOutputs:
        given = {tensor.name: value for tensor, value in zip(INPUTS, inputs, strict=True)}
        views, joints, _ = given["pixels"].shape
        side = (given["pixels"][0, 0, 0] > self.edges).float().sum()
        return GraphOutputs(
            points_world=side.expand(joints, 3) + 0.0,
            covariance_world=torch.eye(3).expand(joints, 3, 3),
            source=torch.ones(joints, dtype=torch.int64),
            decided_by=torch.zeros(joints, dtype=torch.int64),
            reason=torch.zeros(joints, dtype=torch.int64),
            weights=torch.ones(views, joints),
            occlusion_logits=torch.zeros(views, joints, 4),
            next_state=given["state"],
        )


def first_pixel(inputs) -> float:
    detected = np.flatnonzero(inputs["detected"][:, 0, 0])
    return float(inputs["pixels"][detected[0], 0, 0, 0])


def some_frames(*, seed: int):
    return {name: tensor[:6] for name, tensor in selftest_inputs("hand21", views=4, seed=seed).items()}


def test_frames_on_an_edge_are_passed_over_and_others_are_taken():
    on_edge = first_pixel(some_frames(seed=1))
    found = steady_inputs(some_frames, Edgy([on_edge]))
    assert np.array_equal(found["pixels"], some_frames(seed=2)["pixels"])
    plain = steady_inputs(some_frames, Edgy([-1e6]))
    assert np.array_equal(plain["pixels"], some_frames(seed=1)["pixels"])


def test_a_network_that_is_nothing_but_edges_is_refused():
    edges = [first_pixel(some_frames(seed=seed)) for seed in range(1, 13)]
    with pytest.raises(ParityError, match="changes the answers in all of 12 self-tests"):
        steady_inputs(some_frames, Edgy(edges))
