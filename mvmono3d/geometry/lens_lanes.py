"""Lenses compiled, `LANES` pixels of one camera side by side: the twin of `lens.py`.

Every array is flat: entry `row` of lane `lane` lies at `row * LANES + lane`. The innermost loops run over
lanes without a branch, which is what a compiler turns into vector instructions. `camera` starts with a
packed lens. The parity test is tests/geometry/test_robust_kernel.py.
"""

import math
from typing import no_type_check

from mvmono3d.geometry.compiled import compiled

LANES = 16
_STEPS = 4


@compiled
@no_type_check
def _bend_pinhole(camera, x, y, bent):
    k1, k2, p1, p2, k3 = camera[4], camera[5], camera[6], camera[7], camera[8]
    for i in range(LANES):
        a, b = x[i], y[i]
        r2 = a * a + b * b
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        slope = 2.0 * (k1 + r2 * (2.0 * k2 + r2 * 3.0 * k3))
        bent[i] = a * radial + 2.0 * p1 * a * b + p2 * (r2 + 2.0 * a * a)
        bent[LANES + i] = b * radial + p1 * (r2 + 2.0 * b * b) + 2.0 * p2 * a * b
        bent[2 * LANES + i] = radial + a * a * slope + 2.0 * p1 * b + 6.0 * p2 * a
        bent[3 * LANES + i] = a * b * slope + 2.0 * p1 * a + 2.0 * p2 * b
        bent[4 * LANES + i] = radial + b * b * slope + 6.0 * p1 * b + 2.0 * p2 * a


@compiled
@no_type_check
def _bend_fisheye(camera, x, y, bent):
    k1, k2, k3, k4 = camera[4], camera[5], camera[6], camera[7]
    for i in range(LANES):
        a, b = x[i], y[i]
        r2 = a * a + b * b
        scale, slope = 1.0, 0.0
        if r2 > 1e-16:
            r = math.sqrt(r2)
            angle = math.atan(r)
            a2 = angle * angle
            scale = angle * (1.0 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4)))) / r
            rate = 1.0 + a2 * (3.0 * k1 + a2 * (5.0 * k2 + a2 * (7.0 * k3 + a2 * 9.0 * k4)))
            slope = (rate / (1.0 + r2) - scale) / r2
        bent[i] = a * scale
        bent[LANES + i] = b * scale
        bent[2 * LANES + i] = scale + a * a * slope
        bent[3 * LANES + i] = a * b * slope
        bent[4 * LANES + i] = scale + b * b * slope


@compiled
@no_type_check
def bend(camera, x, y, bent):
    """Distort: 2 rows of distorted coordinates, then 3 of their symmetric Jacobian (xx, xy, yy)."""
    if camera[9] > 0.5:
        _bend_fisheye(camera, x, y, bent)
    else:
        _bend_pinhole(camera, x, y, bent)


@compiled
@no_type_check
def undistort(camera, u, v, x, y, bent):
    """Newton's method; `u`, `v` are distorted pixels, `x`, `y` become normalised coordinates."""
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    for i in range(LANES):
        x[i] = (u[i] - cx) / fx
        y[i] = (v[i] - cy) / fy
    if camera[9] > 0.5:
        for i in range(LANES):
            # The exact start for a lens without distortion of its own; Newton then never overshoots.
            angle = min(math.sqrt(x[i] * x[i] + y[i] * y[i]), 1.55)
            scale = math.tan(angle) / angle if angle > 1e-8 else 1.0
            x[i] *= scale
            y[i] *= scale
    for _ in range(_STEPS):
        bend(camera, x, y, bent)
        for i in range(LANES):
            ex = (u[i] - cx) / fx - bent[i]
            ey = (v[i] - cy) / fy - bent[LANES + i]
            xx, xy, yy = bent[2 * LANES + i], bent[3 * LANES + i], bent[4 * LANES + i]
            inverse = 1.0 / (xx * yy - xy * xy)
            x[i] += (yy * ex - xy * ey) * inverse
            y[i] += (xx * ey - xy * ex) * inverse
    bend(camera, x, y, bent)
