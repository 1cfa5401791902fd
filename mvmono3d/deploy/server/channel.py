"""Between loop and server: a mailbox per topic, a pipe that wakes, a pipe that brings commands back."""

import os
from enum import IntEnum
from types import TracebackType

import msgspec

from mvmono3d.deploy.ring.pipe import drain_pipe, open_pipe, write_pipe
from mvmono3d.deploy.server.convert import pose_message
from mvmono3d.deploy.server.mailbox import MailboxReader, MailboxWriter
from mvmono3d.deploy.server.messages import ClientMessage, Cloud, Hello, Images, Message, Status
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.deploy.server.wire import Format, encode
from mvmono3d.errors import InvalidFileError

DEFAULT_NAME = "live"
_COMMAND_BYTES = 4096
"""What a pipe takes in one piece."""


class Topic(IntEnum):
    """What a mailbox holds; the value wakes its reader."""

    HELLO = 0
    STATUS = 1
    POSE = 2
    CLOUD = 3
    IMAGES = 4


_SLOT_BYTES = {
    Topic.HELLO: 1 << 18,
    Topic.STATUS: 1 << 14,
    Topic.POSE: 1 << 18,
    Topic.CLOUD: 1 << 21,
    Topic.IMAGES: 1 << 21,
}


_TOPICS = frozenset(int(topic) for topic in Topic)


def mailbox_name(name: str, topic: Topic) -> str:
    """Return where the newest message of a topic lies, for who reads it beside the server."""
    return f"{name}.{topic.name.lower()}"


class Publisher:
    """The loop's end: publishes answers, never waits, and asks for commands.

    Raises:
        InvalidFileError: if another process publishes under this name, or there is no room.
    """

    def __init__(self, name: str, hello: Hello) -> None:
        self._boxes: dict[Topic, MailboxWriter] = {}
        try:
            for topic in Topic:
                self._boxes[topic] = MailboxWriter(mailbox_name(name, topic), slot_bytes=_SLOT_BYTES[topic])
        except InvalidFileError:
            self._close_boxes()
            raise
        self._wake, self._commands = open_pipe(f"{name}.wake"), open_pipe(f"{name}.commands")
        # What was asked of the loop before this one is not asked of this one.
        drain_pipe(self._commands)
        self._decoder = msgspec.msgpack.Decoder(ClientMessage)
        self._put(Topic.HELLO, hello)

    def publish(self, frame: PoseFrame) -> None:
        """Replace the newest answer."""
        self._put(Topic.POSE, pose_message(frame))

    def publish_status(self, status: Status) -> None:
        """Replace the state of the rig; clients get it when it differs."""
        self._put(Topic.STATUS, status)

    def publish_cloud(self, cloud: Cloud) -> None:
        """Replace the newest point cloud."""
        self._put(Topic.CLOUD, cloud)

    def publish_images(self, images: Images) -> None:
        """Replace the newest pictures."""
        self._put(Topic.IMAGES, images)

    def commands(self) -> list[ClientMessage]:
        """Return what clients asked for since the last call; the server has checked token and ranges."""
        lines = drain_pipe(self._commands).split(b"\0")
        return [self._decoder.decode(bytes.fromhex(line.decode())) for line in lines if line]

    def _put(self, topic: Topic, message: Message) -> None:
        self._boxes[topic].put(encode(message, Format.MSGPACK))
        write_pipe(self._wake, bytes([topic]))

    def _close_boxes(self) -> None:
        for box in self._boxes.values():
            box.close()
        self._boxes = {}

    def close(self) -> None:
        """Say that no more will come; safe to call twice."""
        if not self._boxes:
            return
        self._close_boxes()
        write_pipe(self._wake, bytes([Topic.HELLO]))
        os.close(self._wake)
        os.close(self._commands)

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Feed:
    """The server's end: takes what is newest, knows whether the loop lives, hands it commands."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._boxes: dict[Topic, MailboxReader] = {}
        self._wake, self._commands = open_pipe(f"{name}.wake"), open_pipe(f"{name}.commands")

    @property
    def wake(self) -> int:
        """Descriptor that becomes readable when something was published."""
        return self._wake

    def take(self) -> dict[Topic, bytes]:
        """Return the newest message of each topic that has a new one."""
        told = {Topic(each) for each in drain_pipe(self._wake) if each in _TOPICS}
        # Told of nothing, it was asked whether a pipe that broke kept something back. What is not open yet is
        # looked for each time: whether a loop lives shows in its mailbox of poses, also before the first one.
        found = {
            topic: self._take(topic) for topic in (told or set(Topic)) | (set(Topic) - self._boxes.keys())
        }
        return {topic: message for topic, message in found.items() if message is not None}

    def _take(self, topic: Topic) -> bytes | None:
        if topic in self._boxes and self._boxes[topic].closed:
            self._boxes.pop(topic).close()
        if topic not in self._boxes:
            try:
                self._boxes[topic] = MailboxReader(mailbox_name(self._name, topic))
            except InvalidFileError:
                return None
        return self._boxes[topic].take()

    @property
    def alive(self) -> bool:
        """Say whether a loop publishes."""
        box = self._boxes.get(Topic.POSE)
        return box is not None and not box.closed and box.writer_lives

    @property
    def skipped(self) -> int:
        """Answers that a newer one replaced before the server took them."""
        box = self._boxes.get(Topic.POSE)
        return 0 if box is None else box.skipped

    def send(self, command: ClientMessage) -> bool:
        """Hand a command to the loop; false where it has not taken the earlier ones."""
        line = msgspec.msgpack.encode(msgspec.structs.replace(command, token=None)).hex().encode() + b"\0"
        return len(line) <= _COMMAND_BYTES and write_pipe(self._commands, line)

    def close(self) -> None:
        """Let go of everything."""
        for box in self._boxes.values():
            box.close()
        self._boxes = {}
        os.close(self._wake)
        os.close(self._commands)
