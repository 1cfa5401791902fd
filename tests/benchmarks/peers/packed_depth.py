"""Depth images of which most is empty, kept as places and values."""

import numpy as np


def pack(frames):
    """Return arrays that hold images (view, height, width), one frame after the other."""
    places, values, counts, shape = [], [], [], None
    for images in frames:
        shape = images.shape
        found = np.flatnonzero(images)
        places.append(found.astype(np.int32))
        values.append(images.ravel()[found])
        counts.append(len(found))
    return {
        "depth_place": np.concatenate(places),
        "depth_value": np.concatenate(values),
        "depth_start": np.cumsum([0, *counts]),
        "depth_shape": np.array(shape),
    }


def unpack(packed, frame):
    """Return the images of one frame."""
    images = np.zeros(packed["depth_shape"], dtype=np.float32)
    rows = slice(*packed["depth_start"][frame : frame + 2])
    images.ravel()[packed["depth_place"][rows]] = packed["depth_value"][rows]
    return images


def join(many):
    """Return the arrays of several as one."""
    starts = np.cumsum([0, *(each["depth_start"][-1] for each in many[:-1])])
    return {
        "depth_place": np.concatenate([each["depth_place"] for each in many]),
        "depth_value": np.concatenate([each["depth_value"] for each in many]),
        "depth_start": np.concatenate(
            [[0], *(each["depth_start"][1:] + start for each, start in zip(many, starts, strict=True))]
        ),
        "depth_shape": many[0]["depth_shape"],
    }
