"""No function may bring constants from another device or dtype along: shown on torch's empty device."""

from typing import Any

import pytest
import torch

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry import epipolar, kinematics, lens, projection, rigid, solve, triangulation, uncertainty

LENS = torch.empty(4, 10, device="meta")
POSE = torch.empty(4, 3, 4, device="meta")
PIXELS = torch.empty(2, 4, 21, 2, device="meta")
VIEWED = torch.empty(2, 4, 21, device="meta")
POINTS = torch.empty(2, 21, 3, device="meta")
MATRIX = torch.empty(2, 3, 3, device="meta")
RIG: dict[str, Any] = {"lens": LENS, "camera_from_world": POSE}
HAND = load_skeleton("hand21")

CALLS = {
    "solve": lambda: (solve.solve3(MATRIX, MATRIX[:, 0]), solve.inverse3(MATRIX), solve.cholesky3(MATRIX)),
    "rotations": lambda: rigid.vector_from_rotation(rigid.rotation_from_vector(POINTS)),
    "six numbers": lambda: rigid.rotation_from_6d(torch.empty(2, 6, device="meta")),
    "transforms": lambda: rigid.compose(POSE, rigid.invert(POSE)),
    "lens": lambda: lens.distort(lens.undistort(PIXELS, LENS), LENS),
    "reach": lambda: (lens.one_to_one(PIXELS, LENS), lens.area_scale(PIXELS, LENS)),
    "project": lambda: projection.project(POINTS, **RIG),
    "jacobian": lambda: projection.projection_jacobian(POINTS, **RIG),
    "rays": lambda: epipolar.ray_distance(*projection.rays(PIXELS, **RIG)),
    "triangulate": lambda: triangulation.triangulate(
        PIXELS, VIEWED, prior_points=POINTS, prior_precision=VIEWED[:, 0], **RIG
    ),
    "essential": lambda: epipolar.essential_matrices(POSE),
    "covariance": lambda: uncertainty.covariance_from_information(MATRIX),
    "pose variance": lambda: uncertainty.pose_variance_px2(VIEWED, lens=LENS, pose_sigma=LENS[:, :2]),
    "frame": lambda: kinematics.body_frame(POINTS, HAND),
    "angles": lambda: kinematics.joint_angles(POINTS, HAND),
    "bones": lambda: kinematics.set_bone_lengths(POINTS, kinematics.bone_lengths(POINTS, HAND), HAND),
}


def _tensors(answer):
    return (
        [answer] if isinstance(answer, torch.Tensor) else [leaf for part in answer for leaf in _tensors(part)]
    )


@pytest.mark.parametrize("name", CALLS)
def test_answers_stay_on_the_device_and_in_the_dtype_of_the_arrays(name):
    for tensor in _tensors(CALLS[name]()):
        assert tensor.device.type == "meta"
        assert tensor.dtype in (torch.float32, torch.bool)
