"""Nothing is below the floor, and nothing above it is touched."""

import torch

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.imputation.contact import FloorContact


def test_joints_below_the_floor_are_lifted_and_others_stay():
    skeleton = load_skeleton("body25b")
    floor = FloorContact(skeleton=skeleton, height_m=0.1)
    points = torch.randn(5, len(skeleton.joints), 3, generator=torch.Generator().manual_seed(0))
    unit_m = torch.tensor(1.3)
    lifted = floor(points, unit_m=unit_m)
    assert (lifted[..., 2] * unit_m >= 0.1 - 1e-6).all()
    assert torch.equal(lifted[..., :2], points[..., :2])
    above = points[..., 2] * unit_m > 0.1 + floor.radius_m.max()
    assert torch.equal(lifted[above], points[above])
    torch.testing.assert_close(floor(lifted, unit_m=unit_m), lifted)
