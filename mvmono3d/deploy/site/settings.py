"""What `site.yaml` says. Units stand in the names; anything else is text, a name or a count."""

from typing import Annotated, Literal

import msgspec

_Positive = Annotated[float, msgspec.Meta(gt=0)]
_NotNegative = Annotated[float, msgspec.Meta(ge=0)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
MOST_ACTORS = 12
"""Six people, or both hands of each."""
_Actors = Annotated[int, msgspec.Meta(ge=1, le=MOST_ACTORS)]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of the file: no key that isn't known."""


class Harvesters(Table, frozen=True, tag_field="kind", tag="harvesters"):
    """Real cameras, or the simulated ones, through GenTL."""

    producers: tuple[_Text, ...] = ()
    """Producer files (.cti) of the cameras' vendor; `simulated` is the simulated rig. Empty: those of
    the folders in GENICAM_GENTL64_PATH."""


class VirtualKnock(Table, frozen=True):
    """A camera is knocked while the rig runs: to see that the guard notices."""

    camera: _Text
    """Name."""
    turn_deg: float = 0.5
    """About its own axis that points down."""
    after_s: _Positive = 90.0
    """Of frames, from the start on; the guard learns for the first 60."""


class Virtual(Table, frozen=True, tag_field="kind", tag="virtual"):
    """Cameras that see the synthetic world; no hardware, no GenTL."""

    scene: Literal["hand", "body", "hands", "people", "board"] = "hand"
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Another number is another actor and another motion."""
    seconds: _Positive = 8.0
    """Length of what is played, forth and back without end."""
    live: bool = False
    """Render every frame when it is exposed, coarsely, rather than once and for all."""
    true_rig: _Text | None = None
    """File of the true cameras; absent: those of the virtual site that ships."""
    knock: VirtualKnock | None = None
    """Absent: nobody touches the cameras."""


class Replay(Table, frozen=True, tag_field="kind", tag="replay"):
    """A recording that is played through the same path as cameras."""

    recording: _Text
    """Its folder."""
    pace: Literal["real", "fast", "stepped"] = "real"
    speed: _Positive = 1.0
    """Of real time."""
    identity: _Text | None = None
    """File with the age identity that opens an encrypted recording."""


Backend = Harvesters | Virtual | Replay


class SiteCamera(Table, frozen=True):
    """One camera, found by its serial number, never by its place in a list."""

    name: _Text
    """As in `rig.toml`; names folders and topics of recordings."""
    serial: _Text


class Region(Table, frozen=True):
    """The part of the sensor that is read out; the rig's calibration is for exactly this part."""

    width_px: _Count
    height_px: _Count
    left_px: Annotated[int, msgspec.Meta(ge=0)] = 0
    top_px: Annotated[int, msgspec.Meta(ge=0)] = 0


class Image(Table, frozen=True):
    """What every camera delivers."""

    region: Region
    pixel_format: Literal["Mono8", "Mono10", "Mono12", "Mono12p"] = "Mono8"
    buffers: Annotated[int, msgspec.Meta(ge=3)] = 64
    """Buffers per camera between the driver and us."""
    packet_bytes: _Count | None = None
    """Packet size of GigE cameras; absent: as the camera has it."""
    features: dict[_Text, bool | int | float | str] = {}
    """GenICam features to be written last, in this order: whatever one maker's cameras need besides."""

    @property
    def bits(self) -> int:
        """Significant bits of a pixel."""
        return int(self.pixel_format.removeprefix("Mono").removesuffix("p"))

    @property
    def frame_bytes(self) -> int:
        """Size of an image in memory: a pixel of more than 8 bits takes two bytes."""
        return self.region.width_px * self.region.height_px * (1 if self.bits == 8 else 2)


class Light(Table, frozen=True):
    """Exposure, gain and infrared strobe, the same for all cameras."""

    control: Literal["fixed", "automatic"] = "fixed"
    """`fixed`: the values below stay; `automatic`: they are where the control begins."""
    exposure_us: _Positive = 1000.0
    gain_db: _NotNegative = 0.0
    strobe: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """Share of the infrared strobe's full power."""
    strobe_line: str = "Line1"
    """Output line that switches it; empty: the cameras switch none."""
    exposure_least_us: _Positive = 20.0
    exposure_most_us: _Positive = 4000.0
    gain_most_db: _NotNegative = 18.0
    target: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.35
    """Brightness that the control keeps, of full scale."""
    blur_px: _Positive = 1.0
    """The exposure is no longer than what moves the actor's image so far."""


class Trigger(Table, frozen=True):
    """Who says when the cameras expose, and how often."""

    rate_hz: _Positive
    source: Literal["line", "software"] = "line"
    """`line`: an external generator on the cameras' trigger input; `software`: this program."""
    line: _Text = "Line0"
    """Input line of the trigger."""

    @property
    def period_ns(self) -> int:
        """Time between two pulses."""
        return round(1e9 / self.rate_hz)


class Sync(Table, frozen=True):
    """Which frames belong together; 0 lets the trigger's period decide."""

    ptp: bool = False
    """The cameras' clocks share one time (IEEE 1588); else they are latched and followed."""
    ptp_wait_s: _NotNegative = 5.0
    """How long to wait for that before clocks are latched instead."""
    tolerance_us: _NotNegative = 0.0
    wait_ms: _NotNegative = 0.0
    frame_id_modulus: _Count | None = None
    """Frame numbers begin again after so many: 65535 for GigE Vision 1.x; absent: never."""


class Ring(Table, frozen=True):
    """The shared memory through which frame sets reach every other process."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+$")] = "live"
    sets: _Count = 16
    buffers: _Count = 40


class Recorder(Table, frozen=True):
    """How recordings are written."""

    queue_s: _Positive = 1.0
    """Time that frames may wait for the disk, in memory."""
    segment_s: _Positive = 10.0
    segment_gb: _Positive = 1.0
    sync_ms: _Positive = 200.0
    stop_below_gb: _NotNegative = 2.0
    """Recording ends well while this much room is left on the disk."""
    warn_below_s: _NotNegative = 600.0
    preview_hz: _NotNegative = 5.0
    recipients: tuple[_Text, ...] = ()
    """age public keys (age1...): recordings are encrypted for them; none: not encrypted."""


class ConsentDefaults(Table, frozen=True):
    """What `mvmono3d record` proposes; nothing is recorded before a person confirms it."""

    purpose: _Text | None = None
    retain_days: _Count | None = None


class Server(Table, frozen=True):
    """Where the pose stream is served."""

    address: _Text = "127.0.0.1"
    port: _Port = 8787
    certificate: _Text | None = None
    key: _Text | None = None
    """PEM files of TLS; needed, with `read_token_file`, for any address but this machine's."""
    read_token_file: _Text | None = None
    """Who reads must know this token."""
    origins: tuple[_Text, ...] = ()
    """Web pages that may connect, beside those of this machine."""


class PointCloud(Table, frozen=True):
    """The point cloud beside the poses: what the cameras see of the actor's outline, carved from a cube."""

    rate_hz: _Positive = 5.0
    """So many a second at most; fewer where the machine can't follow."""
    side_m: _Positive = 0.3
    """Of the cube round the actor."""
    voxel_m: _Positive = 0.003
    """The cube is carved this finely; half of it costs four to eight times as much."""
    least_views: _Count = 3
    """So many cameras must see a place for it to be carved or kept."""
    most_points: Annotated[int, msgspec.Meta(ge=1, le=300_000)] = 20_000
    """A cloud of more is thinned evenly."""


class Site(Table, frozen=True):
    """The whole file; made by `site_file.read_site`."""

    schema: int
    name: _Text
    backend: Backend
    cameras: Annotated[tuple[SiteCamera, ...], msgspec.Meta(min_length=1)]
    image: Image
    trigger: Trigger
    rig: _Text | None = None
    """Calibration, from the site's folder; absent until the first one is made."""
    board: _Text | None = None
    """The calibration board of this site, from the site's folder."""
    skeleton: _Text = "hand21"
    bundle: _Text | None = None
    """Folder of the model; absent: the released one for the skeleton."""
    detector: _Text | None = None
    """What finds joints in images: a network's folder or file, detections (.npz), or `truth` for rehearsals
    on virtual cameras; absent: the released network for the skeleton."""
    actors: _Actors = 1
    """So many people, hands or animals are told apart at most. 1: whoever is there is the one."""
    light: Light = Light()
    sync: Sync = Sync()
    ring: Ring = Ring()
    realtime: bool = False
    """Run capture before everything else on the machine, where the system allows it."""
    recorder: Recorder = Recorder()
    consent: ConsentDefaults = ConsentDefaults()
    server: Server = Server()
    cloud: PointCloud | None = None
    """Absent: none is made."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the cameras, in the order that everything counts them in."""
        return tuple(camera.name for camera in self.cameras)
