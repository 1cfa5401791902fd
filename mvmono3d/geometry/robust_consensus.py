"""The compiled body of the robust triangulation: hypotheses, refinement, judgement.

See `robust.py` for the method and `robust_lanes.py` for the arrays. Joints are taken `LANES` at a time;
only those whose views don't all agree are searched one by one, with the subsets of views as lanes.
"""

from typing import no_type_check

import numpy as np

from mvmono3d.core.trajectory import MissingReason
from mvmono3d.geometry import lens_lanes, robust_lanes
from mvmono3d.geometry.compiled import compiled_after
from mvmono3d.geometry.lens_lanes import LANES, undistort
from mvmono3d.geometry.robust_lanes import (
    bits,
    linearise,
    load,
    new_work,
    observe,
    residuals,
    score,
    solve,
    weigh,
)

_SOLVED = int(MissingReason.NONE)
_TOO_FEW = int(MissingReason.TOO_FEW_VIEWS)
_CONTRADICTION = int(MissingReason.CONTRADICTION)
_DEGENERATE = int(MissingReason.DEGENERATE)

_compiled = compiled_after(lens_lanes, robust_lanes)


@_compiled
@no_type_check
def _certain(cost, support, limits):
    """Say whether no set of views that shares at most one with these can explain a joint as well."""
    return support >= 2 and cost + limits.margin < limits.gate2 * (support - 1)


@_compiled
@no_type_check
def _combine(lane, members, joint, trial):
    """Add up the normal equations of one joint's views for each subset; `ahead` counts its views."""
    trial.total[:], trial.ahead[:] = 0.0, 0.0
    for view in range(members.shape[0]):
        seen = joint.seen[view * LANES + lane]
        for i in range(LANES):
            trial.ahead[i] += members[view, i] * seen
        for row in range(9):
            value = joint.normal[(9 * view + row) * LANES + lane]
            for i in range(LANES):
                trial.total[row * LANES + i] += members[view, i] * value


@_compiled
@no_type_check
def _search(lane, cameras, members, sizes, limits, joint, trial, costs):
    """Find the subset whose point most views support; keep the masks of those about as good."""
    for view in range(cameras.shape[0]):
        trial.seen[view * LANES : (view + 1) * LANES] = joint.seen[view * LANES + lane]
        for row in range(8 * view, 8 * view + 8):
            trial.observed[row * LANES : (row + 1) * LANES] = joint.observed[row * LANES + lane]
    best, count, masks = np.inf, 0, joint.rivals[lane]
    if joint.valid[lane] > 0.0 and bits(joint.mask[lane]) >= 2:
        best, count = joint.cost[lane], 1
        costs[0], masks[0] = best, joint.mask[lane]
    for chunk in range(members.shape[0]):
        _combine(lane, members[chunk], joint, trial)
        solve(trial.total, trial.point, trial.valid)
        for i in range(LANES):
            trial.valid[i] *= 1.0 if sizes[chunk, i] >= 2.0 and trial.ahead[i] >= sizes[chunk, i] else 0.0
        score(cameras, limits, trial)
        for i in range(LANES):
            support = bits(trial.mask[i])
            if trial.valid[i] == 0.0 or support < 2:
                continue
            certain = _certain(trial.cost[i], support, limits)
            if certain or trial.cost[i] < best:
                best = trial.cost[i]
                for axis in range(3):
                    joint.point[axis * LANES + lane] = trial.point[axis * LANES + i]
            costs[count], masks[count] = trial.cost[i], trial.mask[i]
            count += 1
            if certain:
                joint.found[lane], joint.rival_count[lane] = 1.0, 0
                return
    joint.found[lane] = 1.0 if count > 0 else 0.0
    kept = 0
    for tried in range(count):
        if costs[tried] < best + limits.margin:
            masks[kept] = masks[tried]
            kept += 1
    joint.rival_count[lane] = kept


@_compiled
@no_type_check
def _start(cameras, members, sizes, limits, joint, trial, costs, count):
    """Find each joint's consensus: all views where they agree, else the best subset."""
    for view in range(cameras.shape[0]):
        lanes = slice(view * LANES, (view + 1) * LANES)
        undistort(cameras[view], joint.u[lanes], joint.v[lanes], joint.x, joint.y, joint.bent)
        observe(cameras[view], view, joint)
    for again in range(2):
        joint.total[:] = 0.0
        for row in range(9 * cameras.shape[0]):
            for i in range(LANES):
                joint.total[row % 9 * LANES + i] += joint.normal[row * LANES + i]
        solve(joint.total, joint.point, joint.valid)
        if again == 0:
            weigh(cameras, joint.point, limits.min_depth, joint.normal)
    score(cameras, limits, joint)
    for lane in range(count):
        joint.ahead[lane] *= joint.valid[lane]
        joint.rival_count[lane] = 0
        joint.found[lane] = 1.0
        if joint.valid[lane] == 0.0 or not _certain(joint.cost[lane], bits(joint.mask[lane]), limits):
            _search(lane, cameras, members, sizes, limits, joint, trial, costs)


