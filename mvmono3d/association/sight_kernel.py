# ruff: noqa: ANN001, ANN201 - numba doesn't understand annotations
"""Compiled: what one view says about one point, and the straight coordinates of detections.

`sight` (view, candidate, joint, 3) holds x / z and y / z of each detection and its weight, 0 where nothing
was detected. Residuals are in undistorted pixels. `geometry.projection` is the reference
(tests/association/test_kernels.py).
"""

from typing import no_type_check

import numpy as np

from mvmono3d.geometry import lens_lanes
from mvmono3d.geometry.compiled import compiled_after
from mvmono3d.geometry.lens_lanes import LANES, undistort

NEAREST_M = 0.02
"""A point nearer to a camera's plane isn't seen."""
LEAST_WEIGHT = 0.1
"""What a detection of confidence 0 counts, where one of 1 counts 1."""
_LENS_ERROR2 = 1e-2

_compiled = compiled_after(lens_lanes)


@_compiled
@no_type_check
def see(pixels, confidence, detected, cameras):
    """Return `sight`; a pixel that its lens can't have made is not seen."""
    views, candidates, joints = confidence.shape
    sight = np.zeros((views, candidates, joints, 3))
    u, v, x, y, bent = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(5 * LANES)
    for view in range(views):
        camera = cameras[view]
        for first in range(0, candidates * joints, LANES):
            count = min(LANES, candidates * joints - first)
            for lane in range(LANES):
                candidate, joint = (
                    (first + min(lane, count - 1)) // joints,
                    (first + min(lane, count - 1)) % joints,
                )
                there = detected[view, candidate, joint]
                u[lane] = pixels[view, candidate, joint, 0] if there else camera[2]
                v[lane] = pixels[view, candidate, joint, 1] if there else camera[3]
            undistort(camera, u, v, x, y, bent)
            for lane in range(count):
                candidate, joint = (first + lane) // joints, (first + lane) % joints
                eu = u[lane] - camera[2] - camera[0] * bent[lane]
                ev = v[lane] - camera[3] - camera[1] * bent[LANES + lane]
                if detected[view, candidate, joint] and eu * eu + ev * ev < _LENS_ERROR2:
                    sight[view, candidate, joint, 0] = x[lane]
                    sight[view, candidate, joint, 1] = y[lane]
                    sight[view, candidate, joint, 2] = max(confidence[view, candidate, joint], LEAST_WEIGHT)
    return sight


@_compiled
@no_type_check
def look(camera, point, jacobian):
    """Return (x / z, y / z, in front); fills d(undistorted pixel) / d(point), 2 x 3."""
    depth = camera[16] * point[0] + camera[17] * point[1] + camera[18] * point[2] + camera[21]
    if depth < NEAREST_M:
        return 0.0, 0.0, False
    x = (camera[10] * point[0] + camera[11] * point[1] + camera[12] * point[2] + camera[19]) / depth
    y = (camera[13] * point[0] + camera[14] * point[1] + camera[15] * point[2] + camera[20]) / depth
    for k in range(3):
        jacobian[0, k] = camera[0] * (camera[10 + k] - x * camera[16 + k]) / depth
        jacobian[1, k] = camera[1] * (camera[13 + k] - y * camera[16 + k]) / depth
    return x, y, True


@_compiled
@no_type_check
def image_spread(jacobian, spread, share, variance):
    """Return xx, xy, yy of J P J^T * share + variance: how uncertain a point's pixel is."""
    xx, xy, yy = variance, 0.0, variance
    for i in range(3):
        for k in range(3):
            p = spread[i, k] * share
            xx += jacobian[0, i] * p * jacobian[0, k]
            xy += jacobian[0, i] * p * jacobian[1, k]
            yy += jacobian[1, i] * p * jacobian[1, k]
    return xx, xy, yy


@_compiled
@no_type_check
def inverse3(matrix, out):
    """Invert a symmetric positive definite 3 x 3 matrix by its adjugate; false where it is singular."""
    a, b, c = matrix[0, 0], matrix[0, 1], matrix[0, 2]
    d, e, f = matrix[1, 1], matrix[1, 2], matrix[2, 2]
    first, second, third = d * f - e * e, c * e - b * f, b * e - c * d
    determinant = a * first + b * second + c * third
    trace = a + d + f
    if not determinant > 1e-12 * trace * trace * trace:
        return False
    scale = 1.0 / determinant
    out[0, 0], out[0, 1], out[0, 2] = first * scale, second * scale, third * scale
    out[1, 1], out[1, 2], out[2, 2] = (
        (a * f - c * c) * scale,
        (b * c - a * e) * scale,
        (a * d - b * b) * scale,
    )
    out[1, 0], out[2, 0], out[2, 1] = out[0, 1], out[0, 2], out[1, 2]
    return True
