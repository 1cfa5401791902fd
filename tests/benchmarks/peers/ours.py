"""Our methods on the same scenes, timed in this process."""

import time
from functools import partial
from pathlib import Path

import numpy as np

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.reconstruct import reconstruct_with_bundle
from mvmono3d.deploy.released import released_bundle
from mvmono3d.pipeline.classical import reconstruct_robust
from mvmono3d.pipeline.kalman import reconstruct_kalman
from mvmono3d.pipeline.smoother import reconstruct_map
from tests.benchmarks.peers.exchange import Answer

CLASSICAL = {
    "ours, robust": reconstruct_robust,
    "ours, Kalman and bones": reconstruct_kalman,
    "ours, MAP smoother": reconstruct_map,
}


def our_methods(skeleton, bundles):
    """Return name → method of a clip: the classical ones, and every bundle for that skeleton."""
    methods = {name: partial(_classical, method) for name, method in CLASSICAL.items()}
    released = released_bundle(load_skeleton(skeleton))
    for folder in [*([] if released is None else [released]), *(Path(bundle) for bundle in bundles)]:
        if read_bundle(folder).manifest.skeleton.name == skeleton:
            methods[f"ours, bundle {folder.name}"] = partial(_bundle, folder)
    return methods


def answer_with(method, clip):
    """Run a method of ours on a clip and time it."""
    begin = time.process_time()
    trajectory = method(clip).trajectory
    spent = time.process_time() - begin
    return Answer(
        points=np.asarray(trajectory.points_world, dtype=np.float64),
        answered=np.asarray(trajectory.source) != PointSource.MISSING,
        cpu_s=spent,
        core_cpu_s=spent,
    )


def _classical(method, clip):
    return method(clip.observations, clip.rig, clip.skeleton)


def _bundle(folder, clip):
    return reconstruct_with_bundle(folder, clip.observations, rig=clip.rig, skeleton=clip.skeleton)
