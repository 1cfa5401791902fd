"""Run a bundle over a recording, frame by frame, as the rig would have."""

from pathlib import Path

import numpy as np

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import PointSource, Reconstruction, Trajectory
from mvmono3d.deploy.bundle import Bundle, read_bundle
from mvmono3d.deploy.engines.load import load_graph
from mvmono3d.deploy.frames import graph_inputs
from mvmono3d.deploy.selftest import run_sequence
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.noise_scale import recording_sigma_px
from mvmono3d.geometry.projection import project


def reconstruct_with_bundle(
    folder: Path,
    observations: Observations,
    *,
    rig: Rig,
    skeleton: Skeleton,
    noise_px: float | None = None,
    threads: int = 1,
) -> Reconstruction:
    """Reconstruct a recording (time view joint) with the bundle in a folder.

    Causal, but for one number: unless `noise_px` gives it, the standard deviation of a good detection is
    measured on the whole recording. The graph exported for the next greater number of views is used.
    Raises `InvalidRecordError` when rig, skeleton or shapes don't fit the bundle, and what `read_bundle`
    raises.
    """
    bundle = read_bundle(folder)
    _check(bundle, observations, rig, skeleton)
    graph = bundle.graph_for(len(rig.names))
    engine = load_graph(bundle, graph, threads=threads)
    magnify = bundle.manifest.noise_px / (noise_px or recording_sigma_px(observations, rig))
    inputs = graph_inputs(observations, rig, views=graph.views, magnify=magnify)
    outputs = run_sequence(engine, inputs, state_size=graph.state_size)
    return reconstruction_of(outputs, observations, rig)


def _check(bundle: Bundle, observations: Observations, rig: Rig, skeleton: Skeleton) -> None:
    known, views = bundle.manifest.skeleton, len(rig.names)
    if skeleton.hash != known.hash:
        lost = sorted(set(known.joints) - set(skeleton.joints))
        detail = f"; it lacks {', '.join(lost)}" if lost else "; same joints, other order or tree"
        raise InvalidRecordError(
            f"detections of skeleton {skeleton.name!r} ({len(skeleton.joints)} joints), but bundle "
            f"{bundle.folder} is for {known.name!r} ({len(known.joints)} joints){detail}"
        )
    shape = observations.pixels.shape
    expected = (views, len(known.joints), 2)
    if len(shape) != 4 or shape[1:] != expected or not shape[0]:
        raise InvalidRecordError(f"pixels {shape}, expected (time, {', '.join(map(str, expected))})")


def reconstruction_of(outputs: dict[str, np.ndarray], observations: Observations, rig: Rig) -> Reconstruction:
    """Return what a graph said of frames (first axis), for the cameras that the rig has."""
    views = len(rig.names)
    points = outputs["points_world"].astype(np.float64)
    return Reconstruction(
        trajectory=Trajectory(
            points_world=points,
            covariance_world=outputs["covariance_world"].astype(np.float64),
            source=outputs["source"],
            time_ns=np.asarray(observations.time_ns),
        ),
        decided_by=outputs["decided_by"],
        reason=outputs["reason"],
        weights=outputs["weights"][:, :views].astype(np.float64),
        occlusion=_probabilities(outputs["occlusion_logits"][:, :views]),
        reprojection_px=_reprojection_px(points, outputs["source"], observations, rig),
    )


def _probabilities(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp((logits - logits.max(axis=-1, keepdims=True)).astype(np.float64))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def _reprojection_px(
    points: np.ndarray, source: np.ndarray, observations: Observations, rig: Rig
) -> np.ndarray:
    projected = project(points, lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    apart = np.linalg.norm(projected.pixels - observations.pixels, axis=-1)
    present = (source != PointSource.MISSING)[:, None, :] & observations.detected & projected.in_front
    return np.where(present, apart, 0.0)
