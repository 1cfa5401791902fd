"""From what the loop publishes to messages, and back."""

from typing import Any

import numpy as np

import mvmono3d
from mvmono3d.core.camera import Camera
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import Decision, MissingReason, PointSource
from mvmono3d.deploy.server.messages import (
    SCHEMA,
    ActorPart,
    CameraPart,
    Hello,
    MetricsPart,
    Pose,
    Quad,
    RigPart,
    SkeletonPart,
)
from mvmono3d.deploy.server.pose_frame import (
    CONFIDENCE_WITHIN_M,
    ActorPose,
    ObjectPose,
    PoseFrame,
    PoseMetrics,
)

_UPPER = ((0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2))
_FULL = ((0, 1, 2), (1, 3, 4), (2, 4, 5))
_POINT_DECIMALS, _VARIANCE_DECIMALS, _PIXEL_DECIMALS = 6, 12, 2


def hello_message(skeleton: Skeleton, rig: Rig) -> Hello:
    """Return what a client is told first."""
    return Hello(
        schema=SCHEMA,
        version=mvmono3d.__version__,
        skeleton=SkeletonPart(
            name=skeleton.name,
            joints=list(skeleton.joints),
            parents=list(skeleton.parents),
            hash=skeleton.hash,
        ),
        rig=RigPart(hash=rig.hash, cameras=[_camera(rig, view) for view in range(len(rig.names))]),
        confidence_within_m=CONFIDENCE_WITHIN_M,
        occlusion_states=[state.name for state in OcclusionState],
        sources=[source.name for source in PointSource],
        decisions=[decision.name for decision in Decision],
        reasons=[reason.name for reason in MissingReason],
    )


def _camera(rig: Rig, view: int) -> CameraPart:
    width, height = rig.camera.size_px[view].tolist()
    return CameraPart(
        name=rig.names[view],
        size_px=(width, height),
        lens=tuple(rig.camera.lens[view].tolist()),
        camera_from_world=(_row(rig, view, 0), _row(rig, view, 1), _row(rig, view, 2)),
    )


def _row(rig: Rig, view: int, row: int) -> Quad:
    x, y, z, offset = rig.camera_from_world[view, row].tolist()
    return x, y, z, offset


def rig_of(hello: Hello) -> Rig:
    """Return the rig that a server told of; uncertainties of poses are not sent and are 0 here."""
    cameras = hello.rig.cameras
    lens = np.array([camera.lens for camera in cameras])
    return Rig(
        camera=Camera(
            focal_px=lens[:, 0:2],
            centre_px=lens[:, 2:4],
            distortion=lens[:, 4:9],
            fisheye=lens[:, 9] != 0,
            size_px=np.array([camera.size_px for camera in cameras]),
        ),
        camera_from_world=np.array([camera.camera_from_world for camera in cameras]),
        pose_sigma=np.zeros((len(cameras), 2)),
        names=tuple(camera.name for camera in cameras),
    )


def pose_message(frame: PoseFrame) -> Pose:
    """Return the message of an answer: micrometres, µm², hundredths of a pixel, per cents."""
    first = _lists(frame.actors[0]) if frame.actors else _NOBODY
    return Pose(
        seq=frame.seq,
        t_ns=frame.time_ns,
        published_ns=frame.published_ns,
        **first,
        others=[ActorPart(**_lists(actor)) for actor in frame.actors[1:]],
        view_present=frame.view_present.tolist(),
        poses={pose.name: (*pose.quaternion_wxyz, *pose.position_world) for pose in frame.objects},
        roi_pc=frame.cloud_id,
        metrics=MetricsPart(
            reproj_rmse=round(frame.metrics.reprojection_rms_px, 3),
            lat_ms=round(frame.metrics.latency_ms, 3),
            stages_ms={name: round(value, 3) for name, value in frame.metrics.stages_ms},
        ),
        warnings=list(frame.warnings),
    )


_NOBODY: dict[str, Any] = {
    "actor": None,
    **{name: [] for name in ActorPart.__struct_fields__ if name != "actor"},
}


def _lists(actor: ActorPose) -> dict[str, Any]:
    keypoints = np.concatenate([actor.points_world, actor.confidence[:, None]], axis=1)
    upper = actor.covariance_world[:, _UPPER[0], _UPPER[1]]
    return {
        "actor": actor.actor,
        "keypoints3d": np.round(keypoints, _POINT_DECIMALS).tolist(),
        "covariance": np.round(upper, _VARIANCE_DECIMALS).tolist(),
        "source": actor.source.tolist(),
        "decided_by": actor.decided_by.tolist(),
        "reason": actor.reason.tolist(),
        "occlusion": actor.occlusion.argmax(axis=-1).tolist(),
        "occlusion_percent": _percent(actor.occlusion),
        "weights_percent": _percent(actor.weights),
        "reprojection_px": np.round(actor.reprojection_px, _PIXEL_DECIMALS).tolist(),
    }


def _percent(shares: np.ndarray) -> Any:
    return np.rint(shares * 100.0).astype(np.int64).tolist()


def pose_frame(pose: Pose) -> PoseFrame:
    """Return the answer that a message holds, to the precision of `pose_message`."""
    own = [] if pose.actor is None else [_actor(pose.actor, pose, views=len(pose.view_present))]
    others = [_actor(part.actor, part, views=len(pose.view_present)) for part in pose.others]
    return PoseFrame(
        seq=pose.seq,
        time_ns=pose.t_ns,
        published_ns=pose.published_ns,
        actors=(*own, *others),
        view_present=np.array(pose.view_present, dtype=bool),
        objects=tuple(
            ObjectPose(name=name, quaternion_wxyz=state[:4], position_world=state[4:])
            for name, state in pose.poses.items()
        ),
        cloud_id=pose.roi_pc,
        metrics=PoseMetrics(
            reprojection_rms_px=pose.metrics.reproj_rmse,
            latency_ms=pose.metrics.lat_ms,
            stages_ms=tuple(pose.metrics.stages_ms.items()),
        ),
        warnings=tuple(pose.warnings),
    )


def _actor(actor: int, lists: Pose | ActorPart, *, views: int) -> ActorPose:
    joints = len(lists.source)
    points = np.array(lists.keypoints3d, dtype=np.float64).reshape(joints, 4)[:, :3]
    upper = np.array(lists.covariance, dtype=np.float64).reshape(joints, 6)
    return ActorPose(
        actor=actor,
        points_world=points,
        covariance_world=upper[:, _FULL],
        source=np.array(lists.source, dtype=np.int64),
        decided_by=np.array(lists.decided_by, dtype=np.int64),
        reason=np.array(lists.reason, dtype=np.int64),
        occlusion=np.array(lists.occlusion_percent, dtype=np.float64).reshape(views, joints, 4) / 100.0,
        weights=np.array(lists.weights_percent, dtype=np.float64).reshape(views, joints) / 100.0,
        reprojection_px=np.array(lists.reprojection_px, dtype=np.float64).reshape(views, joints),
    )
