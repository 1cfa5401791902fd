"""The messages of the pose stream; `docs/reference/stream.md` is generated from them.

Metres, radians, seconds; other units are in the name. Times are int64 ns, in JSON strings.
"""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

SCHEMA = 1
"""Of the messages; a client refuses another one."""

Point = tuple[float, float, float]
Quad = tuple[float, float, float, float]
Covariance = tuple[float, float, float, float, float, float]
ObjectState = tuple[float, float, float, float, float, float, float]
Matrix34 = tuple[Quad, Quad, Quad]
Lens = tuple[float, float, float, float, float, float, float, float, float, float]


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A message of the server."""


class SkeletonPart(msgspec.Struct, frozen=True, kw_only=True):
    """The joints, in the order of every list of joints."""

    name: str
    joints: list[str]
    parents: list[int]
    """Index of each joint's parent; -1 for the root."""
    hash: str


class CameraPart(msgspec.Struct, frozen=True, kw_only=True):
    """One calibrated camera; the order of cameras is the order of every list of views."""

    name: str
    size_px: tuple[int, int]
    """Width, height."""
    lens: Lens
    """fx fy cx cy, k1 k2 p1 p2 k3 (fisheye: k1 k2 k3 k4 0), 1 for fisheye."""
    camera_from_world: Matrix34
    """[R | t], OpenCV's axes."""


class RigPart(msgspec.Struct, frozen=True, kw_only=True):
    """The calibration that all answers rest on."""

    hash: str
    cameras: list[CameraPart]


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """First message of a connection; comes again when the loop was started anew."""

    schema: int
    version: str
    """Of mvmono3d."""
    skeleton: SkeletonPart
    rig: RigPart
    confidence_within_m: float
    """What a joint's confidence is the probability of: to lie within this distance of its point."""
    occlusion_states: list[str]
    sources: list[str]
    decisions: list[str]
    reasons: list[str]
    """Names of the numbers in `occlusion`, `source`, `decided_by` and `reason`."""


class ActorPart(msgspec.Struct, frozen=True, kw_only=True):
    """One actor beside the first."""

    actor: int
    keypoints3d: list[Quad]
    covariance: list[Covariance]
    source: list[int]
    decided_by: list[int]
    reason: list[int]
    occlusion: list[list[int]]
    occlusion_percent: list[list[tuple[int, int, int, int]]]
    weights_percent: list[list[int]]
    reprojection_px: list[list[float]]


class MetricsPart(msgspec.Struct, frozen=True, kw_only=True):
    """How good and how late an answer is."""

    reproj_rmse: float
    """Pixels, over all actors, each detection by its weight."""
    lat_ms: float
    """From mid-exposure until it was published."""
    stages_ms: dict[str, float]


class Pose(Message, frozen=True, kw_only=True, tag="pose"):
    """The answer for one frame set: the first actor's lists, and the others in `others`."""

    seq: int
    """A gap is an answer that was replaced by a newer one on its way."""
    t_ns: int
    """Start of exposure, rig clock."""
    published_ns: int
    """The host's monotonic clock when the answer was ready."""
    actor: int | None
    """Who the lists below are about; none when nobody is seen (the lists are empty then)."""
    keypoints3d: list[Quad]
    """x y z (m, world, +Z up) and confidence of each joint; zeros where its source is 0."""
    covariance: list[Covariance]
    """xx xy xz yy yz zz of each joint, m²."""
    source: list[int]
    """0 missing, 1 measured, 2 imputed."""
    decided_by: list[int]
    """0 learned, 1 consensus, 2 predicted."""
    reason: list[int]
    """Why it is missing: 0 it is not, 1 too few views, 2 contradiction, 3 degenerate, 4 expired."""
    occlusion: list[list[int]]
    """Per view and joint: 0 visible, 1 hidden by the actor, 2 by an object, 3 unknown."""
    occlusion_percent: list[list[tuple[int, int, int, int]]]
    """Per view and joint: probability of each state, in percent."""
    weights_percent: list[list[int]]
    """Per view and joint: the view's share of the joint's information, in percent."""
    reprojection_px: list[list[float]]
    """Per view and joint: from detection to projected joint; 0 where not detected."""
    others: list[ActorPart]
    view_present: list[bool]
    """Which cameras delivered."""
    poses: dict[str, ObjectState]
    """Objects and limbs: qw qx qy qz x y z, world."""
    roi_pc: int | None
    """Number of this frame set's point cloud on the topic `/cloud`; none where it is still to be made."""
    metrics: MetricsPart
    warnings: list[str]
    """What is wrong now, in words."""


