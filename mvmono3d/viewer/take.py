"""What can be played in the viewer: a reconstruction, or a recording with its pictures and joints."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import Decision, MissingReason
from mvmono3d.deploy.recording.messages import JointsMessage
from mvmono3d.deploy.recording.reader import Recording, open_recording
from mvmono3d.deploy.server.pose_frame import ActorPose, PoseFrame
from mvmono3d.deploy.server.replay import pose_frames, read_take
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.any_rig import read_any_rig

_IMAGE_WIDTH = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedTake:
    """Frames in order, and the cameras where they are known."""

    name: str
    skeleton: Skeleton
    views: tuple[str, ...]
    rig: Rig | None
    frames: tuple[PoseFrame, ...]
    time_ns: Int[np.ndarray, " time"]
    pictures: Callable[[int], list[tuple[int, UInt8[np.ndarray, "height width"]]]] | None = None
    """Small pictures of a frame: view and image; none where the source has no pictures."""


def open_take(path: Path, *, rig: Path | None, skeleton: str | None, identity: str | None) -> ViewedTake:
    """Open a reconstruction or the folder of a recording.

    Raises `InvalidFileError` where it is neither, or its cameras don't fit the rig.
    """
    if path.is_dir():
        return _recording(path, skeleton=skeleton, identity=identity, rig=rig)
    reconstruction, found = read_take(path, skeleton)
    frames = tuple(pose_frames(reconstruction))
    count = len(frames[0].view_present) if frames else 0
    cameras = None if rig is None else read_any_rig(rig)
    if cameras is not None and len(cameras.names) != count:
        raise InvalidFileError(f"{path} has {count} views, but {rig} has {len(cameras.names)} cameras")
    names = tuple(f"view {view}" for view in range(count)) if cameras is None else cameras.names
    return ViewedTake(
        name=path.name,
        skeleton=found,
        views=names,
        rig=cameras,
        frames=frames,
        time_ns=np.asarray(reconstruction.trajectory.time_ns),
    )


def _recording(path: Path, *, skeleton: str | None, identity: str | None, rig: Path | None) -> ViewedTake:
    recording = open_recording(path, identity=identity)
    place = rig or path / "rig.toml"
    cameras = read_rig(place) if rig is None and place.is_file() else None
    cameras = read_any_rig(rig) if rig is not None else cameras
    messages: dict[int, list[JointsMessage]] = {}
    for message in recording.joints():
        messages.setdefault(message.time_ns, []).append(message)
    if not len(recording):
        raise InvalidFileError(f"{path} holds no frame set: there is nothing to view")
    first = next(iter(messages.values()), [])
    name = skeleton or (first[0].skeleton if first else "") or "hand21"
    found = load_skeleton(name)
    joints = len(found.joints)
    frames = tuple(
        _frame(seq, int(time_ns), messages.get(int(time_ns), []), joints=joints, views=len(recording.cameras))
        for seq, time_ns in enumerate(recording.time_ns.tolist())
    )
    return ViewedTake(
        name=path.name,
        skeleton=found,
        views=recording.cameras,
        rig=None if cameras is None else cameras.select(recording.cameras),
        frames=frames,
        time_ns=recording.time_ns,
        pictures=lambda number: _pictures(recording, number),
    )


def _frame(seq: int, time_ns: int, messages: list[JointsMessage], *, joints: int, views: int) -> PoseFrame:
    """Return the frame of recorded answers: they have points and sources, and say nothing of views."""
    for message in messages:
        if len(message.source) != joints:
            raise InvalidFileError(f"recorded joints: {len(message.source)}, but the skeleton has {joints}")
    actors = tuple(_actor(message, joints=joints, views=views) for message in messages)
    return PoseFrame(
        seq=seq, time_ns=time_ns, published_ns=0, actors=actors, view_present=np.ones(views, dtype=bool)
    )


def _actor(message: JointsMessage, *, joints: int, views: int) -> ActorPose:
    unknown, covariance = np.zeros((views, joints, 4)), message.covariance_world
    unknown[..., OcclusionState.UNKNOWN] = 1.0
    return ActorPose(
        actor=message.actor,
        points_world=np.where(message.present[:, None], message.points_world, 0.0),
        covariance_world=np.zeros((joints, 3, 3)) if covariance is None else covariance,
        source=message.source,
        decided_by=np.full(joints, Decision.LEARNED),
        reason=np.where(message.present, MissingReason.NONE, MissingReason.TOO_FEW_VIEWS),
        occlusion=unknown,
        weights=np.zeros((views, joints)),
        reprojection_px=np.zeros((views, joints)),
    )


def _pictures(recording: Recording, number: int) -> list[tuple[int, UInt8[np.ndarray, "height width"]]]:
    frames = recording[number].frames
    return [(recording.cameras.index(frame.camera), _small(frame.image, bits=frame.bits)) for frame in frames]


def _small(image: np.ndarray, *, bits: int) -> UInt8[np.ndarray, "height width"]:
    step = max(1, -(-image.shape[1] // _IMAGE_WIDTH))
    return np.ascontiguousarray(image[::step, ::step] >> (bits - 8)).astype(np.uint8)
