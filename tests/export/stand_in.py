"""A small network with the graph's interface: weights from confidence, a closed-form solve, a clock."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.export.bundle import Source, write_bundle
from mvmono3d.export.network import GraphNetwork, GraphOutputs
from mvmono3d.geometry.projection import project, rays
from mvmono3d.geometry.solve import solve3

FRAMES = 12
SKELETON = Skeleton(
    name="three", joints=("root", "left", "right"), parents=(-1, 0, 0), mirror=(0, 2, 1),
    flexible=(False, False, False), torso=(0,),
)  # fmt: skip


class StandIn(GraphNetwork):
    """Meet the rays with learned weights and remember how long each joint has been seen."""

    def __init__(self, *, views: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.weigh = nn.Parameter(torch.rand(2, generator=generator))
        self.states = nn.Parameter(torch.randn(2, 4, generator=generator))
        self.joints = len(SKELETON.joints)
        self.views, self.state_size = views, self.joints

    def forward(
        self,
        pixels: Tensor,
        confidence: Tensor,
        detected: Tensor,
        view_mask: Tensor,
        lens: Tensor,
        camera_from_world: Tensor,
        pose_sigma: Tensor,
        time_step_s: Tensor,
        state: Tensor,
    ) -> GraphOutputs:
        usable = detected & view_mask[:, None]
        weights = torch.where(usable, torch.sigmoid(self.weigh[0] * confidence + self.weigh[1]), 0.0)
        line = rays(pixels, lens=lens, camera_from_world=camera_from_world)
        across = torch.eye(3) - line.direction_world[..., :, None] * line.direction_world[..., None, :]
        across = weights[..., None, None] * across
        precision = across.sum(0) + 1e-3 * torch.eye(3)
        moment = (across @ line.origin_world[..., None])[..., 0].sum(0)
        solved = usable.sum(0) >= 2
        points = torch.where(solved[:, None], solve3(precision, moment).solution, 0.0)
        covariance = torch.where(solved[:, None, None], 1e-4 * precision, 0.0)
        spread = pose_sigma.sum(1)[:, None].expand_as(confidence)
        logits = torch.stack([confidence, spread], dim=-1) @ self.states
        return GraphOutputs(
            points_world=points,
            covariance_world=covariance,
            source=solved.to(torch.int64),
            decided_by=torch.zeros_like(solved, dtype=torch.int64),
            reason=torch.where(solved, 0, 1),
            weights=weights / weights.sum(0, keepdim=True).clamp(min=1e-9),
            occlusion_logits=logits,
            next_state=torch.where(solved, state + time_step_s, 0.0),
        )


class Altered(GraphNetwork):
    """Another network whose answers are changed; `change` sees the answer and the inputs."""

    def __init__(self, change: Callable[[GraphOutputs, Sequence[Tensor]], GraphOutputs]) -> None:
        super().__init__()
        self.network, self.change = StandIn(views=4), change
        self.state_size = self.network.state_size

    def forward(self, *tensors: Tensor) -> GraphOutputs:
        return self.change(self.network(*tensors), tensors)


def ring(views: int) -> np.ndarray:
    """camera_from_world of cameras two metres from the origin that look at it, +Z up."""
    poses = []
    for angle in np.arange(views) * 2.1:
        forward = -np.array([np.cos(angle), np.sin(angle), 0.3]) / np.hypot(1.0, 0.3)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        poses.append(np.concatenate([rotation, -rotation @ (-2.0 * forward)[:, None]], axis=1))
    return np.array(poses)


def lens(views: int) -> np.ndarray:
    """Packed lenses with a little radial distortion."""
    return np.tile([900.0, 905.0, 640.0, 400.0, -0.05, 0.01, 0.0, 0.0, 0.0, 0.0], (views, 1))


def frames(views: int) -> dict[str, np.ndarray]:
    """Noisy frames of three moving joints that follow each other; a tenth of the joints are not detected."""
    generator = np.random.default_rng(3)
    start = generator.normal(scale=0.2, size=(1, len(SKELETON.joints), 3))
    points = start + np.cumsum(generator.normal(scale=0.01, size=(FRAMES, len(SKELETON.joints), 3)), axis=0)
    pixels = project(points, lens=lens(views), camera_from_world=ring(views)).pixels
    detected = generator.random(pixels.shape[:-1]) > 0.1
    noisy = np.where(detected[..., None], pixels + generator.normal(scale=0.5, size=pixels.shape), 0.0)
    floats = {
        "pixels": noisy,
        "confidence": generator.random(detected.shape),
        "lens": np.broadcast_to(lens(views), (FRAMES, views, 10)),
        "camera_from_world": np.broadcast_to(ring(views), (FRAMES, views, 3, 4)),
        "pose_sigma": np.full((FRAMES, views, 2), 1e-3),
        "time_step_s": np.full(FRAMES, 1 / 60),
    }
    return {name: array.astype(np.float32) for name, array in floats.items()} | {
        "detected": detected,
        "view_mask": np.ones((FRAMES, views), dtype=bool),
    }


def source() -> Source:
    """What `write_bundle` makes a bundle from."""
    return Source(
        network_for=lambda views: StandIn(views=views),
        inputs_for=frames,
        skeleton=SKELETON,
        noise_px=1.0,
        training={"experiment": "stand_in", "val/mpjpe_mm": 12.5},
        measured="| held mm | 3.1 [2.9, 3.4] |",
    )


@cache
def shared_bundle(base: Path) -> Path:
    """Write a bundle for four views, once per process: an export takes seconds."""
    folder = base / "stand_in_bundle"
    write_bundle(folder, source(), views=(4,))
    return folder
