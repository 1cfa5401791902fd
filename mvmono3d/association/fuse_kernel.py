# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled: the joints of actors from a prediction and the views that were matched to them.

Every view counts by how well it fits (Geman-McClure), so that one wrong candidate among three does little.
"""

from typing import no_type_check

import numpy as np

from mvmono3d.association import sight_kernel
from mvmono3d.association.sight_kernel import image_spread, inverse3, look
from mvmono3d.geometry.compiled import compiled_after

SUPPORT = 0.25
"""A view supports a joint where it is believed by this much."""
# The gate starts as wide as the prediction is uncertain and ends at the pixel noise alone.
_SHARES = np.array([1.0, 0.1])

_compiled = compiled_after(sight_kernel)
_compiled_whole = compiled_after(sight_kernel, inline=False)


@_compiled
@no_type_check
def _add_view(point, spread, share, detection, camera, variance, gate, jacobian, part):
    """Fill one view's information (3 x 3) and pull (column 3); return how much it is believed."""
    part[:] = 0.0
    x, y, ahead = look(camera, point, jacobian)
    if not ahead:
        return 0.0
    xx, xy, yy = image_spread(jacobian, spread, share, variance)
    du, dv = camera[0] * (x - detection[0]), camera[1] * (y - detection[1])
    distance2 = (yy * du * du - 2.0 * xy * du * dv + xx * dv * dv) / (xx * yy - xy * xy)
    belief = 1.0 / (1.0 + distance2 / gate) ** 2
    weight = belief * detection[2] / variance
    for i in range(3):
        pull = -(jacobian[0, i] * du + jacobian[1, i] * dv)
        for k in range(3):
            part[i, k] = weight * (jacobian[0, i] * jacobian[0, k] + jacobian[1, i] * jacobian[1, k])
            pull += (jacobian[0, i] * jacobian[0, k] + jacobian[1, i] * jacobian[1, k]) * point[k]
        part[i, 3] = weight * pull
    return belief


@_compiled
@no_type_check
def _solve(total, point, spread):
    """Fill point and spread from information and pull; leaves both where they aren't fixed."""
    inverse = np.empty((3, 3))
    if not inverse3(total[:, :3], inverse):
        return False
    for i in range(3):
        point[i] = inverse[i, 0] * total[0, 3] + inverse[i, 1] * total[1, 3] + inverse[i, 2] * total[2, 3]
        for k in range(3):
            spread[i, k] = inverse[i, k]
    return True


@_compiled
@no_type_check
def detection_of(sight, view, candidate, joint, swapped, limbs):
    """Return the candidate's detection of an actor's joint: of its mirror partner in a swapped limb."""
    limb = limbs.limb[joint]
    source = limbs.mirror[joint] if limb >= 0 and swapped[limb] else joint
    return sight[view, candidate, source]


@_compiled_whole
@no_type_check
def _fuse_joint(prior, prior_spread, detections, eyes, gate, result, result_spread, parts, belief):
    """Gauss-Newton from the prior; fills the result, each view's part of it and its belief."""
    total, information, jacobian = np.zeros((3, 4)), np.zeros((3, 4)), np.zeros((2, 3))
    result[:], result_spread[:] = prior, prior_spread
    if not inverse3(prior_spread, information[:, :3]):
        return
    for i in range(3):
        information[i, 3] = (
            information[i, 0] * prior[0] + information[i, 1] * prior[1] + information[i, 2] * prior[2]
        )
    for share in _SHARES:
        total[:] = information
        for view in range(len(detections)):
            parts[view] = 0.0
            belief[view] = 0.0
            if detections[view, 2] > 0.0:
                belief[view] = _add_view(
                    result, prior_spread, share, detections[view], eyes.cameras[view], eyes.variance[view],
                    gate, jacobian, parts[view],
                )  # fmt: skip
                total += parts[view]
        _solve(total, result, result_spread)


