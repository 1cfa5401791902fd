"""Small stores of crops for tests."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.data.crop_cut import CropSplits
from mvmono3d.data.crops import Crops, CropStore
from mvmono3d.data.splits import NAMES

SKELETON = load_skeleton("hand21")
JOINTS = len(SKELETON.joints)


def spotted_crops(count: int, *, seed: int = 0, size: int = 80) -> list[Crops]:
    """Black crops with a bright spot at every joint that is labelled."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        pixels = random.integers(size // 4, 3 * size // 4, (JOINTS, 2)).astype(np.float32)
        image = np.zeros((1, size, size), dtype=np.uint8)
        image[0, pixels[:, 1].astype(int), pixels[:, 0].astype(int)] = 255
        labelled = random.random(JOINTS) < 0.8
        made.append(
            Crops(images=image, pixels=pixels, labelled=labelled, visible=labelled, visible_known=labelled)
        )
    return made


def spotted_store(folder: Path, count: int, *, seed: int, subject: str) -> CropStore:
    CropStore.write(
        folder,
        spotted_crops(count, seed=seed),
        subjects=[subject] * count,
        rigs=[subject] * count,
        skeleton=SKELETON,
    )
    return CropStore.open(folder)


class CropFolder:
    """A source of ten training crops and three each to validate and test."""

    skeleton = SKELETON

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, names: Sequence[str] = NAMES) -> None:
        for seed, (name, count) in enumerate({"train": 10, "val": 3, "test": 3}.items()):
            if name in names:
                spotted_store(self._folder / name, count, seed=seed, subject=name)

    def open_split(self, name: str) -> CropStore:
        return CropStore.open(self._folder / name)

    def open(self) -> CropSplits:
        return CropSplits(**{name: self.open_split(name) for name in NAMES})
