"""Crops of the rendered world: made on first use, then read from the cache."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.schema import SCHEMA_VERSION, sha256_of_bytes
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.array_folder import INDEX
from mvmono3d.data.crop_cut import CropSplits
from mvmono3d.data.crops import CropParts, Crops, CropSet, CropStore
from mvmono3d.data.production import code_hash, produce
from mvmono3d.data.splits import NAMES
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.render.detector_samples import (
    DetectorSample,
    SampleSettings,
    actor_sample,
    scene_pictures,
    whole_sample,
)
from mvmono3d.synthetic.splits import ClipSeeds, Split, clip_seeds

_LOG = logging.getLogger(__name__)
_RIGS = 10**6
_FAR_APART = 1_000_000
_PART = 50
"""Scenes that are written together."""
CUTS = ("actor", "whole")
"""What is kept of a picture: a crop round the actor, and all of it."""


def wide_samples(
    *,
    skeleton: str,
    size: int,
    margin: float,
    frames: int,
    samples: int,
    sensor_px: Sequence[int],
    subjects: int,
) -> SampleSettings:
    """Return `SampleSettings` of crops that are straight, `margin` times the box round the joints."""
    width, height = sensor_px
    return SampleSettings(
        skeleton=skeleton,
        size=size,
        margin=(margin, margin),
        shift=0.0,
        frames=frames,
        samples=samples,
        sensor_px=(width, height),
        subjects=subjects,
    )


@dataclass(frozen=True, kw_only=True)
class RenderedCrops:
    """Infrared pictures of the synthetic world; no split shares bodies, looks, rooms, lights or rigs.

    Rendering is what costs: each picture is kept cut round the actor and whole, in a store each.

    Args:
        skeleton: the joints.
        cut: which of the two stores to open: `ACTOR` or `WHOLE`.
        samples: how pictures are made. Crops are cut wide and straight: training varies them anew each epoch.
        scenes: number of scenes by split: train, val, test.
        seed: other seeds, other scenes.
        cache: folder of caches.
        processes: how many render.
    """

    skeleton: Skeleton
    cut: str
    samples: SampleSettings
    scenes: Mapping[str, int]
    seed: int
    cache: Path | str
    processes: int = 1

    def __post_init__(self) -> None:
        if self.cut not in CUTS:
            raise ConfigurationError(f"data.source.cut is {self.cut!r}; expected one of: {' '.join(CUTS)}")
        if sorted(self.scenes) != sorted(NAMES) or min(self.scenes.values()) < 1:
            raise ConfigurationError(
                f"data.source.scenes is {dict(self.scenes)}; expected at least 1 of {NAMES}"
            )

    @property
    def folder(self) -> Path:
        """Where these crops lie: a folder per settings, skeleton and state of the world's code."""
        content = (SCHEMA_VERSION, self.samples, self.skeleton, self.seed, code_hash(clip_seeds))
        return Path(self.cache) / "rendered" / sha256_of_bytes(repr(content).encode())[:16]

    def prepare(self, names: Sequence[str] = NAMES) -> None:
        """Make the parts that the cache lacks; whoever stops it goes on with the part where it stopped."""
        for name in names:
            for part in self._parts(name):
                if not all((self._store(name, part, cut) / INDEX).is_file() for cut in CUTS):
                    self._make(name, part)

    def open(self) -> CropSplits:
        """Open the three splits."""
        return CropSplits(**{name: self.open_split(name) for name in NAMES})

    def open_split(self, name: str) -> CropSet:
        """Open one split."""
        parts = [CropStore.open(self._store(name, part, self.cut)) for part in self._parts(name)]
        return parts[0] if len(parts) == 1 else CropParts(tuple(parts))

    def _parts(self, name: str) -> Iterator[range]:
        """Yield the scenes of each part."""
        scenes = self.scenes[name]
        for first in range(0, scenes, _PART):
            yield range(first, min(first + _PART, scenes))

    def _store(self, name: str, part: range, cut: str) -> Path:
        return self.folder / f"{name}-{part.start}-{part.stop}-{cut}"

    def _make(self, name: str, part: range) -> None:
        began = time.monotonic()
        seeds = list(
            clip_seeds(
                Split[name.upper()],
                len(part),
                first=self.seed * _FAR_APART + part.start,
                subjects=self.samples.subjects,
                rigs=_RIGS,
            )
        )
        made = produce(
            _render_scene,
            [self.samples] * len(part),
            seeds,
            title=f"rendering {name} scenes {part.start} to {part.stop - 1} of {self.scenes[name]}",
            processes=self.processes,
        )
        by_cut = zip(*made, strict=True)
        for cut, of_scenes in zip(CUTS, by_cut, strict=True):
            self._write(self._store(name, part, cut), seeds, of_scenes)
        seconds = time.monotonic() - began
        _LOG.info("rendered %d scenes to %s in %.1f s: %s", len(part), name, seconds, self.folder)

    def _write(self, folder: Path, seeds: list[ClipSeeds], of_scenes: Sequence[list[Crops]]) -> None:
        counted = [(each, len(crops)) for each, crops in zip(seeds, of_scenes, strict=True)]
        CropStore.write(
            folder,
            [crop for crops in of_scenes for crop in crops],
            subjects=[f"subject {each.subject}" for each, count in counted for _ in range(count)],
            rigs=[f"rig {each.rig_seed}" for each, count in counted for _ in range(count)],
            skeleton=self.skeleton,
        )


def _render_scene(settings: SampleSettings, seeds: ClipSeeds) -> tuple[list[Crops], list[Crops]]:
    of_actor, whole = [], []
    for picture in scene_pictures(seeds, settings=settings):
        sample = actor_sample(picture, settings=settings)
        if sample is not None:
            of_actor.append(crops_of(sample))
        whole.append(crops_of(whole_sample(picture, size=settings.size)))
    return of_actor, whole


def crops_of(sample: DetectorSample) -> Crops:
    """Return a rendered sample as a labelled crop: joints that it doesn't show have a place as well."""
    return Crops(
        images=sample.image[None],
        pixels=sample.pixels,
        labelled=sample.depth_m > 0.0,
        visible=sample.state == OcclusionState.VISIBLE,
        visible_known=np.ones(len(sample.state), dtype=bool),
    )