@_compiled_whole
@no_type_check
def fuse(points, spread, known, sight, chosen, swapped, eyes, limbs, numbers):
    """Fuse every known joint of every actor with its candidates.

    Returns the joints with their spread, the same without each view (actor, view, joint, ...), and how
    much each view is believed (actor, view, joint).
    """
    actors, joints = known.shape
    views = sight.shape[0]
    fused, fused_spread = points.copy(), spread.copy()
    without, without_spread = np.zeros((actors, views, joints, 3)), np.zeros((actors, views, joints, 3, 3))
    belief = np.zeros((actors, views, joints))
    parts, detections, trust = np.zeros((views, 3, 4)), np.zeros((views, 3)), np.zeros(views)
    rest = np.zeros((3, 4))
    for actor in range(actors):
        for joint in range(joints):
            if not known[actor, joint]:
                continue
            for view in range(views):
                detections[view] = 0.0
                candidate = chosen[actor, view]
                if candidate >= 0:
                    detections[view] = detection_of(
                        sight, view, candidate, joint, swapped[actor, view], limbs
                    )
            prior, prior_spread = points[actor, joint], spread[actor, joint]
            result, result_spread = fused[actor, joint], fused_spread[actor, joint]
            _fuse_joint(
                prior, prior_spread, detections, eyes, numbers.gate, result, result_spread, parts, trust
            )
            inverse3(result_spread, rest[:, :3])
            for view in range(views):
                belief[actor, view, joint] = trust[view]
                _leave_out(
                    result, result_spread, parts[view], rest,
                    without[actor, view, joint], without_spread[actor, view, joint],
                )  # fmt: skip
                trust[view] = 0.0
                parts[view] = 0.0
    return fused, fused_spread, without, without_spread, belief


@_compiled
@no_type_check
def _leave_out(result, result_spread, part, information, without, without_spread):
    """Fill the result without one view's part; where that fixes nothing, the result itself."""
    without[:], without_spread[:] = result, result_spread
    if part[0, 0] + part[1, 1] + part[2, 2] <= 0.0:
        return
    left = np.empty((3, 4))
    for i in range(3):
        pull = 0.0
        for k in range(3):
            pull += information[i, k] * result[k]
            left[i, k] = information[i, k] - part[i, k]
        left[i, 3] = pull - part[i, 3]
    _solve(left, without, without_spread)


@_compiled_whole
@no_type_check
def triangulate_fresh(detections, eyes, gate, point, spread):
    """Fill a point and its spread from views alone, the worst left out until all agree; say if any do.

    Every used view has a squared distance below `gate`. At least two are used.
    """
    views = len(detections)
    use = np.zeros(views, dtype=np.bool_)
    for view in range(views):
        use[view] = detections[view, 2] > 0.0
    jacobian = np.zeros((2, 3))
    while np.sum(use) >= 2:
        if not _solve_linear(detections, use, eyes, point, spread):
            return False
        worst, farthest = -1, gate
        for view in range(views):
            if not use[view]:
                continue
            camera = eyes.cameras[view]
            x, y, ahead = look(camera, point, jacobian)
            du, dv = camera[0] * (x - detections[view, 0]), camera[1] * (y - detections[view, 1])
            distance2 = (du * du + dv * dv) / eyes.variance[view] if ahead else np.inf
            if distance2 > farthest:
                worst, farthest = view, distance2
        if worst < 0:
            return True
        use[worst] = False
    return False


@_compiled_whole
@no_type_check
def _solve_linear(detections, use, eyes, point, spread):
    """Fill the least-squares point: rows divided by the depth that a first pass found."""
    total, row = np.zeros((3, 4)), np.zeros(4)
    for step in range(2):
        total[:] = 0.0
        for view in range(len(detections)):
            if not use[view]:
                continue
            camera, depth = eyes.cameras[view], 1.0
            if step == 1:
                depth = camera[16] * point[0] + camera[17] * point[1] + camera[18] * point[2] + camera[21]
                depth = max(depth, 0.1)
            weight = detections[view, 2] / eyes.variance[view]
            for axis in range(2):
                for k in range(3):
                    row[k] = camera[10 + 3 * axis + k] - detections[view, axis] * camera[16 + k]
                row[3] = detections[view, axis] * camera[21] - camera[19 + axis]
                scale = weight * (camera[axis] / depth) ** 2
                for i in range(3):
                    for k in range(4):
                        total[i, k] += scale * row[i] * row[k]
        if not _solve(total, point, spread):
            return False
    return True
