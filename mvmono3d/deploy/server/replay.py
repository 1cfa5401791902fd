"""Publish a reconstruction as if a rig made it now: for demonstrations and tests without cameras."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mvmono3d.core.npz import read_npz
from mvmono3d.core.reconstruction_file import read_reconstruction
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton, skeleton_names
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.deploy.server.pose_frame import ActorPose, PoseFrame, PoseMetrics, reprojection_rms_px
from mvmono3d.errors import InvalidFileError

_TRAJECTORY = ("points_world", "covariance_world", "source")
_EVIDENCE = ("decided_by", "reason", "occlusion", "weights", "reprojection_px")


def read_take(path: Path, skeleton: str | None) -> tuple[Reconstruction, Skeleton]:
    """Read a reconstruction; its own skeleton's name counts unless one is given."""
    if skeleton is None:
        skeleton = str(read_npz(path, required=("skeleton",))["skeleton"])
        if skeleton not in skeleton_names():
            raise InvalidFileError(f"{path} is of skeleton {skeleton!r}: give its YAML with --skeleton")
    found = load_skeleton(skeleton)
    return read_reconstruction(path, found), found


def actor_pose(take: Reconstruction, frame: int, *, actor: int = 0) -> ActorPose:
    """Return one frame of a reconstruction as it is published."""
    return ActorPose(
        actor=actor,
        **{name: np.asarray(getattr(take.trajectory, name)[frame]) for name in _TRAJECTORY},
        **{name: np.asarray(getattr(take, name)[frame]) for name in _EVIDENCE},
    )


def pose_frames(take: Reconstruction, *, first_seq: int = 0) -> Iterator[PoseFrame]:
    """Yield the frames of a take; they are published at the moment they are asked for."""
    for frame, time_ns in enumerate(take.trajectory.time_ns.tolist()):
        actor = actor_pose(take, frame)
        yield PoseFrame(
            seq=first_seq + frame,
            time_ns=time_ns,
            published_ns=time.monotonic_ns(),
            actors=(actor,),
            view_present=np.asarray(actor.weights.any(axis=1)),
            metrics=PoseMetrics(reprojection_rms_px=reprojection_rms_px((actor,))),
        )


def play(
    take: Reconstruction,
    publish: Callable[[PoseFrame], None],
    *,
    rate_hz: float | None = None,
    repeat: bool = True,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Publish a take in its own time, or at a rate, again and again; returns how many frames went out."""
    seq, due_s = 0, time.monotonic()
    steps_s = _steps_s(take.trajectory.time_ns, rate_hz)
    while True:
        for frame, step_s in zip(pose_frames(take, first_seq=seq), steps_s, strict=True):
            if stop():
                return seq
            publish(frame)
            seq += 1
            due_s += step_s
            time.sleep(max(0.0, due_s - time.monotonic()))
        if not repeat:
            return seq


def _steps_s(time_ns: np.ndarray, rate_hz: float | None) -> list[float]:
    if rate_hz is not None or len(time_ns) < 2:
        return [1.0 / (rate_hz or 60.0)] * len(time_ns)
    steps = np.diff(time_ns) * 1e-9
    return [*steps.tolist(), float(np.median(steps))]
