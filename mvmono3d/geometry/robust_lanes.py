# ruff: noqa: ANN001, ANN201 - numba doesn't understand annotations
"""The steps of the robust triangulation, compiled: `LANES` joints, or subsets of views, side by side.

Flat arrays as in `lens_lanes.py`. Rows per view: `observed` 8: m (2x3) then c (2), so that
(m X + c) / depth is the residual in distorted pixels, linear in the lens about the detection. `total` 9:
normal equations, symmetric 3x3 (00 01 02 11 12 22) then the right-hand side.
Columns of a camera: see `robust_kernel._cameras`.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np

from mvmono3d.geometry import lens_lanes
from mvmono3d.geometry.compiled import compiled_after
from mvmono3d.geometry.lens_lanes import LANES, bend
from mvmono3d.geometry.robust_settings import FARTHEST_PX
from mvmono3d.geometry.solve import SINGULAR

_compiled = compiled_after(lens_lanes)


class Limits(NamedTuple):
    """The settings in pixels and sines, squared where they are compared with squares."""

    variance: float
    gate2: float
    last_gate2: float
    margin: float
    least_sine2: float
    min_depth: float


class Work(NamedTuple):
    """What `LANES` joints, or subsets of one joint's views, need while they are solved."""

    u: np.ndarray
    v: np.ndarray
    x: np.ndarray
    y: np.ndarray
    bent: np.ndarray
    seen: np.ndarray
    weight: np.ndarray
    residual: np.ndarray
    observed: np.ndarray
    total: np.ndarray
    point: np.ndarray
    step: np.ndarray
    covariance: np.ndarray
    valid: np.ndarray
    cost: np.ndarray
    mask: np.ndarray
    """Bits of the views that support a point; after the refinement, of its inliers."""
    support: np.ndarray
    """Number of bits in `mask`."""
    seen_mask: np.ndarray
    wide: np.ndarray
    ahead: np.ndarray
    found: np.ndarray
    rivals: np.ndarray
    """(lane, subset) bits of the view sets that explain a joint about as well as the winner."""
    rival_count: np.ndarray


@_compiled
@no_type_check
def new_work(views, subsets):
    """Make room for `LANES` joints, or for the subsets of one joint's views."""
    size = views * LANES
    return Work(
        np.zeros(size), np.zeros(size), np.zeros(LANES), np.zeros(LANES), np.zeros(5 * LANES),
        np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(8 * size),
        np.zeros(9 * LANES), np.zeros(3 * LANES), np.zeros(3 * LANES), np.zeros(9 * LANES),
        np.zeros(LANES), np.zeros(LANES), np.zeros(LANES, np.int64), np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES),
        np.zeros((LANES, subsets + 1), np.int64), np.zeros(LANES, np.int64),
    )  # fmt: skip


@_compiled
@no_type_check
def bits(mask):
    """Count the bits of a non-negative integer (Warren, Hacker's Delight, figure 5-2)."""
    mask -= (mask >> 1) & 0x5555555555555555
    mask = (mask & 0x3333333333333333) + ((mask >> 2) & 0x3333333333333333)
    mask = (mask + (mask >> 4)) & 0x0F0F0F0F0F0F0F0F
    mask += mask >> 8
    mask += mask >> 16
    return (mask + (mask >> 32)) & 0x7F


@_compiled
@no_type_check
def load(pixels, confidence, detected, first, count, work):
    """Gather `count` joints; a view counts if it detected something with some confidence."""
    joints = pixels.shape[2]
    work.u[:], work.v[:], work.seen[:] = 0.0, 0.0, 0.0
    for lane in range(count):
        item, joint = (first + lane) // joints, (first + lane) % joints
        for view in range(pixels.shape[1]):
            u, v = pixels[item, view, joint, 0], pixels[item, view, joint, 1]
            there = abs(u) < FARTHEST_PX and abs(v) < FARTHEST_PX
            if there and detected[item, view, joint] and confidence[item, view, joint] > 0.0:
                work.u[view * LANES + lane] = u
                work.v[view * LANES + lane] = v
                work.seen[view * LANES + lane] = 1.0


