"""Clips with perfect truth: an actor before a rig, as a detector and an imperfect calibration show it."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mvmono3d.core.array import Array
from mvmono3d.core.clip import Clip
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource, Trajectory
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.synthetic.actors import make_scene, workspace_of_actor
from mvmono3d.synthetic.detector import detect
from mvmono3d.synthetic.motion_file import RecordedMotion, read_motion
from mvmono3d.synthetic.occlusion import occluded_by
from mvmono3d.synthetic.rigs import calibrate_with_errors, make_rig
from mvmono3d.synthetic.scene import Scene
from mvmono3d.synthetic.settings import WorldSettings
from mvmono3d.synthetic.splits import ClipSeeds
from mvmono3d.synthetic.streams import generator


class ClipWithTruth(NamedTuple):
    """A clip with what its user never has: the scene's flesh and props, and the true rig."""

    clip: Clip
    scene: Scene
    true_rig: Rig


def make_clip(settings: WorldSettings, *, seed: int, subject: int, rig_seed: int) -> Clip:
    """Make a clip of float32 arrays; equal arguments give equal bytes.

    Its rig is the one that its user would have, with calibration error; the detections come from the true
    one. The truth has zero covariance and source MEASURED.
    """
    return make_clip_with_true_rig(settings, seed=seed, subject=subject, rig_seed=rig_seed).clip


def make_clip_with_true_rig(
    settings: WorldSettings, *, seed: int, subject: int, rig_seed: int
) -> ClipWithTruth:
    """Make a clip as `make_clip` does, and keep the scene and the rig that it truly came from."""
    skeleton = _skeleton(settings.skeleton)
    workspace = workspace_of_actor(skeleton)
    scene = make_scene(
        skeleton,
        frames=settings.frames,
        rate_hz=settings.rate_hz,
        seed=seed,
        subject=subject,
        props=settings.props,
        motion=_motion(settings, seed=seed),
    )
    true_rig = make_rig(settings.rig, workspace=workspace, seed=rig_seed)
    rig = calibrate_with_errors(true_rig, settings.calibration, workspace=workspace, seed=rig_seed)
    clip = observe(scene, true_rig, skeleton=skeleton, settings=settings, seed=seed, rig=rig)
    return ClipWithTruth(clip, scene, true_rig)


def make_clips(settings: WorldSettings, seeds: Iterable[ClipSeeds]) -> Iterator[Clip]:
    """Yield a clip for each of the seeds, for instance those of `splits.clip_seeds`."""
    for each in seeds:
        yield make_clip(settings, seed=each.seed, subject=each.subject, rig_seed=each.rig_seed)


def observe(
    scene: Scene, true_rig: Rig, *, skeleton: Skeleton, settings: WorldSettings, seed: int, rig: Rig
) -> Clip:
    """Let a detector watch any scene through the true rig; `rig` is what the clip will say."""
    hidden = occluded_by(
        scene,
        camera_centres(true_rig.camera_from_world),
        contact_tolerance_m=settings.contact_tolerance_m,
    )
    detected = detect(
        scene,
        true_rig,
        skeleton=skeleton,
        hidden=hidden,
        settings=settings.detector,
        rate_hz=settings.rate_hz,
        seed=seed,
    )
    return Clip(
        skeleton=skeleton,
        rig=rig.map(_single),
        observations=detected.observations,
        truth=_truth(scene),
        occlusion=detected.occlusion,
    )


def _truth(scene: Scene) -> Trajectory:
    points = scene.points_world.astype(np.float32)
    return Trajectory(
        points_world=points,
        covariance_world=np.zeros((*points.shape, 3), dtype=np.float32),
        source=np.full(points.shape[:-1], PointSource.MEASURED, dtype=np.int8),
        time_ns=scene.time_ns,
    )


def _single(array: Array) -> Array:
    return array.astype(np.float32) if np.issubdtype(array.dtype, np.floating) else array


def _motion(settings: WorldSettings, *, seed: int) -> RecordedMotion | None:
    if generator(seed, "recorded share").random() >= settings.motion_share or settings.motion_file is None:
        return None
    return read_motion(Path(settings.motion_file))


@lru_cache(maxsize=16)
def _skeleton(name_or_path: str) -> Skeleton:
    return load_skeleton(name_or_path)
