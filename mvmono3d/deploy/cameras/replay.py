"""A recording behind the protocol of cameras: all of the live path runs from a file.

Cameras are asked for by the names that they have in the recording. Frame ids and pixels are those that were
recorded. All cameras tell the rig's time of the recording, which their clocks were brought to when it was
made, so that frame sets come out as they went in. The host's clock is that time, too, moved to now: it runs
as the recording does and stands while nothing comes, and every replay is the same replay.
"""

import time
from pathlib import Path

import numpy as np

from mvmono3d.deploy.cameras.protocol import Delivery, Sink
from mvmono3d.deploy.cameras.records import (
    BITS,
    AppliedSettings,
    CameraHealth,
    CameraInfo,
    CameraSettings,
    ClockKind,
    Difference,
    RigInfo,
)
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.recording.frame import Frame, FrameSet, FrameStatus
from mvmono3d.deploy.recording.reader import Recording, open_recording
from mvmono3d.deploy.recording.replay import Pace
from mvmono3d.deploy.recording.seal import read_identity
from mvmono3d.deploy.sync import records as sync
from mvmono3d.errors import CameraError, CorruptRecordingError, RecordingKeyError, unknown_name

_FORMATS = {bits: name for name, bits in reversed(BITS.items())}


class ReplayBackend:
    """Plays a recording once per `start`; see `CameraBackend` for what each method promises."""

    def __init__(
        self,
        recording: Path,
        *,
        serials: tuple[str, ...] = (),
        pace: Pace = Pace.REAL,
        speed: float = 1.0,
        identity: Path | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            recording: Its folder.
            serials: Names of the recording's cameras, in the order that they are wanted in; all by default.
            pace: REAL: when it came; FAST: one frame set per poll; STEPPED: one per `trigger`.
            speed: Of real time.
            identity: File with the age identity that opens an encrypted recording.
        """
        if not speed > 0:
            raise CameraError(f"replay of {recording}: a speed of {speed}, expected more than 0")
        self._folder, self._asked, self._pace, self._speed = recording, serials, pace, speed
        self._identity = identity
        self._recording: Recording | None = None
        self._times: list[int] = []
        self._position, self._allowed, self._playing = 0, 0, False
        self._began_ns = self._shown_ns = 0
        self._delivered: dict[str, int] = {}
        self._message = ""

    @property
    def serials(self) -> tuple[str, ...]:
        """See `CameraBackend`."""
        return self._asked if self._recording is None else self._asked or self._recording.cameras

    @property
    def ended(self) -> bool:
        """Whether all of it was played."""
        return self._recording is not None and self._position >= len(self._times)

    @property
    def rate_hz(self) -> float:
        """Rate of the trigger, from the middle distance of two sets; 0 where there are not two."""
        steps = np.diff(self._times)
        return 1e9 / float(np.median(steps[steps > 0])) if np.any(steps > 0) else 0.0

    def now_ns(self) -> int:
        """Return the recording's time, moved to now."""
        if not self._times:
            return time.monotonic_ns()
        return self._host_ns(self._played_ns())

    def open(self) -> RigInfo:
        """Open the recording; raises `InvalidFileError` where it is none or has to be recovered first."""
        identity = None if self._identity is None else read_identity(self._identity)
        recording = open_recording(self._folder, identity=identity)
        for name in self._asked:
            if name not in recording.cameras:
                raise unknown_name("camera", name, recording.cameras, where=f"recording {self._folder}")
        self._recording, self._times = recording, recording.time_ns.tolist()
        self._began_ns = time.monotonic_ns()
        found = [self._first(name) for name in self.serials]
        return RigInfo(
            source=f"recording {self._folder}",
            cameras=tuple(
                CameraInfo(
                    serial=name,
                    model="recording",
                    link="replay",
                    sensor_width=frame.image.shape[1],
                    sensor_height=frame.image.shape[0],
                )
                for name, frame in zip(self.serials, found, strict=True)
            ),
        )

    def configure(self, settings: CameraSettings) -> tuple[AppliedSettings, ...]:
        """Report what the recording has; nothing of it can be changed."""
        return tuple(_applied(name, self._first(name), settings) for name in self.serials)

    def start(self) -> None:
        """Begin from the first set."""
        self._opened()
        self._position = self._allowed = 0
        self._delivered = dict.fromkeys(self.serials, 0)
        self._playing, self._began_ns = True, time.monotonic_ns()
        self._shown_ns = self._times[0] if self._times else 0

    def poll(self, sink: Sink) -> int:
        """Hand over the next frame set if its time has come."""
        if not self._playing or self.ended or not self._due():
            return 0
        self._shown_ns = max(self._shown_ns, self._times[self._position])
        frames = self._read(self._position)
        self._position += 1
        self._allowed -= 1
        if frames is None:
            return 0
        return sum(self._deliver(frame, frames, sink) for frame in frames.frames)

    def adjust(self, lighting: Lighting) -> None:
        """Do nothing: what was recorded can't be lit differently."""
        del lighting

    def clock_sample(self, camera: int) -> sync.ClockSample | None:
        """Read the recording's time; exact."""
        del camera
        if not self._times:
            return None
        played_ns = self._played_ns()
        now_ns = self._host_ns(played_ns)
        return sync.ClockSample(host_before_ns=now_ns, device_ns=played_ns, host_after_ns=now_ns)

    def trigger(self) -> None:
        """Let the next frame set come, of a stepped replay."""
        self._allowed = max(self._allowed, 0) + 1

    def health(self, camera: int) -> CameraHealth:
        """Say how much was played, and what could not be read."""
        name = self.serials[camera]
        return CameraHealth(connected=True, delivered=self._delivered.get(name, 0), message=self._message)

    def reconnect(self, camera: int) -> bool:
        """Return True: a recording has no cable."""
        del camera
        return True

    def stop(self) -> None:
        """Play no more."""
        self._playing = False

    def close(self) -> None:
        """Let go of the recording."""
        self._playing, self._recording, self._times = False, None, []

    def _opened(self) -> Recording:
        if self._recording is None:
            raise CameraError(f"replay of {self._folder}: not open; call open() first")
        return self._recording

    def _first(self, name: str) -> Frame:
        frame = self._opened().first_frame(name)
        if frame is None:
            raise CameraError(f"recording {self._folder} holds no frame of camera {name!r}")
        if frame.bits not in _FORMATS:
            raise CameraError(
                f"recording {self._folder}: camera {name!r} has {frame.bits} bits per pixel, expected one of "
                f"{', '.join(map(str, sorted(_FORMATS)))}"
            )
        return frame

    def _due(self) -> bool:
        if self._pace is Pace.REAL:
            return self._real_ns() >= self._times[self._position]
        return self._pace is Pace.FAST or self._allowed > 0

    def _real_ns(self) -> int:
        return self._times[0] + int((time.monotonic_ns() - self._began_ns) * self._speed)

    def _host_ns(self, played_ns: int) -> int:
        return self._began_ns + played_ns - self._times[0]

    def _played_ns(self) -> int:
        """Return the recording's time now: never beyond a set that was not handed over yet."""
        if self._pace is not Pace.REAL or not self._playing or self.ended:
            return self._shown_ns
        return max(self._shown_ns, min(self._real_ns(), self._times[self._position]))

    def _read(self, position: int) -> FrameSet | None:
        try:
            return self._opened()[position]
        except (CorruptRecordingError, RecordingKeyError) as error:
            self._message = f"set {position} is left out: {error}"
            return None

    def _deliver(self, frame: Frame, within: FrameSet, sink: Sink) -> int:
        if frame.camera not in self._delivered:
            return 0
        self._delivered[frame.camera] += 1
        incomplete = frame.status is FrameStatus.INCOMPLETE
        sink(
            Delivery(
                camera=self.serials.index(frame.camera),
                frame_id=frame.frame_id,
                device_ns=within.time_ns,
                host_ns=self._host_ns(self._shown_ns),
                status=sync.FrameStatus.INCOMPLETE if incomplete else sync.FrameStatus.COMPLETE,
                height=frame.image.shape[0],
                width=frame.image.shape[1],
                bits=frame.bits,
                lighting=Lighting(exposure_ns=frame.exposure_ns, gain=10 ** (frame.gain_db / 20)),
                copy_to=lambda target: np.copyto(target, frame.image),
            )
        )
        return 1


def _applied(name: str, frame: Frame, settings: CameraSettings) -> AppliedSettings:
    height, width = frame.image.shape
    asked = {"width": settings.width, "height": settings.height, "bits": settings.bits}
    got = {"width": width, "height": height, "bits": frame.bits}
    return AppliedSettings(
        serial=name,
        width=width,
        height=height,
        pixel_format=_FORMATS[frame.bits],
        lighting=Lighting(exposure_ns=frame.exposure_ns, gain=10 ** (frame.gain_db / 20)),
        clock=ClockKind.SHARED,
        payload_bytes=frame.image.nbytes,
        differences=tuple(
            Difference(setting=key, asked=str(asked[key]), got=str(got[key]))
            for key in asked
            if asked[key] != got[key]
        ),
    )
