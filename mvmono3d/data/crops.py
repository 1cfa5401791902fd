"""Labelled crops of images: what a 2D joint network learns from."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import parse_skeleton
from mvmono3d.data.array_folder import open_array, read_index, verify_arrays, write_arrays
from mvmono3d.data.skeleton_content import skeleton_content
from mvmono3d.geometry.crop import carry_pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops(Record):
    """Square monochrome crops and the joints in them. Numbers beneath a false mask are finite."""

    images: UInt8[Array, "*batch 1 height width"]
    pixels: Float[Array, "*batch joint 2"]
    """(u, v) in the crop; the centre of its top-left pixel is (0, 0)."""
    labelled: Bool[Array, "*batch joint"]
    """Where a joint's place is known, also of hidden joints."""
    visible: Bool[Array, "*batch joint"]
    """Whether nothing hides it."""
    visible_known: Bool[Array, "*batch joint"]
    """Whether that is known: labels made from 3D don't know it."""


def warp_crop(crop: Crops, similarity: Float[np.ndarray, "2 3"], *, size: int) -> Crops:
    """Return one crop (without batch axes) as it looks behind a similarity, black beyond its edge."""
    image = cv2.warpAffine(crop.images[0], similarity, (size, size), flags=cv2.INTER_LINEAR)
    pixels = carry_pixels(similarity, crop.pixels).astype(np.float32)
    return replace(crop, images=image[None], pixels=pixels)


@dataclass(frozen=True, kw_only=True)
class CropStore:
    """Crops on disk; indexing reads one of them."""

    folder: Path
    skeleton: Skeleton
    subjects: tuple[str, ...]
    """Who is in each crop: splits must not share any."""
    rigs: tuple[str, ...]
    """Which rig saw it."""
    hash: str
    """SHA-256 over the content of all files."""
    arrays: dict[str, dict[str, Any]]
    """Shape, dtype and SHA-256 of each file."""

    @staticmethod
    def write(
        folder: Path,
        crops: Iterable[Crops],
        *,
        subjects: Iterable[str],
        rigs: Iterable[str],
        skeleton: Skeleton,
    ) -> None:
        """Write crops of equal size as a store that appears whole or not at all."""
        stacked = Crops.stack(list(crops))
        arrays = [(field.name, getattr(stacked, field.name)) for field in fields(Crops)]
        content = {"skeleton": skeleton_content(skeleton), "subjects": list(subjects), "rigs": list(rigs)}
        write_arrays(folder, arrays, content=content)

    @staticmethod
    def open(folder: Path) -> "CropStore":
        """Open a store; raises `InvalidFileError` when it is absent or its index is not one."""
        index, content_hash = read_index(folder, kind="store of crops")
        return CropStore(
            folder=folder,
            skeleton=parse_skeleton(index["skeleton"], where=str(folder)),
            subjects=tuple(index["subjects"]),
            rigs=tuple(index["rigs"]),
            hash=content_hash,
            arrays=index["arrays"],
        )

    def __len__(self) -> int:
        return len(self.subjects)

    def __getitem__(self, index: int) -> Crops:
        return Crops(**{name: np.array(array[index]) for name, array in self._files.items()})

    def verify(self) -> None:
        """Compare every file with its hash; raises `InvalidFileError` at the first that differs."""
        verify_arrays(self.folder, self.arrays)

    @cached_property
    def _files(self) -> dict[str, np.ndarray]:
        return {name: open_array(self.folder, name, each) for name, each in self.arrays.items()}
