"""What a segment has beside the frames: previews now and then, joints, and the recorder's own account."""

import msgspec
import numpy as np

from mvmono3d.deploy.recording.frame_header import FrameHeader
from mvmono3d.deploy.recording.ledger import Account, Column
from mvmono3d.deploy.recording.messages import preview_json
from mvmono3d.deploy.recording.seal import Seal
from mvmono3d.deploy.recording.segment import Segment
from mvmono3d.deploy.recording.segment_reader import RawMessage
from mvmono3d.deploy.recording.settings import RecorderSettings
from mvmono3d.deploy.recording.topics import Topics
from mvmono3d.errors import RecordingKeyError


class SideMessages:
    """Adds them; an encrypted recording has no previews, and its joints are encrypted."""

    def __init__(self, topics: Topics, *, settings: RecorderSettings, seal: Seal | None) -> None:
        self._topics, self._settings, self._seal = topics, settings, seal
        self._numbers = dict.fromkeys(topics.names, 0)
        self._previewed_ns: dict[int, int] = {}
        self._lost: dict[str, tuple[int, ...]] = {}
        self._time_ns = self._host_ns = 0

    def add(self, segment: Segment, topic: str, content: bytes, *, time_ns: int) -> None:
        """Add a message of a topic, encrypted where the recording is."""
        number, channel = self._numbers[topic], self._topics.channel(topic)
        self._numbers[topic] = number + 1
        if self._seal is not None and topic != "/recorder":
            about = _about(channel, number, time_ns)
            content = self._seal.close(content, about=about, channel=channel + _BESIDE_FRAMES, number=number)
        segment.add(channel, content, time_ns=time_ns, host_ns=self._host_ns, number=number)

    def preview(self, segment: Segment, header: FrameHeader, image: np.ndarray) -> None:
        """Add a preview of a frame if the last one of its camera is long enough ago."""
        self._time_ns, self._host_ns = header.time_ns, header.host_ns
        if self._seal is not None or not self._settings.preview_hz:
            return
        last = self._previewed_ns.get(header.camera)
        if last is not None and 0 <= header.time_ns - last < 1e9 / self._settings.preview_hz:
            return
        self._previewed_ns[header.camera] = header.time_ns
        camera = self._topics.cameras[header.camera]
        content = preview_json(
            image, camera=camera, bits=header.bits, time_ns=header.time_ns, width=self._settings.preview_width
        )
        self.add(segment, f"/cameras/{camera}/preview", content, time_ns=header.time_ns)

    def account(self, segment: Segment, account: Account) -> None:
        """Add the account where frames were lost since the last one: the file itself says so."""
        if account.lost == self._lost:
            return
        self._lost = account.lost
        content = {
            "cameras": account.cameras,
            "offered": account.of(Column.OFFERED),
            "recorded": account.of(Column.RECORDED),
            "lost": account.lost,
        }
        self.add(segment, "/recorder", msgspec.json.encode(content), time_ns=self._time_ns)


def open_message(message: RawMessage, *, topics: Topics, seal: Seal | None, where: str) -> bytes:
    """Return the JSON of a message beside the frames; raises `RecordingKeyError` where the key lacks."""
    if not topics.sealed or message.channel == topics.channel("/recorder"):
        return message.data
    if seal is None:
        raise RecordingKeyError(f"{where}: joints are encrypted; give the identity file that opens them")
    about = _about(message.channel, message.number, message.time_ns)
    return seal.open(
        message.data, about=about, channel=message.channel + _BESIDE_FRAMES, number=message.number
    )


# Cameras and other channels number their messages apart; nonces must differ, too.
_BESIDE_FRAMES = 1 << 16


def _about(channel: int, number: int, time_ns: int) -> bytes:
    return f"{channel} {number} {time_ns}".encode()
