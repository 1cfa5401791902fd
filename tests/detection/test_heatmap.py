"""Maps and the pixels they mean: one is the other's inverse."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mvmono3d.detection.heatmap import STRIDE, expected_pixels, inside, probabilities, target_maps

ROWS, COLUMNS = 12, 16


@settings(max_examples=50, deadline=None)
@given(u=st.floats(20.0, COLUMNS * STRIDE - 21.0), v=st.floats(20.0, ROWS * STRIDE - 21.0))
def test_a_target_map_means_the_pixel_that_it_was_made_of(u: float, v: float):
    pixels = torch.tensor([[[u, v]]])
    maps = target_maps(pixels, rows=ROWS, columns=COLUMNS, sigma_px=STRIDE)
    found, spread = expected_pixels(maps)
    torch.testing.assert_close(found, pixels, atol=0.02, rtol=0.0)
    torch.testing.assert_close(spread, torch.full((1, 1), float(STRIDE)), atol=0.05, rtol=0.0)


def test_a_map_moved_by_a_cell_means_a_pixel_moved_by_its_stride():
    logits = torch.full((1, 1, ROWS, COLUMNS), -50.0)
    logits[0, 0, 3:6, 4:8] = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    still, _ = expected_pixels(probabilities(logits))
    moved, _ = expected_pixels(probabilities(logits.roll((2, 1), dims=(-2, -1))))
    torch.testing.assert_close(moved - still, torch.tensor([[[STRIDE * 1.0, STRIDE * 2.0]]]))


def test_maps_are_probabilities_over_the_cells_whatever_the_logits():
    logits = 40.0 * torch.randn(2, 3, ROWS, COLUMNS, generator=torch.Generator().manual_seed(1))
    density = probabilities(logits)
    torch.testing.assert_close(density.sum((-2, -1)), torch.ones(2, 3))
    assert (density >= 0).all()


def test_inside_is_where_an_expectation_can_lie():
    height, width = ROWS * STRIDE, COLUMNS * STRIDE
    corners = torch.tensor([[[1.5, 1.5], [width - 2.5, height - 2.5], [1.4, 20.0], [20.0, height - 2.4]]])
    assert inside(corners, height=height, width=width).tolist() == [[True, True, False, False]]
    one_cell = torch.full((1, 1, ROWS, COLUMNS), -80.0)
    one_cell[0, 0, -1, -1] = 0.0
    found, _ = expected_pixels(probabilities(one_cell))
    torch.testing.assert_close(found[0, 0], corners[0, 1])
