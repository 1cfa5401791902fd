"""Crops and whole images for tests of detectors."""

import numpy as np

from mvmono3d.deploy.detect.protocol import Crops, WholeImages


def random_crops(views: int, *, size: int, seed: int = 0, known: np.ndarray | None = None) -> Crops:
    random = np.random.default_rng(seed)
    there = np.ones(views, dtype=bool) if known is None else known
    images = random.integers(0, 256, (views, size, size), dtype=np.uint8)
    images[~there] = 0
    return Crops(
        images=images,
        known=there,
        crop_from_image=np.tile(np.eye(2, 3), (views, 1, 1)),
        frame_id=np.zeros(views, dtype=np.int64),
        time_ns=0,
    )


def whole_images(images: np.ndarray, *, present: np.ndarray | None = None) -> WholeImages:
    views = len(images)
    return WholeImages(
        images=images,
        bits=8,
        present=np.ones(views, dtype=bool) if present is None else present,
        frame_id=np.zeros(views, dtype=np.int64),
        time_ns=0,
    )
