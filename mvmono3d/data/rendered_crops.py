"""Crops of the rendered world: made on first use, then read from the cache."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.schema import SCHEMA_VERSION, sha256_of_bytes
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.array_folder import INDEX
from mvmono3d.data.crop_module import CropSplits
from mvmono3d.data.crops import Crops, CropStore
from mvmono3d.data.production import code_hash, produce
from mvmono3d.data.splits import NAMES
from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.render.detector_samples import DetectorSample, SampleSettings, scene_samples
from mvmono3d.synthetic.splits import ClipSeeds, Split, clip_seeds

_LOG = logging.getLogger(__name__)
_RIGS = 10**6
_FAR_APART = 1_000_000


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

    Args:
        skeleton: the joints.
        samples: how pictures are made. Crops are cut wide and straight: training varies them anew each epoch.
        scenes: number of scenes by split: train, val, test.
        seed: other seeds, other scenes.
        cache: folder of caches.
        processes: how many render.
    """

    skeleton: Skeleton
    samples: SampleSettings
    scenes: Mapping[str, int]
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
        """Where these crops lie: a folder per settings, skeleton and state of the world's code."""
        content = (SCHEMA_VERSION, self.samples, self.skeleton, self.seed, code_hash(clip_seeds))
        return Path(self.cache) / "rendered" / sha256_of_bytes(repr(content).encode())[:16]

    def prepare(self) -> None:
        """Make the splits that the cache lacks."""
        for name in NAMES:
            if not (self._store(name) / INDEX).is_file():
                self._make(name)

    def open(self) -> CropSplits:
        """Open the three splits."""
        return CropSplits(**{name: CropStore.open(self._store(name)) for name in NAMES})

    def _store(self, name: str) -> Path:
        return self.folder / f"{name}-{self.scenes[name]}"

    def _make(self, name: str) -> None:
        began, scenes = time.monotonic(), self.scenes[name]
        seeds = list(
            clip_seeds(
                Split[name.upper()],
                scenes,
                first=self.seed * _FAR_APART,
                subjects=self.samples.subjects,
                rigs=_RIGS,
            )
        )
        made = produce(
            _render_scene,
            [self.samples] * scenes,
            seeds,
            title=f"rendering {name} crops",
            processes=self.processes,
        )
        crops, subjects, rigs = [], [], []
        for each, of_scene in zip(seeds, made, strict=True):
            crops += of_scene
            subjects += [f"subject {each.subject}"] * len(of_scene)
            rigs += [f"rig {each.rig_seed}"] * len(of_scene)
        CropStore.write(self._store(name), crops, subjects=subjects, rigs=rigs, skeleton=self.skeleton)
        seconds = time.monotonic() - began
        _LOG.info(
            "rendered %d %s crops of %d scenes in %.1f s: %s", len(crops), name, scenes, seconds, self.folder
        )


def _render_scene(settings: SampleSettings, seeds: ClipSeeds) -> list[Crops]:
    return [crops_of(sample) for sample in scene_samples(seeds, settings=settings)]


def crops_of(sample: DetectorSample) -> Crops:
    """Return a rendered sample as a labelled crop: hidden joints have a place as well."""
    return Crops(
        images=sample.image[None],
        pixels=sample.pixels,
        labelled=sample.depth_m > 0.0,
        visible=sample.state == OcclusionState.VISIBLE,
        visible_known=sample.state != OcclusionState.UNKNOWN,
    )
