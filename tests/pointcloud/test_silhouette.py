import numpy as np
import pytest

from mvmono3d.errors import InvalidRecordError
from mvmono3d.pointcloud.silhouette import boxes_of, learn, silhouette
from tests.pointcloud.balls import CENTRE, HEIGHT, SIDE, WIDTH, depth_of_ball, rig_round

SHAPE = (120, 160)
WHOLE = (0, 0, 160, 120)


def _room(generator, *, dtype=np.uint8, gain=1):
    """A dim room with a bright lamp in it, and the noise of a sensor."""
    level = np.linspace(10.0, 60.0, SHAPE[1])[None, :] * np.ones((SHAPE[0], 1))
    level[10:20, 10:20] = 180.0
    return (gain * (level + generator.normal(0.0, 2.0, SHAPE))).clip(0, None).astype(dtype)


def _actor(step=0):
    """A square that wanders."""
    mask = np.zeros(SHAPE, dtype=bool)
    left = 30 + 4 * (step % 20)
    mask[40:80, left : left + 40] = True
    return mask


def _with_actor(image, mask):
    return np.where(mask, image + 70, image).astype(image.dtype)


def _learned(generator, *, images=60, **room):
    background = learn(_with_actor(_room(generator, **room), _actor()))
    for step in range(1, images):
        background = learn(_with_actor(_room(generator, **room), _actor(step)), background)
    return background


@pytest.mark.parametrize("room", [{}, {"dtype": np.uint16, "gain": 16}])
def test_a_background_is_learned_behind_an_actor_who_moves(room):
    generator = np.random.default_rng(0)
    background, gain = _learned(generator, **room), room.get("gain", 1)
    truth = np.linspace(10.0, 60.0, SHAPE[1])
    lag = background.level[25:110] / gain - truth
    assert background.images == 60
    assert np.abs(lag).mean() < 4.0


def test_the_silhouette_is_the_actor_and_not_the_lamp():
    generator = np.random.default_rng(1)
    background = _learned(generator)
    found = silhouette(_with_actor(_room(generator), _actor(7)), background, WHOLE)
    # Corners lose a pixel to the cleaning.
    assert (found != _actor(7)).sum() <= 8
    assert not silhouette(_room(generator), background, WHOLE).any()


def test_an_actor_who_stands_still_stays_an_actor_where_that_is_said():
    generator = np.random.default_rng(2)
    empty = learn(_room(generator))
    for _ in range(30):
        empty = learn(_room(generator), empty)
    told, untold = empty, empty
    for _ in range(400):
        image = _with_actor(_room(generator), _actor())
        told, untold = learn(image, told, actor=_actor()), learn(image, untold)
    image = _with_actor(_room(generator), _actor())
    assert silhouette(image, told, WHOLE)[_actor()].mean() > 0.99
    assert silhouette(image, untold, WHOLE)[_actor()].mean() < 0.5


def test_learning_leaves_the_background_before_as_it_was():
    generator = np.random.default_rng(3)
    before = learn(_room(generator))
    level, spread = before.level.copy(), before.spread.copy()
    learn(_room(generator), before)
    np.testing.assert_array_equal(before.level, level)
    np.testing.assert_array_equal(before.spread, spread)


def test_without_a_background_bright_and_dark_are_split_in_the_box():
    generator = np.random.default_rng(4)
    image = (40.0 * _actor() + generator.normal(20.0, 3.0, SHAPE)).clip(0, 255)
    for dtype, gain in ((np.uint8, 1), (np.uint16, 16)):
        found = silhouette((gain * image).astype(dtype), None, (20, 30, 100, 100))
        assert (found != _actor()).sum() <= 8


def test_nothing_outside_the_box_is_found():
    generator = np.random.default_rng(5)
    background = _learned(generator)
    image = _with_actor(_room(generator), _actor(0))
    found = silhouette(image, background, (50, 50, 1000, 70))
    expected = np.zeros(SHAPE, dtype=bool)
    expected[50:70, 50:70] = True
    assert (found & ~expected).sum() == 0
    assert (found & expected).sum() > 0.97 * expected.sum()
    for box in ((200, 0, 300, 50), (50, 50, 50, 50), (-30, -30, -10, -10)):
        assert not silhouette(image, background, box).any()


def test_single_pixels_go_and_gaps_close():
    generator = np.random.default_rng(6)
    background = _learned(generator)
    image = _with_actor(_room(generator), _actor())
    image[100, 100] = 255
    image[60:62, 50:52] = 0
    found = silhouette(image, background, WHOLE)
    assert not found[100, 100]
    assert found[60:62, 50:52].all()


def test_images_of_another_camera_are_refused():
    background = learn(np.zeros(SHAPE, dtype=np.uint8))
    other = np.zeros((100, 160), dtype=np.uint8)
    with pytest.raises(InvalidRecordError, match="the camera it was learned from"):
        learn(other, background)
    with pytest.raises(InvalidRecordError, match="the camera it was learned from"):
        silhouette(other, background, WHOLE)


def test_the_boxes_hold_the_cube_and_little_more():
    rig = rig_round(5, fisheye=(1, 3))
    boxes = boxes_of(rig, centre_m=CENTRE, side_m=SIDE)
    ball = depth_of_ball(rig) > 0.0
    for mask, (left, top, right, bottom) in zip(ball, boxes.tolist(), strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert left <= columns[0] <= columns[-1] < right
        assert top <= rows[0] <= rows[-1] < bottom
        assert right - left < 3 * (columns[-1] - columns[0])
    near = boxes_of(rig, centre_m=CENTRE, side_m=3.0)
    np.testing.assert_array_equal(near, np.tile([0, 0, WIDTH, HEIGHT], (5, 1)))
