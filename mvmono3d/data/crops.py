"""Labelled crops of images: what a 2D joint network learns from."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.core.schema import sha256_of_bytes
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
    """Whether the crop shows it: it lies inside, and nothing hides it."""
    visible_known: Bool[Array, "*batch joint"]
    """Whether that is known: labels made from 3D don't know it."""


def warp_crop(crop: Crops, affine: Float[np.ndarray, "2 3"], *, size: int) -> Crops:
    """Return one crop (without batch axes) as it looks behind an affine map, black beyond its edge."""
    image = cv2.warpAffine(crop.images[0], affine, (size, size), flags=cv2.INTER_LINEAR)
    pixels = carry_pixels(affine, crop.pixels).astype(np.float32)
    inside = ((pixels >= 0.0) & (pixels <= size - 1)).all(axis=-1)
    return replace(crop, images=image[None], pixels=pixels, visible=crop.visible & inside)


def mirrored(crop: Crops, partners: Sequence[int]) -> Crops:
    """Return one crop as a mirror shows it, in which left and right joints change names.

    Args:
        crop: without batch axes.
        partners: of each joint, `Skeleton.mirror`.
    """
    order = list(partners)
    pixels = crop.pixels[order] * np.array([-1.0, 1.0], dtype=np.float32)
    return Crops(
        images=np.ascontiguousarray(crop.images[..., ::-1]),
        pixels=pixels + np.array([crop.images.shape[-1] - 1, 0.0], dtype=np.float32),
        labelled=crop.labelled[order],
        visible=crop.visible[order],
        visible_known=crop.visible_known[order],
    )


@runtime_checkable
class CropSet(Protocol):
    """Crops that are read one by one."""

    @property
    def skeleton(self) -> Skeleton:
        """The joints of every crop."""
        ...

    @property
    def subjects(self) -> tuple[str, ...]:
        """Who is in each crop: splits must not share any."""
        ...

    @property
    def rigs(self) -> tuple[str, ...]:
        """Which rig saw it."""
        ...

    @property
    def hash(self) -> str:
        """SHA-256 over the content of all files."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Crops: ...


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


@dataclass(frozen=True)
class CropParts:
    """Several stores of one skeleton as one, in their order."""

    stores: tuple[CropStore, ...]

    @property
    def skeleton(self) -> Skeleton:
        """The joints of every crop."""
        return self.stores[0].skeleton

    @property
    def subjects(self) -> tuple[str, ...]:
        """Who is in each crop."""
        return tuple(subject for store in self.stores for subject in store.subjects)

    @property
    def rigs(self) -> tuple[str, ...]:
        """Which rig saw it."""
        return tuple(rig for store in self.stores for rig in store.rigs)

    @property
    def hash(self) -> str:
        """SHA-256 over the content of all files."""
        return sha256_of_bytes(*(store.hash.encode() for store in self.stores))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Crops:
        part = bisect_right(self._ends, index)
        return self.stores[part][index - self._ends[part - 1] if part else index]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(map(len, self.stores)))
