"""Crops show what is in the window, at any scale and depth of grey."""

from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.deploy.detect.crop import cut_windows
from mvmono3d.deploy.detect.protocol import WholeImages
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.geometry.crop import carry_pixels

SIZE = 64


def _windows(centre: tuple[float, float], side: float) -> Windows:
    return Windows.level(np.asarray([centre]), np.asarray([side]), np.asarray([True]))


def _whole(images: np.ndarray, *, bits: int = 8, present: bool = True) -> WholeImages:
    return WholeImages(
        images=images,
        bits=bits,
        present=np.asarray([present]),
        frame_id=np.zeros(1, dtype=np.int64),
        time_ns=0,
    )


def _blob(u: float, v: float, *, sigma: float) -> np.ndarray:
    rows, columns = np.mgrid[:400, :640]
    return (200.0 * np.exp(-0.5 * ((rows - v) ** 2 + (columns - u) ** 2) / sigma**2)).astype(np.uint8)[None]


@pytest.mark.parametrize("turn_rad", [0.0, 0.7, 2.5, -1.6])
@pytest.mark.parametrize("side", [48.0, 64.0, 100.0, 130.0, 200.0, 333.0])
def test_a_blob_is_where_its_pixel_is_carried(side, turn_rad):
    windows = replace(_windows((310.0, 180.0), side), turn_rad=np.asarray([turn_rad]))
    crops = cut_windows(_whole(_blob(301.0, 187.0, sigma=side / 20)), windows, size=SIZE)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    weight = crops.images[0].astype(float)
    found = np.asarray([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    carried = carry_pixels(crops.crop_from_image, np.asarray([[[301.0, 187.0]]]))[0, 0]
    np.testing.assert_allclose(found, carried, atol=0.15)


def test_a_fine_pattern_shrinks_to_its_mean():
    board = (255 * (np.indices((400, 640)).sum(axis=0) % 2)).astype(np.uint8)[None]
    crops = cut_windows(_whole(board), _windows((320.0, 200.0), 384.0), size=SIZE)
    assert np.abs(crops.images.astype(float) - 127.5).max() <= 2


def test_deeper_grey_is_the_same_picture():
    image = _blob(320.0, 200.0, sigma=20.0)
    window = _windows((320.0, 200.0), 100.0)
    eight = cut_windows(_whole(image), window, size=SIZE).images
    twelve = cut_windows(_whole(image.astype(np.uint16) << 4, bits=12), window, size=SIZE).images
    assert np.abs(eight.astype(int) - twelve).max() <= 1


def test_beyond_the_image_and_where_nobody_knows_it_is_black():
    white = np.full((1, 400, 640), 255, dtype=np.uint8)
    crops = cut_windows(_whole(white), _windows((0.0, 200.0), 100.0), size=SIZE).images[0]
    assert not crops[:, :30].any()
    assert (crops[:, 34:] == 255).all()
    window = _windows((320.0, 200.0), 100.0)
    for whole, seen in (
        (_whole(white, present=False), window),
        (_whole(white), replace(window, known=~window.known)),
    ):
        crops = cut_windows(whole, seen, size=SIZE)
        assert not crops.images.any()
        assert not crops.known.any()
