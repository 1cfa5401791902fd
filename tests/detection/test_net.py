"""The network: shapes, equivariance, and that it can learn."""

import pytest
import torch

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.detection.heatmap import STRIDE
from mvmono3d.detection.loss import detection_losses
from mvmono3d.detection.net import JointNet
from mvmono3d.errors import ConfigurationError

SKELETON = load_skeleton("hand21")
JOINTS = len(SKELETON.joints)


def _net(size: int = 64, *, width: int = 8) -> JointNet:
    torch.manual_seed(0)
    return JointNet(skeleton=SKELETON, width=width, blocks=(1, 1, 1), size=size)


def test_every_joint_has_a_place_in_the_crop_an_error_and_a_visibility():
    found = _net().eval()(torch.rand(5, 1, 64, 64))
    assert found.logits.shape == (5, JOINTS, 64 // STRIDE, 64 // STRIDE)
    assert found.log_sigma_px.shape == found.visible.shape == (5, JOINTS)
    assert (found.pixels >= 0).all()
    assert (found.pixels <= 63).all()


def test_crops_of_a_batch_do_not_know_each_other():
    net, images = _net().eval(), torch.rand(4, 1, 64, 64)
    together = net(images)
    for alone, each in zip(net(images[2:3]), together, strict=True):
        torch.testing.assert_close(alone[0], each[2], atol=1e-4, rtol=1e-4)


def test_the_map_of_a_moved_picture_is_the_moved_map():
    net = _net(128).eval()
    images = torch.zeros(1, 1, 128, 128)
    images[..., 48:64, 48:64] = torch.rand(16, 16)
    still = net(images).logits
    moved = net(images.roll((16, 16), dims=(-2, -1))).logits
    # Away from the border, which the network's padding makes look different.
    cells = 16 // STRIDE
    inner = slice(9, -9)
    torch.testing.assert_close(
        moved.roll((-cells, -cells), dims=(-2, -1))[..., inner, inner],
        still[..., inner, inner],
        atol=1e-3,
        rtol=1e-3,
    )


def test_a_size_that_does_not_fit_is_refused_with_one_that_does():
    with pytest.raises(ConfigurationError, match=r"multiple of 16.*192 would work"):
        _net(190)


def test_it_learns_where_a_bright_spot_is():
    net = _net(width=16).train()
    random = torch.Generator().manual_seed(3)
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    errors = []
    for _ in range(60):
        pixels = 12.0 + 40.0 * torch.rand(16, 1, 2, generator=random)
        grid = torch.arange(64.0)
        far_u = (grid - pixels[..., 0:1]).square()[:, :, None, :]
        far_v = (grid - pixels[..., 1:2]).square()[:, :, :, None]
        images = torch.exp(-0.5 * (far_u + far_v) / 9.0)
        labelled = torch.ones(16, JOINTS, dtype=torch.bool)
        losses = detection_losses(
            net(images),
            pixels.expand(16, JOINTS, 2),
            labelled=labelled,
            visible=labelled,
            visible_known=labelled,
        )
        optimiser.zero_grad()
        (losses.maps + 0.1 * losses.place).backward()
        optimiser.step()
        errors.append(float(losses.error_px.detach()))
    assert errors[-1] < 2.0 < errors[0]
