# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""The compiled body of the robust triangulation: hypotheses, refinement, judgement.

See `robust.py` for the method and `robust_lanes.py` for the arrays. Joints are taken `LANES` at a time;
only those whose views don't all agree are searched one by one, with the subsets of views as lanes.
"""

from typing import no_type_check

import numpy as np

from mvmono3d.core.trajectory import MissingReason
from mvmono3d.geometry import lens_lanes, robust_lanes
from mvmono3d.geometry.compiled import compiled_after
from mvmono3d.geometry.lens_lanes import LANES, observe
from mvmono3d.geometry.robust_lanes import (
    bits,
    combine,
    linearise,
    load,
    new_work,
    residuals,
    score,
    solve,
    weigh,
    widen,
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
    return cost + limits.margin < limits.gate2 * (support - 1)


@_compiled
@no_type_check
def _spread(lane, joint, trial):
    """Copy one joint's views to every lane."""
    for view in range(joint.seen.size // LANES):
        seen = joint.seen[view * LANES + lane]
        for i in range(LANES):
            trial.seen[view * LANES + i] = seen
    for row in range(joint.observed.size // LANES):
        value = joint.observed[row * LANES + lane]
        for i in range(LANES):
            trial.observed[row * LANES + i] = value


@_compiled
@no_type_check
def _try(lane, cameras, members, sizes, limits, joint, trial):
    """Triangulate one joint from a chunk of subsets; `cost` is infinite where that says nothing."""
    trial.x[:] = 0.0
    for view in range(members.shape[0]):
        seen, weight = joint.seen[view * LANES + lane], joint.weight[view * LANES + lane]
        for i in range(LANES):
            trial.weight[view * LANES + i] = members[view, i] * weight
            trial.x[i] += members[view, i] * seen
    combine(trial)
    solve(trial.total, trial.point, trial.valid)
    score(cameras, limits, trial)
    for i in range(LANES):
        complete = (sizes[i] >= 2.0) & (trial.x[i] >= sizes[i]) & (trial.valid[i] > 0.0)
        cost = trial.cost[i]
        trial.cost[i] = cost if complete & (trial.support[i] >= 2) else np.inf


@_compiled
@no_type_check
def _search(lane, cameras, members, sizes, limits, joint, trial, costs):
    """Find the subset whose point most views support; keep the masks of those about as good."""
    _spread(lane, joint, trial)
    masks, tried = joint.rivals[lane], 1
    best = joint.cost[lane] if joint.found[lane] > 0.0 else np.inf
    costs[0], masks[0] = best, joint.mask[lane]
    for chunk in range(members.shape[0]):
        _try(lane, cameras, members[chunk], sizes[chunk], limits, joint, trial)
        lowest = -1
        for i in range(LANES):
            lower = trial.cost[i] < best
            lowest = i if lower else lowest
            best = trial.cost[i] if lower else best
        if lowest >= 0:
            joint.found[lane] = 1.0
            for axis in range(3):
                joint.point[axis * LANES + lane] = trial.point[axis * LANES + lowest]
            if _certain(best, trial.support[lowest], limits):
                return
        for i in range(LANES):
            costs[tried + i] = trial.cost[i]
            masks[tried + i] = trial.mask[i]
        tried += LANES
    kept = 0
    for i in range(tried):
        if costs[i] < best + limits.margin:
            masks[kept] = masks[i]
            kept += 1
    joint.rival_count[lane] = kept


@_compiled
@no_type_check
def _start(cameras, members, sizes, limits, joint, trial, costs, count):
    """Find each joint's consensus: all views where they agree, else the best subset."""
    observe(cameras, joint)
    joint.weight[:] = joint.seen
    combine(joint)
    solve(joint.total, joint.point, joint.valid)
    weigh(cameras, limits, joint)
    combine(joint)
    solve(joint.total, joint.point, joint.valid)
    score(cameras, limits, joint)
    for lane in range(count):
        seen = 0.0
        for view in range(cameras.shape[0]):
            seen += joint.seen[view * LANES + lane]
        joint.ahead[lane] *= joint.valid[lane]
        joint.rival_count[lane] = 0
        agree = joint.valid[lane] > 0.0 and joint.support[lane] >= 2
        joint.found[lane] = 1.0 if agree else 0.0
        # Two views have one subset: both.
        if seen > 2.0 and not (agree and _certain(joint.cost[lane], joint.support[lane], limits)):
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
    widen(cameras, limits, joint)
    linearise(cameras, joint.weight, np.inf, limits.min_depth, joint)
    for axis in range(3):
        for i in range(3 * LANES):
            joint.total[6 * LANES + i] = limits.variance if i // LANES == axis else 0.0
        solve(joint.total, joint.step, joint.valid)
        for i in range(3 * LANES):
            joint.covariance[axis * 3 * LANES + i] = joint.step[i]


@_compiled
@no_type_check
def _judge(lane, joint):
    """Return why a joint is missing, or that it isn't."""
    if bits(joint.seen_mask[lane]) < 2:
        return _TOO_FEW
    if joint.found[lane] == 0.0 or bits(joint.mask[lane]) < 2:
        return _CONTRADICTION if joint.ahead[lane] > 0.0 else _DEGENERATE
    if joint.valid[lane] == 0.0 or joint.wide[lane] == 0.0:
        return _DEGENERATE
    for rival in range(joint.rival_count[lane]):
        if bits(joint.rivals[lane, rival] & joint.mask[lane]) < 2:
            return _CONTRADICTION
    return _SOLVED


@_compiled
@no_type_check
def _store(lane, item, k, joint, results):
    """Write one joint; where it is missing the zeros stay."""
    results.reason[item, k] = _judge(lane, joint)
    if results.reason[item, k] != _SOLVED:
        return
    results.agreeing[item, k] = bits(joint.mask[lane])
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
                _store(lane, (start + lane) // joints, (start + lane) % joints, joint, results)
