"""Crops that lie ready on disk: a folder with a store for each split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.data.crop_cut import CropSplits
from mvmono3d.data.crops import CropSet, CropStore
from mvmono3d.data.splits import NAMES
from mvmono3d.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class StoredCrops:
    """`CropSource` of what somebody wrote with `CropStore.write`.

    Args:
        folder: holds `train`, `val` and `test`.
        skeleton: that all of them must have.
    """

    folder: Path | str
    skeleton: Skeleton

    def prepare(self, names: Sequence[str] = NAMES) -> None:
        """Find the stores; raises `InvalidFileError` for one that is absent."""
        for name in names:
            self.open_split(name)

    def open(self) -> CropSplits:
        """Open the three splits."""
        return CropSplits(**{name: self.open_split(name) for name in NAMES})

    def open_split(self, name: str) -> CropSet:
        """Open one split."""
        store = CropStore.open(Path(self.folder) / name)
        if store.skeleton.hash != self.skeleton.hash:
            raise ConfigurationError(
                f"{store.folder} has crops of skeleton {store.skeleton.name!r}, this run is of "
                f"{self.skeleton.name!r}; choose it with skeleton={store.skeleton.name}"
            )
        return store
