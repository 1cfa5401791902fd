"""Clips of the synthetic world: made on first use, then read from the cache."""

import inspect
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from mvmono3d.core.clip import Clip
from mvmono3d.core.schema import SCHEMA_VERSION, sha256_of_bytes, sha256_of_file
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.counters import WORLD, number
from mvmono3d.data.splits import NAMES, Splits
from mvmono3d.data.store import ClipStore
from mvmono3d.data.windows import windows
from mvmono3d.errors import ConfigurationError

_LOG = logging.getLogger(__name__)
MakeClip = Callable[..., Clip]
"""(settings, *, seed, subject, rig_seed) -> Clip, as `mvmono3d.synthetic.world.make_clip`."""


@dataclass(frozen=True, kw_only=True)
class SyntheticClips:
    """Scenes with perfect truth. Every scene has its own actor, rig and motion; no split shares one."""

    skeleton: Skeleton
    world: Any
    """The settings that `make` takes first; a frozen dataclass of plain values."""
    make: MakeClip
    scenes: Mapping[str, int]
    """Number of scenes by split: train, val, test."""
    window_frames: int
    stride_frames: int
    seed: int
    cache: Path | str
    processes: int = 1

    def __post_init__(self) -> None:
        if sorted(self.scenes) != sorted(NAMES) or min(self.scenes.values()) < 1:
            raise ConfigurationError(
                f"data.source.scenes is {dict(self.scenes)}; expected at least 1 of {NAMES}"
            )

    @property
    def folder(self) -> Path:
        """Where these clips lie: a folder per settings, skeleton and state of the world's code."""
        content = (
            SCHEMA_VERSION,
            repr(self.world),
            self.skeleton,
            self.window_frames,
            self.stride_frames,
            self.seed,
            _code_hash(self.make),
        )
        return Path(self.cache) / "synthetic" / sha256_of_bytes(repr(content).encode())[:16]

    def prepare(self) -> None:
        """Make the splits that the cache lacks."""
        for name in NAMES:
            if not (self._store(name) / "store.json").is_file():
                self._make(name)

    def open(self) -> Splits:
        """Open the three splits."""
        stores = {name: ClipStore.open(self._store(name)) for name in NAMES}
        for store in stores.values():
            if store.skeleton.hash != self.skeleton.hash:
                raise ConfigurationError(
                    f"the synthetic world made {store.skeleton.name!r} clips, the run wants skeleton "
                    f"{self.skeleton.name!r}: set data.source.world to an actor of that skeleton"
                )
        return Splits(train=stores["train"], val=stores["val"], test=stores["test"])

    def _store(self, name: str) -> Path:
        return self.folder / f"{name}-{self.scenes[name]}"

    def _make(self, name: str) -> None:
        began, scenes = time.monotonic(), self.scenes[name]
        places = [(NAMES.index(name) + 1, scene) for scene in range(scenes)]
        clips, owners = [], []
        for (_, scene), made in zip(places, self._scenes(name, places), strict=True):
            cut = list(windows(made, frames=self.window_frames, stride=self.stride_frames))
            clips += cut
            owners += [f"{name}-{scene}"] * len(cut)
        if not clips:
            raise ConfigurationError(
                f"a scene is shorter than one window of {self.window_frames} frames: "
                "lower data.source.window_frames or lengthen data.source.world"
            )
        ClipStore.write(self._store(name), clips, subjects=owners, rigs=owners)
        seconds = time.monotonic() - began
        _LOG.info(
            "made %d %s clips from %d scenes in %.1f s: %s", len(clips), name, scenes, seconds, self.folder
        )

    def _scenes(self, name: str, places: list[tuple[int, int]]) -> Iterator[Clip]:
        make = partial(_make_scene, self.make, self.world, self.seed)
        console = Console(stderr=True)
        title = f"making {name} clips"
        shown = {"total": len(places), "console": console, "disable": not console.is_terminal}
        if self.processes <= 1:
            yield from track(map(make, places), title, **shown)
            return
        # Spawned, not forked: torch's threads in this process don't survive a fork.
        with ProcessPoolExecutor(self.processes, mp_context=get_context("spawn")) as pool:
            yield from track(pool.map(make, places, chunksize=4), title, **shown)


def _make_scene(make: MakeClip, world: Any, seed: int, place: tuple[int, int]) -> Clip:
    split, scene = place
    identity = split * 10_000_000 + scene
    return make(world, seed=number(seed, WORLD, split, scene), subject=identity, rig_seed=identity)


def _code_hash(make: MakeClip) -> str:
    function = make.func if isinstance(make, partial) else make
    file = Path(inspect.getfile(function))
    package = (file.parent / "__init__.py").is_file()
    files = sorted(file.parent.rglob("*.py")) if package else [file]
    return sha256_of_bytes(*(sha256_of_file(path).encode() for path in files))
