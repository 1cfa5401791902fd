"""Pictures and clouds, read beside the poses: what came last lies ready to be drawn."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

from mvmono3d.deploy.client import Stream, connect_clouds, connect_images
from mvmono3d.deploy.server.messages import Cloud, Images
from mvmono3d.errors import StreamError

Item = TypeVar("Item", Images, Cloud)

_POLL_S, _AGAIN_S = 0.2, 1.0


class Newest(Generic[Item]):
    """A place for one item; a newer one replaces it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._item: Item | None = None

    def put(self, item: Item) -> None:
        """Replace what is there."""
        with self._lock:
            self._item = item

    def take(self) -> Item | None:
        """Return it, once."""
        with self._lock:
            item, self._item = self._item, None
            return item


class SideStreams(AbstractContextManager["SideStreams"]):
    """Reads both topics in threads until the block ends; a topic that is lost is asked for again."""

    def __init__(self, url: str, *, read_token: str | None, certificate: Path | None) -> None:
        self.images, self.clouds = Newest[Images](), Newest[Cloud]()
        self._ended = threading.Event()
        open_images = partial(connect_images, url, read_token=read_token, certificate=certificate)
        open_clouds = partial(connect_clouds, url, read_token=read_token, certificate=certificate)
        self._threads = (
            threading.Thread(target=self._read, args=(open_images, self.images.put), daemon=True),
            threading.Thread(target=self._read, args=(open_clouds, self.clouds.put), daemon=True),
        )

    def __enter__(self) -> "SideStreams":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _read(self, connect: Callable[..., Stream[Item]], put: Callable[[Item], None]) -> None:
        while not self._ended.is_set():
            try:
                with connect(patience_s=_AGAIN_S) as stream:
                    while not self._ended.is_set():
                        item = stream.receive(_POLL_S)
                        if item is not None:
                            put(item)
            except StreamError:
                # The stream of poses says why: it asks the same server.
                self._ended.wait(_AGAIN_S)
