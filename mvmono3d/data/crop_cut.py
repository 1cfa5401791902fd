"""Where crops come from, and how they are cut for a network. No Lightning."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch.utils.data import Dataset

from mvmono3d.core.schema import sha256_of_bytes
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.counters import AUGMENTATION, generator
from mvmono3d.data.crops import Crops, CropSet, mirrored, warp_crop
from mvmono3d.data.splits import NAMES
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.crop import crop_from_image, upright_turn


@dataclass(frozen=True, kw_only=True)
class CropSplits:
    """The three stores of one data set; none shares a subject with another."""

    train: CropSet
    val: CropSet
    test: CropSet

    def __post_init__(self) -> None:
        for (name, store), (other_name, other) in combinations(self.stores(), 2):
            both = set(store.subjects) & set(other.subjects)
            if both:
                raise ConfigurationError(
                    f"crops of {name} and {other_name} share subjects: {', '.join(sorted(both)[:3])}"
                )

    def stores(self) -> Iterator[tuple[str, CropSet]]:
        """Yield the stores with their names."""
        yield from (("train", self.train), ("val", self.val), ("test", self.test))

    @property
    def hash(self) -> str:
        """SHA-256 over all of them."""
        return sha256_of_bytes(*(store.hash.encode() for _, store in self.stores()))


@runtime_checkable
class CropSource(Protocol):
    """Where crops come from."""

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of every crop."""
        ...

    def prepare(self, names: Sequence[str] = NAMES) -> None:
        """Make or find everything that `open` of these splits needs."""
        ...

    def open_split(self, name: str) -> CropSet:
        """Open one split that `prepare` made."""
        ...

    def open(self) -> CropSplits:
        """Open what `prepare` made."""
        ...


@dataclass(frozen=True, kw_only=True)
class CropJitter:
    """How training crops are cut out of stored ones, which show more than is needed."""

    side: float
    """Side of the window that validation and test crops take, as a share of the stored crop's."""
    side_range: float
    """How much larger or smaller a training window may be, as a natural logarithm."""
    shift: float
    """How far its centre may move along either axis, as a share of the stored crop's side."""
    turn_rad: float
    """How far it may be turned either way."""
    upright: bool
    """Whether crops are turned until the skeleton is upright: not where the network is to find it first."""
    any_turn_share: float
    """Share of training crops that are turned anyhow: a network must notice that it can't read them."""
    mirrored_share: float
    """Share of training crops that are seen in a mirror: a right hand is a left one then."""

    def still(self, stored: int, *, size: int, upright_rad: float) -> Float[np.ndarray, "2 3"]:
        """Return the similarity from a stored crop to the upright one of its middle."""
        centre = np.full(2, 0.5 * (stored - 1))
        side, turn = np.asarray(self.side * stored), np.asarray(upright_rad)
        return crop_from_image(centre, side, size=size, turn_rad=turn)

    def draw(
        self, stored: int, *, size: int, upright_rad: float, random: np.random.Generator
    ) -> Float[np.ndarray, "2 3"]:
        """Return a similarity from a stored crop to a varied one."""
        side = self.side * math.exp(random.uniform(-self.side_range, self.side_range))
        centre = np.full(2, 0.5 * (stored - 1)) + stored * random.uniform(-self.shift, self.shift, 2)
        most = math.pi if random.random() < self.any_turn_share else self.turn_rad
        turn = np.asarray(upright_rad + random.uniform(-most, most))
        return crop_from_image(centre, np.asarray(side * stored), size=size, turn_rad=turn)


@dataclass(frozen=True, kw_only=True)
class CutCrops(Dataset[Crops]):
    """Crops of a store at the network's size; varied where there is a seed."""

    store: CropSet
    size: int
    jitter: CropJitter
    seed: int | None

    def __getitem__(self, place: tuple[int, int]) -> Crops:
        epoch, sample = place
        crop = self.store[sample]
        stored = crop.images.shape[-1]
        if self.seed is None:
            similarity = self.jitter.still(stored, size=self.size, upright_rad=self._upright_rad(crop))
        else:
            random = generator(self.seed, AUGMENTATION, epoch, sample)
            if random.random() < self.jitter.mirrored_share:
                crop = mirrored(crop, self.store.skeleton.mirror)
            similarity = self.jitter.draw(
                stored, size=self.size, upright_rad=self._upright_rad(crop), random=random
            )
        return warp_crop(crop, similarity, size=self.size)

    def _upright_rad(self, crop: Crops) -> float:
        """Return the turn that makes a crop upright; 0 where its labels don't say."""
        upright = self.store.skeleton.upright
        if not self.jitter.upright or upright is None or not crop.labelled[list(upright)].all():
            return 0.0
        return float(upright_turn(*crop.pixels[list(upright)].astype(np.float64)))
