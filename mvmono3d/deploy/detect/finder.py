"""Where to look while nobody is followed: a small network over whole images, or a detector on a grid."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array
from mvmono3d.deploy.detect.batch import grey
from mvmono3d.deploy.detect.bundle import FINDER, DetectorBundle, is_detector_bundle, read_detector_bundle
from mvmono3d.deploy.detect.crop import cut_windows
from mvmono3d.deploy.detect.network import load_detector_graph, open_detector
from mvmono3d.deploy.detect.protocol import Crops, Detector, Finder, WholeImages
from mvmono3d.deploy.detect.windows import Windows, WindowSettings, around_pixels
from mvmono3d.errors import InvalidFileError
from mvmono3d.geometry.crop import carry_pixels, image_from_crop, similarity_scale

_LEAST_PRESENCE = 0.25
"""Mean probability of a joint to be visible, from which on there is an actor."""
_LEAST_MASS = 0.35
"""Share of the joints that a place must hold to be a candidate; a second actor takes half of them."""
_REACH = 2.2
"""Half of a window's side in standard deviations of the joints in it, along the longer axis."""
_MOST = 3
"""Candidates per view."""


class NetworkFinder:
    """The finder of a bundle: one small picture of every camera, one map of where joints are."""

    def __init__(self, bundle: DetectorBundle, *, threads: int = 1) -> None:
        graph = bundle.graph(FINDER)
        if graph is None:
            raise InvalidFileError(f"{bundle.folder} has no graph that finds; use its detector on a grid")
        self._engine = load_detector_graph(bundle, graph, threads=threads)
        self._size, self._margin = graph.size, bundle.manifest.margin

    def find(self, images: WholeImages) -> tuple[Windows, ...]:
        """See `Finder`."""
        crops = cut_windows(images, whole(images), size=self._size)
        if not crops.known.any():
            return ()
        found = self._engine.run({"images": grey(crops.images[crops.known])})
        views = len(crops.known)
        density = np.zeros((views, *found["density"].shape[1:]))
        presence = np.zeros(views)
        density[crops.known], presence[crops.known] = found["density"], found["presence"]
        ranked = []
        for _ in range(_MOST):
            windows, density = self._take(crops, density, presence)
            if not windows.known.any():
                break
            ranked.append(windows)
        return tuple(ranked)

    def _take(
        self, crops: Crops, density: Float[Array, "view row column"], presence: Float[Array, " view"]
    ) -> tuple[Windows, Float[Array, "view row column"]]:
        """Return the likeliest window of each view, and the map without what lies in it."""
        stride = self._size / density.shape[-1]
        centre, half, mass, rest = (
            np.stack(each) for each in zip(*(_gather(map_) for map_ in density), strict=True)
        )
        in_crop = 0.5 * (stride - 1) + stride * centre
        back = image_from_crop(crops.crop_from_image)
        side = 2.0 * stride * half * similarity_scale(back) * self._margin / WindowSettings().margin
        windows = Windows.level(
            centre_px=carry_pixels(back, in_crop[:, None, :])[:, 0],
            side_px=np.maximum(side, WindowSettings().least_side_px),
            known=crops.known & (presence >= _LEAST_PRESENCE) & (mass >= _LEAST_MASS),
        )
        return windows, rest


class GridFinder:
    """Any detector on overlapping windows of two sizes: slower, and needs no network of its own."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def find(self, images: WholeImages) -> tuple[Windows, ...]:
        """See `Finder`: of each view the window in which the detector is surest."""
        views = len(images.present)
        joints = len(self._detector.skeleton.joints)
        best = np.zeros(views)
        pixels, usable = np.zeros((views, joints, 2)), np.zeros((views, joints), dtype=bool)
        for windows in _grid(images):
            crops = cut_windows(images, windows, size=self._detector.size)
            found = self._detector.detect(crops)
            sure = np.where(crops.known, found.confidence.mean(axis=-1), 0.0)
            better = sure > best
            best = np.where(better, sure, best)
            there = carry_pixels(image_from_crop(crops.crop_from_image), found.pixels)
            pixels[better], usable[better] = there[better], found.confidence[better] >= _LEAST_PRESENCE
        seen = usable & (best >= _LEAST_PRESENCE)[:, None]
        settings = WindowSettings(upright=self._detector.skeleton.upright)
        windows = around_pixels(pixels, seen, settings=settings)
        return (windows,) if windows.known.any() else ()


def open_finder(folder: Path, *, threads: int = 1) -> Finder:
    """Return the finder of a bundle, or its detector on a grid where it has none."""
    if is_detector_bundle(folder):
        bundle = read_detector_bundle(folder)
        if bundle.graph(FINDER) is not None:
            return NetworkFinder(bundle, threads=threads)
    return GridFinder(open_detector(folder, threads=threads))


def whole(images: WholeImages) -> Windows:
    """Return the square round every image that holds all of it."""
    views, height, width = images.images.shape
    return Windows.level(
        centre_px=np.tile([0.5 * (width - 1), 0.5 * (height - 1)], (views, 1)),
        side_px=np.full(views, float(max(height, width))),
        known=images.present,
    )


def _grid(images: WholeImages) -> list[Windows]:
    """Return windows over all of an image: as high as it is, and half as high; each by half a side."""
    views, height, width = images.images.shape
    short = min(height, width)
    grid = []
    for side in (float(short), 0.5 * short):
        columns, rows = (_centres(length, side) for length in (width, height))
        for u in columns:
            for v in rows:
                grid.append(
                    Windows.level(
                        centre_px=np.tile([u, v], (views, 1)),
                        side_px=np.full(views, side),
                        known=images.present,
                    )
                )
    return grid


def _centres(length: int, side: float) -> list[float]:
    count = 1 + int(np.ceil(max(length - side, 0.0) / (0.5 * side)))
    return np.linspace(0.5 * side, length - 0.5 * side, count).tolist() if count > 1 else [0.5 * length]


def _gather(
    density: Float[Array, "row column"],
) -> tuple[Float[Array, "2"], float, float, Float[Array, "row column"]]:
    """Return centre (u, v) and half side [cells] of the heaviest heap, its mass, and the map without it."""
    rows, columns = (np.arange(count, dtype=np.float64) for count in density.shape)
    inside: Bool[Array, "row column"] = np.ones(density.shape, dtype=bool)
    centre, half = _peak(density), 0.25 * max(density.shape)
    for _ in range(4):
        inside = (np.abs(rows - centre[1]) <= half)[:, None] & (np.abs(columns - centre[0]) <= half)
        held = np.where(inside, density, 0.0)
        mass = max(float(held.sum()), 1e-9)
        across, down = held.sum(axis=0) / mass, held.sum(axis=1) / mass
        centre = np.array([across @ columns, down @ rows])
        spread = np.sqrt([across @ (columns - centre[0]) ** 2, down @ (rows - centre[1]) ** 2])
        half = max(_REACH * float(spread.max()), 1.0)
    mass = float(density[inside].sum())
    return centre, half, mass, np.where(inside, 0.0, density)


def _peak(density: Float[Array, "row column"]) -> Float[Array, "2"]:
    """Return the middle of the heaviest few cells."""
    width = max(density.shape[0] // 8, 1)
    sums = np.cumsum(np.cumsum(np.pad(density, ((1, 0), (1, 0))), axis=0), axis=1)
    heap = sums[width:, width:] - sums[:-width, width:] - sums[width:, :-width] + sums[:-width, :-width]
    row, column = np.unravel_index(int(heap.argmax()), heap.shape)
    return np.array([column, row], dtype=np.float64) + 0.5 * (width - 1)
