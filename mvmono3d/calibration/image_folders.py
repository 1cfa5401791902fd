"""Folders of calibration images: one subfolder per camera, files that end in the same number one pose."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from mvmono3d.errors import InvalidFileError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm"})


def list_camera_images(folder: Path, *, pattern: str | None = None) -> dict[str, list[Path]]:
    """Return the images of each subfolder that has some; none at all is an empty answer.

    A subfolder's name is the camera's. Its images lie in it, or all in one folder within it, or where
    `pattern`, a glob from the subfolder ("calibration_images/*.jpg"), says.
    """
    if not folder.is_dir():
        raise InvalidFileError(f"no folder {folder}")
    places = sorted(path for path in folder.iterdir() if path.is_dir())
    found = {place.name: _images(place, pattern) for place in places}
    return {name: images for name, images in found.items() if images}


def by_pose(cameras: Mapping[str, list[Path]]) -> dict[str, dict[int, Path]]:
    """Return each camera's images by the number that their names end in: files alike are one pose."""
    return {name: _by_number(images, name) for name, images in cameras.items()}


def pose_numbers(cameras: Mapping[str, Mapping[int, Path]]) -> tuple[int, ...]:
    """Return all numbers that any camera has, in order."""
    return tuple(sorted({number for images in cameras.values() for number in images}))


def _images(place: Path, pattern: str | None) -> list[Path]:
    if pattern is not None:
        return _only_images(place.glob(pattern))
    direct = _only_images(place.iterdir())
    if direct:
        return direct
    nested = {inner: _only_images(inner.iterdir()) for inner in sorted(place.iterdir()) if inner.is_dir()}
    filled = [inner for inner, images in nested.items() if images]
    if len(filled) > 1:
        raise InvalidFileError(
            f"{place}: images in {len(filled)} folders ({', '.join(inner.name for inner in filled)}): "
            f"say which with a pattern such as {filled[0].name + '/*'!r}"
        )
    return nested[filled[0]] if filled else []


def _only_images(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())


def _by_number(images: list[Path], camera: str) -> dict[int, Path]:
    numbered: dict[int, Path] = {}
    for path in images:
        digits = re.search(r"(\d+)\D*$", path.stem)
        if digits is None:
            raise InvalidFileError(
                f"{path}: no number in the name; images of one board pose must end in the same number"
            )
        number = int(digits[1])
        if number in numbered:
            raise InvalidFileError(
                f"camera {camera!r}: {numbered[number].name} and {path.name} end in the same number {number}"
            )
        numbered[number] = path
    return numbered
