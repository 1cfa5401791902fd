"""Which topics a segment has, always with the same numbers: what is salvaged needs no lost declaration."""

from dataclasses import dataclass

from mcap.writer import Writer

from mvmono3d.deploy.recording.schemas import COMPRESSED_IMAGE, JOINTS, POSES_IN_FRAME, RECORDER, schema_text

FRAME_ENCODING = "x-mvmono3d-frame"
"""See `mvmono3d.deploy.recording.frame_header`."""
SEALED_ENCODING = "x-mvmono3d-sealed-json"

_SCHEMAS = (COMPRESSED_IMAGE, POSES_IN_FRAME, JOINTS, RECORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The topics of a recording and their channel numbers."""

    cameras: tuple[str, ...]
    sealed: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All topics, in the order of their channels."""
        frames = [f"/cameras/{camera}/frames" for camera in self.cameras]
        previews = [f"/cameras/{camera}/preview" for camera in self.cameras]
        return (*frames, *previews, "/poses", "/joints", "/recorder")

    def frames(self, camera: int) -> int:
        """Channel of a camera's frames."""
        return 1 + camera

    def preview(self, camera: int) -> int:
        """Channel of a camera's previews."""
        return 1 + len(self.cameras) + camera

    def channel(self, topic: str) -> int:
        """Channel of a topic."""
        return 1 + self.names.index(topic)

    def declare(self, writer: Writer) -> None:
        """Declare all of them in a segment."""
        schemas = {name: writer.register_schema(name, "jsonschema", schema_text(name)) for name in _SCHEMAS}
        for topic in self.names:
            encoding, schema = self._content(topic)
            # The writer numbers channels from 1, in this order.
            writer.register_channel(topic, encoding, schemas[schema] if schema else 0)

    def _content(self, topic: str) -> tuple[str, str]:
        if topic.startswith("/cameras/"):
            frames = topic.endswith("/frames")
            return (FRAME_ENCODING, "") if frames else ("json", COMPRESSED_IMAGE)
        if topic == "/recorder":
            return "json", RECORDER
        schema = POSES_IN_FRAME if topic == "/poses" else JOINTS
        return (SEALED_ENCODING, "") if self.sealed else ("json", schema)
