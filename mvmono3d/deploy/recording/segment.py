"""One file of a recording: MCAP in chunks with checksums, `.part` until it is whole and on the disk."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Int
from mcap.writer import CompressionType, Writer

import mvmono3d
from mvmono3d.deploy.recording.files import FileLayer
from mvmono3d.deploy.recording.topics import Topics

UNFINISHED = ".part"
CHUNK_BYTES = 2 << 20
PROFILE = "mvmono3d"
_NAME = re.compile(r"segment-(\d{6,})\.mcap")


def segment_name(number: int) -> str:
    """Name of a finished segment."""
    return f"segment-{number:06d}.mcap"


def segment_number(path: Path) -> int | None:
    """Number of a segment, finished or not; None for another file."""
    found = _NAME.fullmatch(path.name.removesuffix(UNFINISHED))
    return int(found[1]) if found else None


class _Output:
    """What the MCAP writer needs of a file."""

    def __init__(self, files: FileLayer, handle: int) -> None:
        self._files, self._handle, self._position = files, handle, 0
        self.error: OSError | None = None
        """The first write that failed: what came before it may lack bytes, whatever comes after."""

    def write(self, data: bytes) -> int:
        if self.error is not None:
            raise self.error
        if data:
            try:
                self._files.write(self._handle, data)
            except OSError as error:
                self.error = error
                raise
            self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        # Nothing is held back here; syncing is another thread's work.
        pass


class Segment:
    """A segment being written, and how many frames of each camera are in it, handed over, and safe.

    One thread adds, flushes and finishes; another syncs and publishes. `added` and `flushed` belong to the
    first, `synced`, `sync_failed` and `settled` to the second; each is replaced as a whole. After a sync that
    failed only `give_up` makes sense: the next one may claim success for bytes that are gone.
    """

    def __init__(self, folder: Path, number: int, *, topics: Topics, files: FileLayer) -> None:
        self.number, self.folder = number, folder
        self.path = folder / segment_name(number)
        self.part = self.path.with_name(self.path.name + UNFINISHED)
        self.topics = topics
        self.error: OSError | None = None
        self.error_said = False
        self.sync_failed = False
        self.settled = False
        self.added: Int[np.ndarray, " camera"] = np.zeros(len(topics.cameras), dtype=np.int64)
        self.flushed = self.synced = self.added.copy()
        self._files = files
        self._named = False
        self._handle = files.create(self.part)
        self._output = _Output(files, self._handle)
        self._writer = Writer(
            self._output,  # pyright: ignore[reportArgumentType]
            chunk_size=CHUNK_BYTES,
            compression=CompressionType.NONE,
            enable_crcs=True,
            enable_data_crcs=True,
        )

    def begin(self, metadata: dict[str, str]) -> None:
        """Write the start of the file."""
        self._writer.start(profile=PROFILE, library=f"mvmono3d {mvmono3d.__version__}")
        self.topics.declare(self._writer)
        self._writer.add_metadata("recording", metadata | {"segment": str(self.number)})

    @property
    def size_bytes(self) -> int:
        """Bytes handed to the operating system."""
        return self._output.tell()

    def expect(self, camera: int) -> None:
        """Count a frame that will be added: if that fails, it is among the lost."""
        self.added = self.added + (np.arange(len(self.added)) == camera)

    def add(self, channel: int, data: bytes, *, time_ns: int, host_ns: int, number: int) -> None:
        """Add a message; its chunk is written once it is full, or by `flush`."""
        self._writer.add_message(channel, time_ns, data, host_ns, number & 0xFFFFFFFF)

    def flush(self) -> None:
        """Hand everything added so far to the operating system: it survives the end of this process."""
        self._writer.flush()
        self._handed_over()

    def finish(self) -> None:
        """Write the end of the file."""
        self._writer.finish()
        self._handed_over()

    def _handed_over(self) -> None:
        # A flush that had nothing left to write proves nothing after a write that failed.
        if self._output.error is not None:
            raise self._output.error
        self.flushed = self.added

    def sync(self) -> None:
        """Make what was flushed survive the end of the machine's power."""
        mark = self.flushed
        try:
            self._files.sync(self._handle)
            if not self._named:
                self._files.sync_folder(self.folder)
                self._named = True
        except OSError:
            self.sync_failed = True
            raise
        self.synced = mark

    def publish(self) -> None:
        """After `finish`: sync, and give the file its name."""
        self.sync()
        self._files.rename(self.part, self.path)
        self._files.sync_folder(self.folder)

    def give_up(self) -> None:
        """Give the handle back; the file stays as it is."""
        self._files.close(self._handle)
