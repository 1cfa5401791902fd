"""JSON schemas of the messages beside the frames.

Written from the fields that https://docs.foxglove.dev/docs/visualization/message-schemas documents, so that
Foxglove shows previews and joints of a segment as it is.
"""

from typing import Any

import msgspec

_NUMBER: dict[str, Any] = {"type": "number"}
_NAMES: dict[str, Any] = {"type": "array", "items": {"type": "string"}}


def _object(properties: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}


_TIME = _object(
    {"sec": {"type": "integer", "minimum": 0}, "nsec": {"type": "integer", "minimum": 0}}, title="time"
)
_VECTOR = _object(dict.fromkeys("xyz", _NUMBER), title="foxglove.Vector3")
_QUATERNION = _object(dict.fromkeys("xyzw", _NUMBER), title="foxglove.Quaternion")
_POSE = _object({"position": _VECTOR, "orientation": _QUATERNION}, title="foxglove.Pose")

COMPRESSED_IMAGE = "foxglove.CompressedImage"
POSES_IN_FRAME = "foxglove.PosesInFrame"
JOINTS = "mvmono3d.Joints"
RECORDER = "mvmono3d.Recorder"

_SCHEMAS = {
    COMPRESSED_IMAGE: _object(
        {
            "timestamp": _TIME,
            "frame_id": {"type": "string"},
            "data": {"type": "string", "contentEncoding": "base64"},
            "format": {"type": "string"},
        }
    ),
    POSES_IN_FRAME: _object(
        {"timestamp": _TIME, "frame_id": {"type": "string"}, "poses": {"type": "array", "items": _POSE}}
    ),
    JOINTS: _object(
        {
            "time_ns": {"type": "string", "description": "start of exposure, rig clock; exceeds 2^53"},
            "skeleton": {"type": "string"},
            "joints": _NAMES,
            "points_world": {"type": "array", "items": {"type": "array", "items": _NUMBER}},
            "source": {"type": "array", "items": {"type": "integer"}, "description": "PointSource"},
            "actor": {"type": "integer", "description": "who it is; absent: 0"},
            "covariance_world": {
                "type": "array",
                "items": {"type": "array", "items": _NUMBER},
                "description": "xx xy xz yy yz zz of each joint, square metres; absent: not told",
            },
        }
    ),
    RECORDER: _object(
        {
            "cameras": _NAMES,
            "offered": {"type": "array", "items": {"type": "integer"}},
            "recorded": {"type": "array", "items": {"type": "integer"}},
            "lost": {"type": "object", "description": "by cause: frames of each camera"},
        }
    ),
}


def schema_text(name: str) -> bytes:
    """Return the JSON schema of a message."""
    return msgspec.json.encode({"title": name, **_SCHEMAS[name]})
