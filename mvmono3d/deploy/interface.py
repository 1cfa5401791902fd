"""The interface of an exported graph: one set of frames in, joints out, state in and state out.

The axes `view`, `joint` and `state` have one fixed size per graph. A camera that is lost, or that a
smaller rig never had, is false in `view_mask`; the state before the first frame is all zeros.
"""

from collections.abc import Mapping

import msgspec

from mvmono3d.errors import InvalidFileError

FLOAT, INTEGER, BOOLEAN = "float32", "int64", "bool"


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named tensor of the graph."""

    name: str
    dtype: str
    shape: str
    """Axes as words or sizes, "view joint 2"; a scalar has none."""
    unit: str = ""
    frame: str = ""
    """What the numbers refer to: the coordinate frame, or the enum behind an integer."""

    def sizes(self, axes: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape in numbers, given the size of each named axis."""
        return tuple(axes[axis] if axis in axes else int(axis) for axis in self.shape.split())


_IMAGE = "image, lens distortion included, centre of the top-left pixel at 0"

_LENS = "fx fy cx cy, k1 k2 p1 p2 k3 (fisheye: k1 k2 k3 k4 0), 1 for fisheye"

INPUTS = (
    TensorSpec(name="pixels", dtype=FLOAT, shape="view joint 2", unit="px", frame=_IMAGE),
    TensorSpec(name="confidence", dtype=FLOAT, shape="view joint", unit="0 to 1"),
    TensorSpec(name="detected", dtype=BOOLEAN, shape="view joint"),
    TensorSpec(name="view_mask", dtype=BOOLEAN, shape="view", frame="true where a camera delivered"),
    TensorSpec(name="lens", dtype=FLOAT, shape="view 10", unit="px", frame=_LENS),
    TensorSpec(name="camera_from_world", dtype=FLOAT, shape="view 3 4", unit="m", frame="[R | t], OpenCV"),
    TensorSpec(name="pose_sigma", dtype=FLOAT, shape="view 2", unit="rad, m", frame="per axis"),
    TensorSpec(name="time_step_s", dtype=FLOAT, shape="", unit="s", frame="since the last frame; first: 0"),
    TensorSpec(name="state", dtype=FLOAT, shape="state"),
)

OUTPUTS = (
    TensorSpec(name="points_world", dtype=FLOAT, shape="joint 3", unit="m", frame="world, +Z up"),
    TensorSpec(name="covariance_world", dtype=FLOAT, shape="joint 3 3", unit="m^2", frame="world"),
    TensorSpec(name="source", dtype=INTEGER, shape="joint", frame="PointSource"),
    TensorSpec(name="decided_by", dtype=INTEGER, shape="joint", frame="Decision"),
    TensorSpec(name="reason", dtype=INTEGER, shape="joint", frame="MissingReason"),
    TensorSpec(name="weights", dtype=FLOAT, shape="view joint", unit="share of the information"),
    TensorSpec(name="occlusion_logits", dtype=FLOAT, shape="view joint 4", frame="OcclusionState"),
    TensorSpec(name="next_state", dtype=FLOAT, shape="state"),
)


def check_names(
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    *,
    got_inputs: tuple[str, ...],
    got_outputs: tuple[str, ...],
) -> None:
    """Raise `InvalidFileError` unless a graph's tensors carry the promised names, in any order."""
    for kind, promised, got in (("inputs", inputs, got_inputs), ("outputs", outputs, got_outputs)):
        names = tuple(tensor.name for tensor in promised)
        if set(names) != set(got):
            raise InvalidFileError(f"graph with {kind} {', '.join(got)}; expected {', '.join(names)}")
