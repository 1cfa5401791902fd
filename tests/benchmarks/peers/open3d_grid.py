"""Open3D's VoxelBlockGrid fed with depth images, wherever Open3D is installed.

Its `import` wants a shared library (libusb) that bare machines lack and a web viewer's packages that nothing
here calls: the first comes from the package libusb-package, the others are stood in for.
"""

import ctypes
import sys
from importlib.metadata import PackageNotFoundError, files
from unittest.mock import MagicMock

import numpy as np

BAND_VOXELS = 4.0
_WEB_VIEWER = ("plotly", "plotly.graph_objects", "plotly.subplots", "dash")
_FURTHEST_M = 3.0


def load_open3d():
    """Return the module; raises `ImportError` where it isn't."""
    try:
        for file in files("libusb-package") or ():
            if file.name.startswith("libusb-1.0"):
                ctypes.CDLL(str(file.locate()), mode=ctypes.RTLD_GLOBAL)
    except PackageNotFoundError:
        # The system may have the library.
        pass
    missing = [name for name in _WEB_VIEWER if name not in sys.modules]
    sys.modules.update({name: MagicMock() for name in missing})
    try:
        import open3d  # pyright: ignore[reportMissingImports]
    finally:
        for name in missing:
            del sys.modules[name]
    open3d.utility.set_verbosity_level(open3d.utility.VerbosityLevel.Error)
    return open3d


class Grid:
    """A grid of one rig; pixels are those of lenses without distortion."""

    def __init__(self, open3d, lens, camera_from_world, *, voxel_m, blocks):
        self._core, self._geometry = open3d.core, open3d.t.geometry
        self._voxel_m, self._blocks = voxel_m, blocks
        last = np.array([[0.0, 0.0, 0.0, 1.0]])
        self._views = []
        for (fx, fy, cx, cy), pose in zip(lens[:, :4], camera_from_world, strict=True):
            # It takes the whole part of a pixel's place: half a pixel more makes that the nearest one.
            inner = np.array([[fx, 0.0, cx + 0.5], [0.0, fy, cy + 0.5], [0.0, 0.0, 1.0]])
            outer = np.concatenate([pose, last])
            self._views.append([self._core.Tensor(each, self._core.float64) for each in (inner, outer)])
        self.empty()

    def empty(self):
        core = self._core
        self._grid = self._geometry.VoxelBlockGrid(
            ("tsdf", "weight"), (core.float32, core.float32), ((1,), (1,)), self._voxel_m, 8, self._blocks,
            core.Device("CPU:0"),
        )  # fmt: skip

    def images(self, depths):
        return [self._geometry.Image(self._core.Tensor(np.ascontiguousarray(depth))) for depth in depths]

    def integrate(self, images):
        for image, (inner, outer) in zip(images, self._views, strict=True):
            blocks = self._grid.compute_unique_block_coordinates(
                image, inner, outer, 1.0, _FURTHEST_M, BAND_VOXELS
            )
            self._grid.integrate(blocks, image, inner, outer, 1.0, _FURTHEST_M, BAND_VOXELS)

    def voxels(self):
        """Places (voxel, 3) [m], distances and weights (voxel,) of all blocks that it has."""
        places, rows = self._grid.voxel_coordinates_and_flattened_indices()
        picked = [self._grid.attribute(name).reshape((-1, 1))[rows] for name in ("tsdf", "weight")]
        return places.numpy(), *(each.numpy()[:, 0] for each in picked)
