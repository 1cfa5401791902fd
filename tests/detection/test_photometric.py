"""Crops vary as asked, and only so."""

import torch

from mvmono3d.detection.photometric import Photometric

NOTHING = Photometric(
    gain=0.0, gamma=0.0, lift=0.0, noise=0.0, blur_share=0.0, patch_share=0.0, patch_size=0.0
)
ALL = Photometric(gain=0.5, gamma=0.3, lift=0.1, noise=0.05, blur_share=0.5, patch_share=0.5, patch_size=0.4)
IMAGES = torch.rand(8, 1, 32, 48, generator=torch.Generator().manual_seed(0))


def _random() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def test_nothing_asked_is_nothing_done():
    varied = NOTHING(IMAGES, _random())
    torch.testing.assert_close(varied.images, IMAGES)
    assert not varied.covered.any()


def test_one_seed_is_one_variation_within_the_scale():
    varied = ALL(IMAGES, _random()).images
    torch.testing.assert_close(varied, ALL(IMAGES, _random()).images, atol=0.0, rtol=0.0)
    assert not torch.allclose(varied, IMAGES)
    assert varied.min() >= 0
    assert varied.max() <= 1


def test_brightness_keeps_the_order_of_grey_levels():
    bright = Photometric(
        gain=0.5, gamma=0.5, lift=0.0, noise=0.0, blur_share=0.0, patch_share=0.0, patch_size=0.0
    )
    ramp = torch.linspace(0.0, 1.0, 64).reshape(1, 1, 8, 8).expand(16, 1, 8, 8)
    steps = bright(ramp, _random()).images.flatten(1).diff()
    assert (steps >= 0).all()


def test_a_patch_is_one_rectangle_of_one_grey_level():
    patch = Photometric(
        gain=0.0, gamma=0.0, lift=0.0, noise=0.0, blur_share=0.0, patch_share=1.0, patch_size=0.5
    )
    varied = patch(IMAGES, _random())
    assert torch.equal(varied.covered, varied.images != IMAGES)
    for crop, image in zip(varied.covered[:, 0], varied.images[:, 0], strict=True):
        rows, columns = crop.any(1), crop.any(0)
        assert crop.sum() == rows.sum() * columns.sum()
        assert len(image[crop].unique()) <= 1


def test_joints_under_the_patch_are_not_shown_any_more():
    patch = Photometric(
        gain=0.0, gamma=0.0, lift=0.0, noise=0.0, blur_share=0.0, patch_share=1.0, patch_size=0.7
    )
    varied = patch(IMAGES, _random())
    u, v = torch.meshgrid(torch.arange(48.0), torch.arange(32.0), indexing="xy")
    everywhere = torch.stack([u, v], dim=-1).reshape(1, -1, 2).expand(8, -1, 2)
    assert torch.equal(varied.shows(everywhere), ~varied.covered.flatten(1))