@_compiled
@no_type_check
def _refine(cameras, gates2, limits, joint):
    """Take Gauss-Newton steps, then decide who is an inlier and what that says about the position."""
    for step in range(gates2.shape[0]):
        linearise(cameras, joint.seen, gates2[step], limits.min_depth, joint)
        solve(joint.total, joint.step, joint.valid)
        for i in range(3 * LANES):
            joint.point[i] += joint.step[i]
    residuals(cameras, limits, joint)
    linearise(cameras, joint.weight, np.inf, limits.min_depth, joint)
    for axis in range(3):
        for i in range(3 * LANES):
            joint.total[6 * LANES + i] = limits.variance if i // LANES == axis else 0.0
        solve(joint.total, joint.step, joint.valid)
        for i in range(3 * LANES):
            joint.covariance[axis * 3 * LANES + i] = joint.step[i]


@_compiled
@no_type_check
def _wide(lane, cameras, limits, joint):
    """Say whether two inlier rays meet at more than the least angle."""
    x, y, z = joint.point[lane], joint.point[LANES + lane], joint.point[2 * LANES + lane]
    for one in range(cameras.shape[0]):
        if joint.weight[one * LANES + lane] == 0.0:
            continue
        a0, a1, a2 = cameras[one, 22] - x, cameras[one, 23] - y, cameras[one, 24] - z
        for other in range(one):
            if joint.weight[other * LANES + lane] == 0.0 or cameras[one, 25] == cameras[other, 25]:
                continue
            b0, b1, b2 = cameras[other, 22] - x, cameras[other, 23] - y, cameras[other, 24] - z
            dot = a0 * b0 + a1 * b1 + a2 * b2
            product = (a0 * a0 + a1 * a1 + a2 * a2) * (b0 * b0 + b1 * b1 + b2 * b2)
            if product - dot * dot > limits.least_sine2 * product:
                return True
    return False


@_compiled
@no_type_check
def _judge(lane, cameras, limits, joint):
    """Return the reason why a joint is missing, or none, and the number of views that agree."""
    seen, inlier = 0, 0
    for view in range(cameras.shape[0]):
        bit = 1 << np.int64(cameras[view, 25])
        seen |= bit if joint.seen[view * LANES + lane] > 0.0 else 0
        inlier |= bit if joint.weight[view * LANES + lane] > 0.0 else 0
    agreeing = bits(inlier)
    if bits(seen) < 2:
        return _TOO_FEW, 0
    if joint.found[lane] == 0.0 or agreeing < 2:
        return (_CONTRADICTION if joint.ahead[lane] > 0.0 else _DEGENERATE), 0
    if joint.valid[lane] == 0.0 or not _wide(lane, cameras, limits, joint):
        return _DEGENERATE, 0
    for rival in range(joint.rival_count[lane]):
        if bits(joint.rivals[lane, rival] & inlier) < 2:
            return _CONTRADICTION, 0
    return _SOLVED, agreeing


@_compiled
@no_type_check
def _store(lane, item, k, reason, agreeing, joint, results):
    """Write one joint; where it is missing the zeros stay."""
    results.reason[item, k] = reason
    if reason != _SOLVED:
        return
    results.agreeing[item, k] = agreeing
    for row in range(3):
        results.points_world[item, k, row] = joint.point[row * LANES + lane]
        for column in range(3):
            results.covariance_world[item, k, row, column] = joint.covariance[
                (3 * row + column) * LANES + lane
            ]
    for view in range(results.inlier.shape[1]):
        results.inlier[item, view, k] = joint.weight[view * LANES + lane] > 0.0
        results.residual_px[item, view, k] = joint.residual[view * LANES + lane]


@_compiled
@no_type_check
def triangulate_lanes(pixels, confidence, detected, cameras, members, sizes, gates2, limits, results):
    """Triangulate everything into `results`; `cameras` (rig, view, 26), each rig's joints in a row."""
    items, views, joints = confidence.shape
    joint, trial = new_work(views, sizes.size), new_work(views, 0)
    costs = np.zeros(sizes.size + 1)
    per_rig = items * joints // cameras.shape[0]
    for rig in range(cameras.shape[0]):
        for start in range(rig * per_rig, (rig + 1) * per_rig, LANES):
            count = min(LANES, (rig + 1) * per_rig - start)
            load(pixels, confidence, detected, start, count, joint)
            _start(cameras[rig], members, sizes, limits, joint, trial, costs, count)
            _refine(cameras[rig], gates2, limits, joint)
            for lane in range(count):
                reason, agreeing = _judge(lane, cameras[rig], limits, joint)
                item, k = (start + lane) // joints, (start + lane) % joints
                _store(lane, item, k, reason, agreeing, joint, results)
