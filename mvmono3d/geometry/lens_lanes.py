# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Lenses compiled, `LANES` pixels of one camera side by side: the twin of `lens.py`.

Every array is flat: entry `row` of lane `lane` lies at `row * LANES + lane`. The innermost loops run over
lanes without a branch, which is what a compiler turns into vector instructions. `camera` starts with a
packed lens. The parity test is tests/geometry/test_robust_kernel.py.
"""

import math
from typing import no_type_check

from mvmono3d.geometry.compiled import compiled
from mvmono3d.geometry.robust_settings import LEAST_STRETCH, SUBSETS_AT_ONCE, UNDISTORT_ERROR2

LANES = SUBSETS_AT_ONCE
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
    per_x, per_y, cx, cy = 1.0 / camera[0], 1.0 / camera[1], camera[2], camera[3]
    for i in range(LANES):
        x[i] = (u[i] - cx) * per_x
        y[i] = (v[i] - cy) * per_y
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
            ex = (u[i] - cx) * per_x - bent[i]
            ey = (v[i] - cy) * per_y - bent[LANES + i]
            xx, xy, yy = bent[2 * LANES + i], bent[3 * LANES + i], bent[4 * LANES + i]
            inverse = 1.0 / (xx * yy - xy * xy)
            x[i] += (yy * ex - xy * ey) * inverse
            y[i] += (xx * ey - xy * ex) * inverse
    bend(camera, x, y, bent)


@compiled
@no_type_check
def observe(cameras, work):
    """Undistort and fill each view's rows; a pixel that its lens can't have made is not seen."""
    for view in range(cameras.shape[0]):
        lanes = slice(view * LANES, (view + 1) * LANES)
        u, v, seen = work.u[lanes], work.v[lanes], work.seen[lanes]
        undistort(cameras[view], u, v, work.x, work.y, work.bent)
        _check(cameras[view], u, v, work.bent, seen)
        _fill(cameras[view], work.x, work.y, work.bent, seen, work.observed[8 * view * LANES :])


@compiled
@no_type_check
def _check(camera, u, v, bent, seen):
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    for i in range(LANES):
        xx, xy, yy = bent[2 * LANES + i], bent[3 * LANES + i], bent[4 * LANES + i]
        eu = u[i] - cx - fx * bent[i]
        ev = v[i] - cy - fy * bent[LANES + i]
        # The Jacobian of a folded lens turns over. NaN fails every comparison.
        good = (eu * eu + ev * ev < UNDISTORT_ERROR2) & (xx * yy - xy * xy > LEAST_STRETCH) & (xx + yy > 0.0)
        use = seen[i]
        seen[i] = use if good else 0.0


@compiled
@no_type_check
def _fill(camera, x, y, bent, seen, observed):
    fx, fy = camera[0], camera[1]
    r00, r01, r02, t0 = camera[10], camera[11], camera[12], camera[19]
    r10, r11, r12, t1 = camera[13], camera[14], camera[15], camera[20]
    r20, r21, r22, t2 = camera[16], camera[17], camera[18], camera[21]
    for i in range(LANES):
        a, b = x[i], y[i]
        xx, xy, yy = bent[2 * LANES + i], bent[3 * LANES + i], bent[4 * LANES + i]
        # Rows of an unseen view are 0, and then so is its part in every sum.
        use = seen[i] > 0.0
        a = a if use else 0.0
        b = b if use else 0.0
        xx = xx if use else 0.0
        xy = xy if use else 0.0
        yy = yy if use else 0.0
        p0, p1, p2, p3 = r00 - a * r20, r01 - a * r21, r02 - a * r22, t0 - a * t2
        q0, q1, q2, q3 = r10 - b * r20, r11 - b * r21, r12 - b * r22, t1 - b * t2
        observed[i] = fx * (xx * p0 + xy * q0)
        observed[LANES + i] = fx * (xx * p1 + xy * q1)
        observed[2 * LANES + i] = fx * (xx * p2 + xy * q2)
        observed[3 * LANES + i] = fy * (xy * p0 + yy * q0)
        observed[4 * LANES + i] = fy * (xy * p1 + yy * q1)
        observed[5 * LANES + i] = fy * (xy * p2 + yy * q2)
        observed[6 * LANES + i] = fx * (xx * p3 + xy * q3)
        observed[7 * LANES + i] = fy * (xy * p3 + yy * q3)
