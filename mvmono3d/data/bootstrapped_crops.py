"""Crops of one's own videos without labels: a detector's joints that enough views agree on, split by time."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from mvmono3d.calibration.videos import find_camera_videos
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.schema import SCHEMA_VERSION, sha256_of_bytes, sha256_of_file
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.array_folder import INDEX
from mvmono3d.data.consistent import ConsistencySettings, agree, find_windows, labelled_crops
from mvmono3d.data.crop_cut import CropSplits
from mvmono3d.data.crops import Crops, CropSet, CropStore
from mvmono3d.data.splits import NAMES
from mvmono3d.deploy.detect.finder import open_finder
from mvmono3d.deploy.detect.network import open_detector
from mvmono3d.deploy.detect.protocol import Detector, Finder, WholeImages
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.errors import ConfigurationError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BootstrappedCrops:
    """`CropSource` of synchronous videos of a calibrated rig.

    Args:
        videos: folder with one video per camera, named as in the rig.
        rig: `rig.toml` of metres.
        detector: folder of a detector: a bundle, or an adapter's.
        skeleton: the detector's.
        settings: which joints become labels.
        frames: first and last frame of each split, the last left out. Neighbours look alike: leave gaps.
        regions: of each camera centre u, v and side [px] of a square to begin with, for actors that stay
            where they are; `None` asks the finder.
        every: one in so many frames is taken.
        size: height and width of a stored crop [px].
        margin: side of its window over the longer side of the box round the joints.
        cache: folder of caches.
    """

    videos: Path | str
    rig: Path | str
    detector: Path | str
    skeleton: Skeleton
    settings: ConsistencySettings
    frames: dict[str, Sequence[int]]
    regions: dict[str, Sequence[float]] | None
    every: int
    size: int
    margin: float
    cache: Path | str

    def __post_init__(self) -> None:
        ends = [tuple(self.frames.get(name, ())) for name in NAMES]
        if any(len(each) != 2 or each[0] >= each[1] for each in ends) or _overlap(ends):
            raise ConfigurationError(
                f"data.source.frames is {self.frames}; expected [first, last] for each of "
                f"{', '.join(NAMES)}, apart from each other"
            )

    @property
    def folder(self) -> Path:
        """Where the crops lie: a folder per videos, rig, detector and settings."""
        manifest = Path(self.detector) / "manifest.json"
        adapter = Path(self.detector) / "detector.toml"
        known = [sha256_of_file(path) for path in (Path(self.rig), manifest, adapter) if path.is_file()]
        places = (
            None if self.regions is None else sorted((name, *each) for name, each in self.regions.items())
        )
        content = (
            SCHEMA_VERSION, known, str(self.videos), self.settings, places, self.every, self.size, self.margin
        )  # fmt: skip
        return Path(self.cache) / "bootstrapped" / sha256_of_bytes(repr(content).encode())[:16]

    def prepare(self, names: Sequence[str] = NAMES) -> None:
        """Look through the frames of splits that the cache lacks."""
        for name in names:
            if not (self._store(name) / INDEX).is_file():
                self._make(name)

    def open(self) -> CropSplits:
        """Open the three splits."""
        return CropSplits(**{name: self.open_split(name) for name in NAMES})

    def open_split(self, name: str) -> CropSet:
        """Open one split."""
        return CropStore.open(self._store(name))

    def _store(self, name: str) -> Path:
        first, last = self.frames[name]
        return self.folder / f"{name}-{first}-{last}"

    def _make(self, name: str) -> None:
        rig = read_rig(Path(self.rig))
        detector, finder = open_detector(Path(self.detector)), open_finder(Path(self.detector))
        crops, sets, used = [], 0, 0
        for images in self._frame_sets(rig, self.frames[name]):
            found = list(self._labelled(images, rig, detector, finder))
            crops += found
            sets, used = sets + 1, used + bool(found)
        _LOG.info("%s: views agree in %d of %d frame sets, %d crops", name, used, sets, len(crops))
        if not crops:
            raise ConfigurationError(
                f"{self.videos}: in none of {sets} frame sets of {name} do {self.settings.least_views} views "
                "agree; look at the detector's joints on a few frames, and at the calibration"
            )
        # Splits are blocks of time of one recording: the same subject, told apart by name.
        names = [f"frames {self.frames[name]} of {self.videos}"] * len(crops)
        CropStore.write(self._store(name), crops, subjects=names, rigs=names, skeleton=self.skeleton)

    def _labelled(self, images: WholeImages, rig: Rig, detector: Detector, finder: Finder) -> Iterator[Crops]:
        if self.regions is None:
            windows = find_windows(images, finder=finder, detector=detector)
        else:
            windows = self._region_windows(rig)
        if windows is None:
            return
        labelled = agree(images, windows, rig, detector=detector, settings=self.settings)
        if labelled is not None:
            yield from labelled_crops(images, labelled, rig, size=self.size, margin=self.margin)

    def _region_windows(self, rig: Rig) -> Windows:
        places = self.regions or {}
        missing = [name for name in rig.names if len(places.get(name, ())) != 3]
        if missing:
            raise ConfigurationError(
                f"data.source.regions is {places}; expected [u, v, side] for each of {', '.join(rig.names)}"
            )
        table = np.array([places[name] for name in rig.names], dtype=np.float64)
        return Windows.level(table[:, :2], table[:, 2], np.ones(len(table), dtype=bool))

    def _frame_sets(self, rig: Rig, ends: Sequence[int]) -> Iterator[WholeImages]:
        paths = find_camera_videos(Path(self.videos))
        missing = [name for name in rig.names if name not in paths]
        if missing:
            raise ConfigurationError(
                f"{self.videos} has no video of camera {', '.join(missing)}; it has "
                f"{', '.join(sorted(paths))}"
            )
        with ExitStack() as stack:
            opened = [cv2.VideoCapture(str(paths[name])) for name in rig.names]
            for video in opened:
                stack.callback(video.release)
            for frame in range(ends[1]):
                # Seeking lands on another frame in many containers, so every frame before is decoded.
                there = [video.grab() for video in opened]
                if not any(there):
                    return
                if frame >= ends[0] and (frame - ends[0]) % self.every == 0:
                    yield _frame_set(opened, there, frame)


def _frame_set(opened: list[cv2.VideoCapture], there: list[bool], frame: int) -> WholeImages:
    pictures = [_grey(video) if has else None for video, has in zip(opened, there, strict=True)]
    shape = next(picture.shape for picture in pictures if picture is not None)
    present = np.array([picture is not None and picture.shape == shape for picture in pictures])
    images = np.zeros((len(opened), *shape), dtype=np.uint8)
    for view, picture in enumerate(pictures):
        if picture is not None and present[view]:
            images[view] = picture
    number = np.full(len(opened), frame, dtype=np.int64)
    return WholeImages(images=images, bits=8, present=present, frame_id=number, time_ns=frame)


def _grey(video: cv2.VideoCapture) -> np.ndarray | None:
    found, frame = video.retrieve()
    if not found:
        return None
    picture = np.asarray(frame, dtype=np.uint8)
    return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


def _overlap(ends: list[tuple[int, ...]]) -> bool:
    ordered = sorted(ends)
    return any(later[0] < earlier[1] for earlier, later in pairwise(ordered))
