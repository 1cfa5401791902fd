"""The recordings that all methods get, and how they are handed to the peers."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mvmono3d.core.clip import Clip
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource
from mvmono3d.formats.any_detections import read_any_detections
from mvmono3d.pipeline.classical import reconstruct_robust
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.settings import RigSettings
from mvmono3d.synthetic.splits import Split, clip_seeds
from mvmono3d.synthetic.world import make_clips
from tests.benchmarks.peers.exchange import Scene

FIRST_TEST_CLIP = 20_000
"""Far from the clips that validation during training looks at."""


@dataclass(frozen=True, kw_only=True)
class World:
    """A kind of recording."""

    title: str
    skeleton: str
    preset: str
    tuned_on: str
    """The world whose training clips the peers' settings come from."""


WORLDS = {
    "body25b": World(
        title="body, 25 joints, realistic detector, ring of four",
        skeleton="body25b",
        preset="realistic",
        tuned_on="body25b",
    ),
    "body17": World(
        title="body, 17 joints, realistic detector, ring of four",
        skeleton="body17",
        preset="realistic",
        tuned_on="body25b",
    ),
    "hand21-C": World(
        title="hand, 21 joints, regime C (self-occlusion)",
        skeleton="hand21",
        preset="C",
        tuned_on="hand21-C",
    ),
    "hand21-E": World(
        title="hand, 21 joints, regime E (grasp-like bursts)",
        skeleton="hand21",
        preset="E",
        tuned_on="hand21-E",
    ),
}


def clips_of(name, count, *, split, frames, first=0):
    """Return clips of a world; its people, rigs and seeds belong to the split alone."""
    world = WORLDS[name]
    settings = replace(preset(world.preset, skeleton=world.skeleton), frames=frames)
    if world.preset == "realistic":
        settings = replace(settings, rig=RigSettings(layouts=("ring",)))
    return list(make_clips(settings, clip_seeds(split, count, first=first)))


def held_out_clips(name, count, *, frames):
    return clips_of(name, count, split=Split.TEST, frames=frames, first=FIRST_TEST_CLIP)


def training_clips(name, count, *, frames):
    return clips_of(name, count, split=Split.TRAIN, frames=frames)


def real_clip(folder):
    """Return Pose2Sim's demonstration trial: no truth."""
    root = Path(folder)
    rig = read_rig(root / "S00_Calibration" / "Calib_qualisys.toml")
    skeleton = load_skeleton("body25b")
    trial = root / "S00_P00_SingleParticipant" / "S00_P00_T01_BalancingTrial" / "pose-associated"
    detections = read_any_detections(trial, skeleton=skeleton, views=rig.names)
    return Clip(skeleton=skeleton, rig=rig.select(detections.views), observations=detections.observations)


def without_view(clip, view):
    """Return the clip in which one camera saw nothing."""
    detected = np.asarray(clip.observations.detected).copy()
    detected[:, view] = False
    return replace(clip, observations=replace(clip.observations, detected=detected))


def scene_of(clip):
    """Return a clip as the peers get it: all but truth."""
    observations, camera, skeleton = clip.observations, clip.rig.camera, clip.skeleton
    start = reconstruct_robust(observations, clip.rig, skeleton).trajectory
    bones = np.array(skeleton.bones, dtype=np.int64).reshape(-1, 2)
    flexible = np.array([skeleton.flexible[child] for _, child in skeleton.bones], dtype=bool)
    return Scene(
        pixels=np.asarray(observations.pixels, dtype=np.float64),
        confidence=np.asarray(observations.confidence, dtype=np.float64),
        detected=np.asarray(observations.detected, dtype=bool),
        time_ns=np.asarray(observations.time_ns, dtype=np.int64),
        lens=np.asarray(camera.lens, dtype=np.float64),
        camera_from_world=np.asarray(clip.rig.camera_from_world, dtype=np.float64),
        size_px=np.asarray(camera.size_px, dtype=np.int64),
        joints=np.array(skeleton.joints),
        bones=bones[~flexible],
        flexible_bones=bones[flexible],
        start_points=np.asarray(start.points_world, dtype=np.float64),
        start_answered=np.asarray(start.source) != PointSource.MISSING,
    )
