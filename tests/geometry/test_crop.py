"""Crops: laws of similarities, and agreement with OpenCV's warp."""

import cv2
import numpy as np
import pytest

from mvmono3d.geometry.crop import (
    carry_pixels,
    crop_from_image,
    image_from_crop,
    similarity_scale,
    upright_turn,
)

SIZE = 96
RANDOM = np.random.default_rng(0)
CENTRES = RANDOM.uniform(50, 300, (20, 2))
SIDES = RANDOM.uniform(40, 200, 20)
TURNS = RANDOM.uniform(-np.pi, np.pi, 20)
PIXELS = RANDOM.uniform(0, 400, (20, 7, 2))


def test_the_inverse_brings_pixels_back():
    there = crop_from_image(CENTRES, SIDES, size=SIZE, turn_rad=TURNS)
    back = carry_pixels(image_from_crop(there), carry_pixels(there, PIXELS))
    np.testing.assert_allclose(back, PIXELS, atol=1e-9)


def test_the_window_becomes_the_crop_edge_to_edge():
    there = crop_from_image(CENTRES, SIDES, size=SIZE)
    corners = np.stack([CENTRES - SIDES[:, None] / 2, CENTRES + SIDES[:, None] / 2], axis=1)
    np.testing.assert_allclose(carry_pixels(there, corners), np.tile([[-0.5], [SIZE - 0.5]], (20, 1, 2)))


@pytest.mark.parametrize("turn", [0.0, 1.1, -2.5])
def test_angles_turn_and_lengths_scale(turn):
    there = crop_from_image(CENTRES[0], SIDES[0], size=SIZE, turn_rad=np.asarray(turn))
    ends = carry_pixels(there, np.asarray([CENTRES[0], CENTRES[0] + [1.0, 0.0]]))
    along = ends[1] - ends[0]
    assert np.linalg.norm(along) == pytest.approx(SIZE / SIDES[0]) == pytest.approx(similarity_scale(there))
    assert np.arctan2(along[1], along[0]) == pytest.approx(turn)


def test_after_the_upright_turn_the_second_place_is_straight_above_the_first():
    first, second = PIXELS[:, 0], PIXELS[:, 1]
    turn_rad = upright_turn(first, second)
    there = crop_from_image(CENTRES, SIDES, size=SIZE, turn_rad=turn_rad)
    along = np.diff(carry_pixels(there, PIXELS[:, :2]), axis=1)[:, 0]
    np.testing.assert_allclose(along[:, 0], 0.0, atol=1e-9)
    length = np.linalg.norm(second - first, axis=-1)
    np.testing.assert_allclose(along[:, 1], -similarity_scale(there) * length)


def test_a_window_of_the_crop_s_size_moves_pixels_only():
    image = RANDOM.integers(0, 255, (200, 300), dtype=np.uint8)
    there = crop_from_image(np.asarray([120.5, 90.5]), np.asarray(96.0), size=SIZE)
    crop = cv2.warpAffine(image, there, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(crop, image[43:139, 73:169])


def test_a_spot_is_found_where_its_pixel_is_carried():
    image = np.zeros((200, 300), dtype=np.float32)
    image[80, 130] = 1.0
    image = cv2.GaussianBlur(image, (0, 0), 4.0)
    there = crop_from_image(np.asarray([120.0, 90.0]), np.asarray(70.0), size=SIZE, turn_rad=np.asarray(0.7))
    crop = cv2.warpAffine(image, there, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    found = np.asarray([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
    np.testing.assert_allclose(found, carry_pixels(there, np.asarray([[130.0, 80.0]]))[0], atol=0.1)
