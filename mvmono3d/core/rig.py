"""A rig: cameras that share one world frame (right-handed, +Z up, metres)."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array, is_torch_array
from mvmono3d.core.camera import Camera
from mvmono3d.core.record import Record
from mvmono3d.core.schema import sha256_of_bytes
from mvmono3d.errors import InvalidRecordError, unknown_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig(Record):
    """Calibrated cameras. `names` fixes the order of the `view` axis everywhere."""

    camera: Camera
    camera_from_world: Float[Array, "*batch view 3 4"]
    """[R | t], t in metres: x_camera = R x_world + t."""
    pose_sigma: Float[Array, "*batch view 2"]
    """Standard deviation of the pose: rotation (rad, per axis), translation (m, per axis)."""
    names: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...] = field(default=())

    def __post_init__(self) -> None:
        views = self.camera_from_world.shape[-3]
        if len(self.names) != views:
            raise InvalidRecordError(f"rig with {views} poses but {len(self.names)} names {self.names}")
        if len(set(self.names)) != views:
            raise InvalidRecordError(f"rig with camera names that repeat: {', '.join(self.names)}")

    def index(self, name: str) -> int:
        """Return the place of a camera on the view axis."""
        if name not in self.names:
            raise unknown_name("camera", name, self.names, where="the rig")
        return self.names.index(name)

    def select(self, names: tuple[str, ...]) -> "Rig":
        """Return the rig of the named cameras, in that order. Only for a rig without batch axes."""
        order = [self.index(name) for name in names]
        return Rig(
            camera=self.camera.map(lambda array: array[order]),
            camera_from_world=self.camera_from_world[order],
            pose_sigma=self.pose_sigma[order],
            names=names,
            metadata=self.metadata,
        )

    @property
    def hash(self) -> str:
        """SHA-256 over names, lenses and poses: the identity of a calibration."""
        arrays = (self.camera.lens, self.camera.size_px, self.camera_from_world)
        plain = [array.numpy() if is_torch_array(array) else array for array in arrays]
        # Nine decimals: what a text file keeps of a float is the same calibration.
        # Adding 0 makes -0 and 0 one number.
        chunks = [(np.round(np.asarray(array, dtype=np.float64), 9) + 0.0).tobytes() for array in plain]
        return sha256_of_bytes("\0".join(self.names).encode(), *chunks)
