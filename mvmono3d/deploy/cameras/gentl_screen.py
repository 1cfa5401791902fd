"""Shows frames of any backend to the simulated GenTL cameras, so that a GenTL consumer sees rendered scenes.

with GentlScreen(Simulator(), shape=(800, 1280)) as screen:
    backend.poll(screen)
"""

import os
from pathlib import Path
from types import TracebackType

import numpy as np

from mvmono3d.deploy.cameras.frame_ring import FrameRing
from mvmono3d.deploy.cameras.protocol import Delivery
from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.deploy.ring.memory import FOLDER


class GentlScreen:
    """A sink of `CameraBackend.poll`: camera by camera, the newest frame is what the simulated one sees."""

    def __init__(self, simulator: Simulator, *, shape: tuple[int, int], bits: int = 8) -> None:
        """Put a ring before each simulated camera.

        Args:
            simulator: The simulated rig of this process.
            shape: Height and width of its sensors [px]; frames must have them too.
            bits: 8, or 12 in 16-bit words.
        """
        self._simulator = simulator
        names = [f"mvmono3d-screen-{os.getpid()}-{serial}" for serial in simulator.serials]
        self._rings = [FrameRing(Path(FOLDER) / name, shape, bits=bits) for name in names]
        self._image = np.zeros(shape, dtype=np.uint8 if bits == 8 else np.uint16)
        for camera, ring in enumerate(self._rings):
            simulator.source(camera, ring.path, bytes_per_sample=1 if bits == 8 else 2)

    def __call__(self, delivery: Delivery) -> None:
        """Show a frame to the camera of its number; one too many for the simulated rig is not shown."""
        if delivery.camera >= len(self._rings):
            return
        delivery.copy_to(self._image)
        self._rings[delivery.camera].show(self._image)

    def close(self) -> None:
        """Give the cameras back their ramp; safe to call twice."""
        for camera, ring in enumerate(self._rings):
            self._simulator.source(camera, None)
            ring.close()
        self._rings = []

    def __enter__(self) -> "GentlScreen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
