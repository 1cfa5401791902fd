"""Pixels come out of a buffer as the sensor saw them."""

import subprocess
import sys

import numpy as np
import pytest

from mvmono3d.deploy.cameras.pixel_formats import LAYOUTS, copier
from mvmono3d.errors import InvalidRecordError


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("padding", [0, 5])
def test_padding_and_packing_are_undone(layout, padding: int):
    generator = np.random.default_rng(7)
    image = generator.integers(0, 1 << layout.bits, (6, 16)).astype(
        np.uint8 if layout.bits == 8 else np.uint16
    )
    if layout.packed:
        low, high = image[:, 0::2].astype(int), image[:, 1::2].astype(int)
        packed = np.stack([low & 255, low >> 8 | (high & 15) << 4, high >> 4], axis=-1)
        rows = packed.reshape(6, -1).astype(np.uint8)
    else:
        rows = image.view(np.uint8).reshape(6, -1)
    assert rows.shape[1] == layout.row_bytes(16)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=9)
    buffer = b"head" + padded.tobytes() + b"chunks"
    out = np.zeros_like(image)
    copier(buffer, layout, shape=(6, 16), offset=4, padding=padding)(out)
    assert (out == image).all()
    with pytest.raises(InvalidRecordError, match="16 px"):
        copier(buffer, layout, shape=(6, 16), offset=4, padding=padding)(np.zeros((6, 8), image.dtype))


def test_packed_pixels_are_ready_before_the_first_frame():
    code = (
        "import sys, numpy; from mvmono3d.deploy.cameras.pixel_formats import prepare; "
        "prepare('Mono8'); print('numba' in sys.modules); prepare('Mono12p'); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
