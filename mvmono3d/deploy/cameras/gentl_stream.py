"""Frames of one camera as they leave its GenTL data stream."""

from collections.abc import Callable
from typing import Any

from genicam import gentl
from harvesters.core import Callback

from mvmono3d.deploy.cameras.camera_setup import factor
from mvmono3d.deploy.cameras.features import Features
from mvmono3d.deploy.cameras.pixel_formats import LAYOUTS, copier
from mvmono3d.deploy.cameras.protocol import Delivery, Sink
from mvmono3d.deploy.cameras.records import ClockKind
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.sync.records import FrameStatus
from mvmono3d.errors import InvalidRecordError

_NS_PER_S, _NS_PER_US = 1_000_000_000, 1000
_FETCH_S = 0.002
_ASK_EVERY, _SURE = 64, 8
"""Frames between two that are asked, after so many that agreed with what was set."""
_SAME = 0.01
NO_ID = -1
"""Id and time of a frame that harvesters dropped because it was incomplete."""


class GenTLStream:
    """The stream of a connected camera. Its errors are `NODE_ERRORS`: the camera is gone."""

    def __init__(
        self, camera: int, acquirer: Any, features: Features, *, clock: ClockKind, now_ns: Callable[[], int]
    ) -> None:
        self._camera, self._acquirer, self._features = camera, acquirer, features
        self._clock, self._now_ns = clock, now_ns
        self._module = acquirer.data_streams[0].module
        self._dropped = _Count()
        acquirer.add_callback(acquirer.Events.INCOMPLETE_BUFFER, self._dropped)
        self._has_ns = self._tells_waiting = True
        self._fetched: list[Any] = []
        self._expected = Lighting(exposure_ns=0)
        self._told: Lighting | None = None
        """What the last frame that was asked said."""
        self._asked = self._agreed = 0
        self.delivered = self.incomplete = 0

    @property
    def underruns(self) -> int:
        """Frames that found no free buffer."""
        return self._module.num_underrun

    @property
    def waiting(self) -> int:
        """Frames that are ready to be fetched; 1 where the producer does not tell."""
        if self._tells_waiting:
            try:
                return self._module.num_awaiting_delivery
            except (gentl.NotImplementedException, gentl.NotAvailableException):
                # Fetching then waits up to a millisecond, with Python's lock held.
                self._tells_waiting = False
        return 1

    def fetch(self, sink: Sink, *, arrived_ns: int) -> int:
        """Hand over one frame that came at that host time; returns how many: incomplete ones come along."""
        buffer = self._acquirer.try_fetch(timeout=_FETCH_S, is_raw=True)
        if buffer is None:
            return self._tell_dropped(sink)
        self.delivered += 1
        self._fetched.append(buffer)
        sink(self._delivery(buffer, host_ns=arrived_ns))
        return 1

    def give_back(self) -> None:
        """Give fetched buffers back to the camera: that clears them, so it is done when nobody waits."""
        while self._fetched:
            self._module.queue_buffer(self._fetched.pop())

    def _tell_dropped(self, sink: Sink) -> int:
        count = self._dropped.count - self.incomplete
        for _ in range(count):
            self.delivered += 1
            self.incomplete += 1
            sink(
                Delivery(
                    camera=self._camera, frame_id=NO_ID, device_ns=NO_ID, host_ns=self._now_ns(),
                    status=FrameStatus.INCOMPLETE, height=0, width=0, bits=0, lighting=None, copy_to=_refuse,
                )
            )  # fmt: skip
        return count

    def _delivery(self, buffer: Any, *, host_ns: int) -> Delivery:
        layout, shape = LAYOUTS.get(buffer.pixel_format), (buffer.height, buffer.width)
        copy_to = _refuse
        if layout is not None:
            copy_to = copier(
                buffer.raw_buffer, layout, shape=shape, offset=buffer.image_offset, padding=_padding(buffer)
            )
        return Delivery(
            camera=self._camera,
            frame_id=buffer.frame_id,
            device_ns=host_ns if self._clock is ClockKind.NONE else self._device_ns(buffer),
            host_ns=host_ns,
            status=FrameStatus.COMPLETE,
            height=shape[0],
            width=shape[1],
            bits=0 if layout is None else layout.bits,
            lighting=self._lighting(buffer),
            copy_to=copy_to,
        )

    def _device_ns(self, buffer: Any) -> int:
        if self._has_ns:
            try:
                return buffer.timestamp_ns
            except gentl.GenericException:
                self._has_ns = False
        return nanoseconds(buffer.timestamp, self._features)

    def expect(self, lighting: Lighting) -> None:
        """Say how frames will be exposed before long: until they tell so, each is asked."""
        self._expected, self._agreed = lighting, 0

    def _lighting(self, buffer: Any) -> Lighting | None:
        """Return how the frame was exposed, where frames say so themselves.

        Reading that takes as long as a third of the copy: once it is what was set, every 64th frame is asked.
        """
        if not _chunks(buffer):
            return None
        self._asked += 1
        if self._agreed < _SURE or self._asked % _ASK_EVERY == 0:
            self._told = self._read_chunks(buffer)
            same = self._told is not None and _same(self._told, self._expected)
            self._agreed = self._agreed + 1 if same else 0
        return self._told

    def _read_chunks(self, buffer: Any) -> Lighting | None:
        self._acquirer._update_chunk_data(buffer=buffer, is_manual=True)  # noqa: SLF001
        exposure_us, gain_db = self._features.read("ChunkExposureTime"), self._features.read("ChunkGain")
        if exposure_us is None or gain_db is None:
            return None
        return Lighting(exposure_ns=round(exposure_us * _NS_PER_US), gain=factor(gain_db))


def nanoseconds(ticks: int, features: Features) -> int:
    """Return a reading of the camera's counter in nanoseconds; without a tick frequency it counts those."""
    return ticks * _NS_PER_S // (features.read("ticks_hz") or _NS_PER_S)


class _Count(Callback):
    """Counts the incomplete buffers that harvesters puts back by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, context: object | None = None) -> None:
        del context
        self.count += 1


def _same(told: Lighting, expected: Lighting) -> bool:
    exposures = abs(told.exposure_ns - expected.exposure_ns) <= _SAME * expected.exposure_ns
    return exposures and abs(told.gain - expected.gain) <= _SAME * expected.gain


def _padding(buffer: Any) -> int:
    try:
        return buffer.padding_x
    except gentl.GenericException:
        return 0


def _chunks(buffer: Any) -> int:
    try:
        return buffer.num_chunks
    except gentl.GenericException:
        return 0


def _refuse(image: object) -> None:
    del image
    raise InvalidRecordError("this frame has no pixels that can be copied: incomplete, or of another format")