@_compiled
@no_type_check
def combine(work):
    """Sum the weighted normal equations of the algebraic residuals, linear in the point."""
    observed, weight, total = work.observed, work.weight, work.total
    total[:] = 0.0
    for view in range(weight.size // LANES):
        first, of_weight = 8 * view * LANES, view * LANES
        for i in range(LANES):
            row = first + i
            m0, m1, m2 = observed[row], observed[row + LANES], observed[row + 2 * LANES]
            n0, n1, n2 = observed[row + 3 * LANES], observed[row + 4 * LANES], observed[row + 5 * LANES]
            c, d = observed[row + 6 * LANES], observed[row + 7 * LANES]
            use = weight[of_weight + i]
            total[i] += use * (m0 * m0 + n0 * n0)
            total[LANES + i] += use * (m0 * m1 + n0 * n1)
            total[2 * LANES + i] += use * (m0 * m2 + n0 * n2)
            total[3 * LANES + i] += use * (m1 * m1 + n1 * n1)
            total[4 * LANES + i] += use * (m1 * m2 + n1 * n2)
            total[5 * LANES + i] += use * (m2 * m2 + n2 * n2)
            total[6 * LANES + i] -= use * (m0 * c + n0 * d)
            total[7 * LANES + i] -= use * (m1 * c + n1 * d)
            total[8 * LANES + i] -= use * (m2 * c + n2 * d)


@_compiled
@no_type_check
def solve(total, step, valid):
    """Solve each lane's 3x3; `valid` is 0 and `step` is 0 where it is singular."""
    for i in range(LANES):
        a00, a01, a02 = total[i], total[LANES + i], total[2 * LANES + i]
        a11, a12, a22 = total[3 * LANES + i], total[4 * LANES + i], total[5 * LANES + i]
        b0, b1, b2 = total[6 * LANES + i], total[7 * LANES + i], total[8 * LANES + i]
        c00, c01, c02 = a11 * a22 - a12 * a12, a02 * a12 - a01 * a22, a01 * a12 - a02 * a11
        c11, c12, c22 = a00 * a22 - a02 * a02, a01 * a02 - a00 * a12, a00 * a11 - a01 * a01
        trace = a00 + a11 + a22
        determinant = a00 * c00 + a01 * c01 + a02 * c02
        regular = determinant > SINGULAR * trace * trace * trace
        inverse = 1.0 / determinant if regular else 0.0
        valid[i] = 1.0 if regular else 0.0
        step[i] = (c00 * b0 + c01 * b1 + c02 * b2) * inverse
        step[LANES + i] = (c01 * b0 + c11 * b1 + c12 * b2) * inverse
        step[2 * LANES + i] = (c02 * b0 + c12 * b1 + c22 * b2) * inverse


@_compiled
@no_type_check
def weigh(cameras, limits, work):
    """Set the weights that turn algebraic residuals into pixels at the depths of the points."""
    seen, point, weight = work.seen, work.point, work.weight
    for view in range(cameras.shape[0]):
        r0, r1, r2, t = cameras[view, 16], cameras[view, 17], cameras[view, 18], cameras[view, 21]
        first = view * LANES
        for i in range(LANES):
            depth = r0 * point[i] + r1 * point[LANES + i] + r2 * point[2 * LANES + i] + t
            depth = max(depth, limits.min_depth)
            weight[first + i] = seen[first + i] / (depth * depth)


@_compiled
@no_type_check
def score(cameras, limits, work):
    """Sum the truncated squared residuals; `mask` gets the bits of the supporting views."""
    gate2, min_depth = limits.gate2, limits.min_depth
    observed, seen, point, cost, mask, ahead = (
        work.observed, work.seen, work.point, work.cost, work.mask, work.ahead,
    )  # fmt: skip
    cost[:], mask[:], ahead[:] = 0.0, 0, 1.0
    for view in range(cameras.shape[0]):
        r0, r1, r2, t = cameras[view, 16], cameras[view, 17], cameras[view, 18], cameras[view, 21]
        bit = 1 << np.int64(cameras[view, 25])
        first, of_seen = 8 * view * LANES, view * LANES
        for i in range(LANES):
            row = first + i
            x, y, z = point[i], point[LANES + i], point[2 * LANES + i]
            depth = r0 * x + r1 * y + r2 * z + t
            e0 = observed[row] * x + observed[row + LANES] * y + observed[row + 2 * LANES] * z
            e1 = observed[row + 3 * LANES] * x + observed[row + 4 * LANES] * y + observed[row + 5 * LANES] * z
            inverse = 1.0 / depth
            e0 = (e0 + observed[row + 6 * LANES]) * inverse
            e1 = (e1 + observed[row + 7 * LANES]) * inverse
            error2 = e0 * e0 + e1 * e1
            front = depth > min_depth
            supports = front & (error2 < gate2)
            use = seen[of_seen + i]
            cost[i] += use * (error2 if supports else gate2)
            mask[i] |= bit if supports & (use > 0.0) else 0
            ahead[i] = ahead[i] if front | (use == 0.0) else 0.0
    for i in range(LANES):
        work.support[i] = bits(mask[i])


@_compiled
@no_type_check
def linearise(cameras, weight, gate2, min_depth, work):
    """Sum the normal equations of one Gauss-Newton step over the views of weight 1 within the gate."""
    observed, point, total = work.observed, work.point, work.total
    total[:] = 0.0
    for view in range(cameras.shape[0]):
        r0, r1, r2, t = cameras[view, 16], cameras[view, 17], cameras[view, 18], cameras[view, 21]
        first, of_weight = 8 * view * LANES, view * LANES
        for i in range(LANES):
            row = first + i
            x, y, z = point[i], point[LANES + i], point[2 * LANES + i]
            m0, m1, m2 = observed[row], observed[row + LANES], observed[row + 2 * LANES]
            n0, n1, n2 = observed[row + 3 * LANES], observed[row + 4 * LANES], observed[row + 5 * LANES]
            depth = r0 * x + r1 * y + r2 * z + t
            inverse = 1.0 / depth
            e0 = (m0 * x + m1 * y + m2 * z + observed[row + 6 * LANES]) * inverse
            e1 = (n0 * x + n1 * y + n2 * z + observed[row + 7 * LANES]) * inverse
            use = (weight[of_weight + i] > 0.0) & (depth > min_depth) & (e0 * e0 + e1 * e1 < gate2)
            inverse = inverse if use else 0.0
            e0 = e0 if use else 0.0
            e1 = e1 if use else 0.0
            m0, m1, m2 = (m0 - e0 * r0) * inverse, (m1 - e0 * r1) * inverse, (m2 - e0 * r2) * inverse
            n0, n1, n2 = (n0 - e1 * r0) * inverse, (n1 - e1 * r1) * inverse, (n2 - e1 * r2) * inverse
            total[i] += m0 * m0 + n0 * n0
            total[LANES + i] += m0 * m1 + n0 * n1
            total[2 * LANES + i] += m0 * m2 + n0 * n2
            total[3 * LANES + i] += m1 * m1 + n1 * n1
            total[4 * LANES + i] += m1 * m2 + n1 * n2
            total[5 * LANES + i] += m2 * m2 + n2 * n2
            total[6 * LANES + i] -= m0 * e0 + n0 * e1
            total[7 * LANES + i] -= m1 * e0 + n1 * e1
            total[8 * LANES + i] -= m2 * e0 + n2 * e1


@_compiled
@no_type_check
def residuals(cameras, limits, work):
    """Fill the distances in distorted pixels, and weight 1 for every view within the last gate."""
    gate2, min_depth = limits.last_gate2, limits.min_depth
    u, v, seen, point = work.u, work.v, work.seen, work.point
    x, y, bent, residual, weight = work.x, work.y, work.bent, work.residual, work.weight
    work.mask[:], work.seen_mask[:] = 0, 0
    for view in range(cameras.shape[0]):
        camera, bit = cameras[view], 1 << np.int64(cameras[view, 25])
        fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
        r00, r01, r02, t0 = camera[10], camera[11], camera[12], camera[19]
        r10, r11, r12, t1 = camera[13], camera[14], camera[15], camera[20]
        r20, r21, r22, t2 = camera[16], camera[17], camera[18], camera[21]
        first = view * LANES
        for i in range(LANES):
            p, q, r = point[i], point[LANES + i], point[2 * LANES + i]
            inverse = 1.0 / max(r20 * p + r21 * q + r22 * r + t2, min_depth)
            x[i] = (r00 * p + r01 * q + r02 * r + t0) * inverse
            y[i] = (r10 * p + r11 * q + r12 * r + t1) * inverse
        bend(camera, x, y, bent)
        for i in range(LANES):
            depth = r20 * point[i] + r21 * point[LANES + i] + r22 * point[2 * LANES + i] + t2
            e0 = fx * bent[i] + cx - u[first + i]
            e1 = fy * bent[LANES + i] + cy - v[first + i]
            error2 = e0 * e0 + e1 * e1
            use = seen[first + i]
            residual[first + i] = math.sqrt(error2) if use > 0.0 else 0.0
            inlier = (depth > min_depth) & (error2 < gate2) & (use > 0.0)
            weight[first + i] = 1.0 if inlier else 0.0
            work.mask[i] |= bit if inlier else 0
            work.seen_mask[i] |= bit if use > 0.0 else 0


@_compiled
@no_type_check
def widen(cameras, limits, work):
    """Set `wide` to 1 where two inlier rays meet at more than the least angle."""
    point, weight, wide = work.point, work.weight, work.wide
    wide[:] = 0.0
    for one in range(cameras.shape[0]):
        for other in range(one):
            if cameras[one, 25] == cameras[other, 25]:
                continue
            for i in range(LANES):
                x, y, z = point[i], point[LANES + i], point[2 * LANES + i]
                a0, a1, a2 = cameras[one, 22] - x, cameras[one, 23] - y, cameras[one, 24] - z
                b0, b1, b2 = cameras[other, 22] - x, cameras[other, 23] - y, cameras[other, 24] - z
                dot = a0 * b0 + a1 * b1 + a2 * b2
                product = (a0 * a0 + a1 * a1 + a2 * a2) * (b0 * b0 + b1 * b1 + b2 * b2)
                both = weight[one * LANES + i] * weight[other * LANES + i]
                open_enough = both * (product - dot * dot) > limits.least_sine2 * product
                wide[i] = 1.0 if open_enough else wide[i]
        missing = 0
        for i in range(LANES):
            missing += 1 if (wide[i] == 0.0) & (work.found[i] > 0.0) else 0
        if missing == 0:
            return
