"""Reconstruct whole recordings with a trained reconstructor, frame set by frame set."""

import numpy as np
import torch
from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.trajectory import Reconstruction, Trajectory
from mvmono3d.geometry.noise_scale import recording_sigma_px
from mvmono3d.geometry.projection import project
from mvmono3d.nn.batch import frames_of
from mvmono3d.nn.recording_noise import rescale
from mvmono3d.pipeline.answer import Answer
from mvmono3d.pipeline.reconstructor import Reconstructor


def reconstruct_clip(reconstructor: Reconstructor, clip: Clip) -> Reconstruction:
    """Reconstruct one clip of numpy arrays without batch axis; causal."""
    return reconstruct_recording(reconstructor, clip.observations, clip.rig)


@torch.no_grad()
def reconstruct_recording(
    reconstructor: Reconstructor, observations: Observations, rig: Rig, *, noise_px: float | None = None
) -> Reconstruction:
    """Reconstruct a recording of numpy arrays (time, view, joint) on its rig.

    Causal but for one number: unless `noise_px` gives it, the standard deviation of a good detection is
    measured on the whole recording.
    """
    training = reconstructor.training
    reconstructor.eval()
    frames = frames_of(observations.map(_one), rig.map(_one))
    noise_px = noise_px or recording_sigma_px(observations, rig)
    frames = rescale(frames, reconstructor.units.noise_px[None] / noise_px)
    state = reconstructor.start(batch=1, views=len(rig.names))
    answer, _, _ = reconstructor(reconstructor.gather(frames), state)
    reconstructor.train(training)
    return _reconstruction(answer, observations, rig)


def _one(array: np.ndarray) -> Tensor:
    """Turn an array into a tensor with a batch axis of one."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))[None]
    return tensor.to(torch.float32) if tensor.is_floating_point() else tensor


def _reconstruction(answer: Answer, observations: Observations, rig: Rig) -> Reconstruction:
    points, covariance, source, decided_by, reason, weights, logits = (value[0].numpy() for value in answer)
    projection = project(
        points.astype(np.float64), lens=rig.camera.lens, camera_from_world=rig.camera_from_world
    )
    shown = observations.detected & (source > 0)[:, None] & projection.in_front
    distance = np.sqrt(np.square(observations.pixels - projection.pixels).sum(-1))
    exponent = np.exp(logits - logits.max(-1, keepdims=True))
    return Reconstruction(
        trajectory=Trajectory(
            points_world=points,
            covariance_world=covariance,
            source=source,
            time_ns=observations.time_ns,
        ),
        decided_by=decided_by,
        reason=reason,
        weights=weights,
        occlusion=exponent / exponent.sum(-1, keepdims=True),
        reprojection_px=np.where(shown, distance, 0.0),
    )
