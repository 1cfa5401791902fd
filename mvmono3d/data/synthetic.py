"""Clips of the synthetic world: made on first use, then read from the cache."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mvmono3d.core.clip import Clip
from mvmono3d.core.schema import SCHEMA_VERSION, sha256_of_bytes
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.array_folder import INDEX
from mvmono3d.data.production import code_hash, produce
from mvmono3d.data.splits import NAMES, Splits
from mvmono3d.data.store import ClipStore
from mvmono3d.data.windows import windows
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.settings import WorldSettings, with_motion_hash
from mvmono3d.synthetic.splits import ClipSeeds, Split, clip_seeds
from mvmono3d.synthetic.world import make_clip

_LOG = logging.getLogger(__name__)
MakeClip = Callable[..., Clip]
"""(settings, *, seed, subject, rig_seed) -> Clip, as `mvmono3d.synthetic.world.make_clip`."""
_FAR_APART = 1_000_000
"""Scenes between the first of one world seed and the first of the next."""


@dataclass(frozen=True, kw_only=True)
class SyntheticClips:
    """Scenes with perfect truth. Every scene has its own actor, rig and motion; no split shares one."""

    skeleton: Skeleton
    world: Any
    """The settings that `make` takes first: a frozen dataclass of plain values, among them `frames`."""
    scenes: Mapping[str, int]
    """Number of scenes by split: train, val, test."""
    scene_frames: int
    """Length of a scene; it replaces the world's own."""
    window_frames: int
    stride_frames: int
    rates_hz: Sequence[float]
    """Frame rates that scenes take in turn, test scenes the first; they replace the world's own."""
    seed: int
    cache: Path | str
    processes: int = 1
    make: MakeClip = make_clip

    def __post_init__(self) -> None:
        if sorted(self.scenes) != sorted(NAMES) or min(self.scenes.values()) < 1:
            raise ConfigurationError(
                f"data.source.scenes is {dict(self.scenes)}; expected at least 1 of {NAMES}"
            )
        if not self.rates_hz or min(self.rates_hz) <= 0:
            raise ConfigurationError(
                f"data.source.rates_hz is {list(self.rates_hz)}; expected at least one rate above 0"
            )
        if self.scene_frames < self.window_frames:
            raise ConfigurationError(
                f"data.source.scene_frames is {self.scene_frames}, less than one window of "
                f"{self.window_frames} frames; raise it or lower data.source.window_frames"
            )

    @property
    def folder(self) -> Path:
        """Where these clips lie: a folder per settings, skeleton and state of the world's code."""
        content = (
            SCHEMA_VERSION,
            # Recorded motion counts by its content: the file may move, and may change where it is.
            repr(with_motion_hash(self.world) if isinstance(self.world, WorldSettings) else self.world),
            self.scene_frames,
            self.skeleton,
            self.window_frames,
            self.stride_frames,
            tuple(self.rates_hz),
            self.seed,
            code_hash(self.make),
        )
        return Path(self.cache) / "synthetic" / sha256_of_bytes(repr(content).encode())[:16]

    def prepare(self) -> None:
        """Make the splits that the cache lacks."""
        for name in NAMES:
            if not (self._store(name) / INDEX).is_file():
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
        seeds = list(clip_seeds(Split[name.upper()], scenes, first=self.seed * _FAR_APART))
        # Tests run a scene from its start to its end, as a rig does.
        frames = self.scene_frames if name == "test" else self.window_frames
        clips, subjects, rigs = [], [], []
        rates = self.rates_hz[:1] if name == "test" else self.rates_hz
        for each, made in zip(seeds, self._scenes(name, seeds, rates), strict=True):
            cut = list(windows(made, frames=frames, stride=min(frames, self.stride_frames)))
            clips += cut
            subjects += [f"subject {each.subject}"] * len(cut)
            rigs += [f"rig {each.rig_seed}"] * len(cut)
        ClipStore.write(self._store(name), clips, subjects=subjects, rigs=rigs)
        seconds = time.monotonic() - began
        _LOG.info(
            "made %d %s clips from %d scenes in %.1f s: %s", len(clips), name, scenes, seconds, self.folder
        )

    def _scenes(self, name: str, seeds: list[ClipSeeds], rates_hz: Sequence[float]) -> Iterator[Clip]:
        make = partial(_make_scene, self.make)
        worlds = [
            replace(self.world, frames=self.scene_frames, rate_hz=rates_hz[place % len(rates_hz)])
            for place in range(len(seeds))
        ]
        yield from produce(make, worlds, seeds, title=f"making {name} clips", processes=self.processes)


def _make_scene(make: MakeClip, world: Any, seeds: ClipSeeds) -> Clip:
    return make(world, seed=seeds.seed, subject=seeds.subject, rig_seed=seeds.rig_seed)