class Box(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A region of interest, along the world's axes."""

    center: Point
    size: Point


class Status(Message, frozen=True, kw_only=True, tag="status"):
    """How the rig is; comes when it changes, and as the answer to `status`."""

    source: str
    """`live`, or `lost` while the loop is gone."""
    roi: Box | None = None
    exposure_ns: int | None = None
    gain_db: float | None = None
    recording: str | None = None
    """Name of the take that is being recorded."""
    detail: dict[str, str] = {}
    """State of each part, in words."""


class Cloud(Message, frozen=True, kw_only=True, tag="cloud"):
    """A point cloud of the region of interest, on the topic `/cloud`."""

    id: int
    """`seq` of the pose of the same frame set, which has the same `t_ns`, too."""
    t_ns: int
    count: int
    origin: Point
    step_m: float
    points: bytes
    """`count` triples of uint16, little endian: point = origin + step_m * triple. In JSON: base64."""


class CameraImage(msgspec.Struct, frozen=True, kw_only=True):
    """A small picture of one camera."""

    camera: str
    width: int
    height: int
    jpeg: bytes
    """In JSON: base64."""


class Images(Message, frozen=True, kw_only=True, tag="images"):
    """What the cameras see, small, on the topic `/images`."""

    t_ns: int
    images: list[CameraImage]


class Reply(Message, frozen=True, kw_only=True, tag="reply"):
    """A command was accepted."""

    cmd: str
    id: int | None = None


class Failure(Message, frozen=True, kw_only=True, tag="error"):
    """A message was refused; nothing was done."""

    code: str
    """`malformed`, `unauthorised`, `unavailable`."""
    message: str
    id: int | None = None


ServerMessage = Hello | Pose | Status | Cloud | Images | Reply | Failure

Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Words = Annotated[str, Meta(min_length=1, max_length=200)]
Token = Annotated[str, Meta(max_length=256)]
RequestId = Annotated[int, Meta(ge=0, lt=1 << 53)]


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="cmd", forbid_unknown_fields=True):
    """A message of a client."""

    privileged: ClassVar[bool] = True
    """Whether it needs the control token."""

    id: RequestId | None = None
    """Comes back in the answer."""
    token: Token | None = None


class Subscription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messages are delivered."""

    credit: Annotated[int, Meta(ge=1, le=16)] | None = None
    """At most this many messages that were not acknowledged; none: push, newest only."""


class Subscribe(Command, frozen=True, kw_only=True, tag="subscribe"):
    """Choose credit or push."""

    privileged: ClassVar[bool] = False
    value: Subscription


class Acknowledge(Command, frozen=True, kw_only=True, tag="ack"):
    """Say that a message was used; the value is its `seq` (`id` of a cloud, `t_ns` of images)."""

    privileged: ClassVar[bool] = False
    value: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")]


class SetRoi(Command, frozen=True, kw_only=True, tag="set_roi"):
    """Look for actors in this box only."""

    value: Box


class Exposure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all cameras are set to."""

    exposure_ns: Annotated[int, Meta(ge=1_000, le=1_000_000_000)]
    gain_db: Annotated[float, Meta(ge=0.0, le=60.0)] | None = None


class SetExposure(Command, frozen=True, kw_only=True, tag="set_exposure"):
    """Set exposure and gain of all cameras."""

    value: Exposure


class Take(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording that is to begin, and who agreed to it."""

    name: Identifier
    """Of the folder below the site's own folder of takes; never a path."""
    consent: Identifier
    """Name of the consent file that the site holds."""
    purpose: Words


class StartRecording(Command, frozen=True, kw_only=True, tag="start_recording"):
    """Record from now on."""

    value: Take


class StopRecording(Command, frozen=True, kw_only=True, tag="stop_recording"):
    """End the recording."""

    value: None = None


class Recalibrate(Command, frozen=True, kw_only=True, tag="recalibrate"):
    """Let the guard place the cameras anew."""

    value: None = None


class GetStatus(Command, frozen=True, kw_only=True, tag="status"):
    """Answered by a status message."""

    value: None = None


ClientMessage = (
    Subscribe | Acknowledge | SetRoi | SetExposure | StartRecording | StopRecording | Recalibrate | GetStatus
)
