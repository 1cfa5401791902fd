"""Another background, and only a background."""

import torch

from mvmono3d.detection.clutter import Clutter, patchwork

ALWAYS = Clutter(share=1.0, darker=0.5, brightest=0.8, dimmest=0.2)
NEVER = Clutter(share=0.0, darker=0.5, brightest=0.8, dimmest=0.2)
CROPS, SIDE, MIDDLE = 16, 48, 23


def _random(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _lit_square() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A square of grey 0.6 in a black room, whose joints lie in its middle."""
    images = torch.zeros(CROPS, 1, SIDE, SIDE)
    images[:, :, 14:34, 14:34] = 0.6
    return images, torch.full((CROPS, 4, 2), float(MIDDLE)), torch.ones(CROPS, 4, dtype=torch.bool)


def test_no_share_changes_nothing():
    images, pixels, visible = _lit_square()
    torch.testing.assert_close(NEVER(images, pixels, visible, _random()), images, atol=0.0, rtol=0.0)


def test_the_room_changes_and_the_actor_keeps_its_shape():
    images, pixels, visible = _lit_square()
    changed = ALWAYS(images, pixels, visible, _random())
    inside, room = changed[:, 0, 16:32, 16:32], changed[:, 0, :12]
    assert (inside.flatten(1).std(dim=1) < 1e-6).all()
    assert (room.flatten(1).std(dim=1) > 0.0).all()
    assert (room.flatten(1).mean(dim=1) > inside.flatten(1).mean(dim=1)).any()
    assert (room.flatten(1).mean(dim=1) < inside.flatten(1).mean(dim=1)).any()


def test_actors_are_lit_within_the_bounds():
    images, pixels, visible = _lit_square()
    lit = ALWAYS(images, pixels, visible, _random())[:, 0, MIDDLE, MIDDLE]
    assert lit.min() >= 0.8 * 0.2 - 1e-6
    assert lit.max() <= 0.8 + 1e-6
    assert lit.max() - lit.min() > 0.2


def test_crops_that_show_no_joint_stay_as_they_are():
    images, pixels, visible = _lit_square()
    visible[::2] = False
    changed = ALWAYS(images, pixels, visible, _random())
    torch.testing.assert_close(changed[::2], images[::2], atol=0.0, rtol=0.0)
    assert not torch.allclose(changed[1::2], images[1::2])


def test_one_seed_is_one_patchwork_within_the_scale():
    made = patchwork(CROPS, (SIDE, 64), _random())
    torch.testing.assert_close(made, patchwork(CROPS, (SIDE, 64), _random()), atol=0.0, rtol=0.0)
    assert made.shape == (CROPS, 1, SIDE, 64)
    assert made.min() >= 0.0
    assert made.max() <= 1.0
    assert not torch.allclose(made[0], made[1])
