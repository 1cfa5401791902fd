"""Heatmaps over cells of a crop, and the pixels that they mean."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

STRIDE = 4
"""Pixels of the crop per cell of a map, in either direction."""
_LEAST_SPREAD_PX = 0.1


def probabilities(
    logits: Float[Tensor, "crop joint row column"],
) -> Float[Tensor, "crop joint row column"]:
    """Return each map as a probability over its cells."""
    return torch.softmax(logits.flatten(2), dim=-1).reshape(logits.shape)


def cell_centres(count: int, *, like: Tensor) -> Float[Tensor, " cell"]:
    """Return where cells have their centres [px]; the centre of the first pixel is 0."""
    first = 0.5 * (STRIDE - 1)
    return first + STRIDE * torch.arange(count, dtype=like.dtype, device=like.device)


def expected_pixels(
    density: Float[Tensor, "crop joint row column"],
) -> tuple[Float[Tensor, "crop joint 2"], Float[Tensor, "crop joint"]]:
    """Return each map's expected place (u, v) and its standard deviation per axis [px]."""
    rows, columns = density.sum(-1), density.sum(-2)
    v, u = (cell_centres(each.shape[-1], like=each) for each in (rows, columns))
    mean_u, mean_v = columns @ u, rows @ v
    variance = (columns @ u.square() - mean_u.square()) + (rows @ v.square() - mean_v.square())
    spread = torch.sqrt((0.5 * variance).clamp(min=_LEAST_SPREAD_PX**2))
    return torch.stack([mean_u, mean_v], dim=-1), spread


def target_maps(
    pixels: Float[Tensor, "crop joint 2"], *, rows: int, columns: int, sigma_px: float
) -> Float[Tensor, "crop joint row column"]:
    """Return normal distributions around true joints, normalised over the cells of the crop."""
    u, v = (cell_centres(count, like=pixels) for count in (columns, rows))
    far_u = (u - pixels[..., 0:1]) / sigma_px
    far_v = (v - pixels[..., 1:2]) / sigma_px
    log_density = -0.5 * (far_v.square()[..., :, None] + far_u.square()[..., None, :])
    return probabilities(log_density)


def inside(pixels: Float[Tensor, "crop joint 2"], *, height: int, width: int) -> Bool[Tensor, "crop joint"]:
    """Return which joints lie within the cells' centres, where a map's expectation can reach them."""
    margin = 0.5 * (STRIDE - 1)
    limit = torch.tensor([width, height], dtype=pixels.dtype, device=pixels.device) - 1 - margin
    return ((pixels >= margin) & (pixels <= limit)).all(-1)
