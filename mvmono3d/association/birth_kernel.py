# ruff: noqa: ANN001, ANN201 - numba doesn't understand annotations
"""Compiled: what hypotheses of new actors amount to."""

from typing import no_type_check

import numpy as np

from mvmono3d.association import fuse_kernel, sight_kernel
from mvmono3d.association.fuse_kernel import triangulate_fresh
from mvmono3d.association.sight_kernel import look
from mvmono3d.geometry.compiled import compiled_after

_compiled = compiled_after(sight_kernel, fuse_kernel, inline=False)


@_compiled
@no_type_check
def triangulate_members(members, sight, eyes, gate):
    """Triangulate every joint of hypotheses (hypothesis, view: a candidate or -1) from their candidates.

    Returns points, spread and known, and the share of what all members show that meets in one point.
    """
    count, views = members.shape
    joints = sight.shape[2]
    points, spread = np.zeros((count, joints, 3)), np.zeros((count, joints, 3, 3))
    known, met = np.zeros((count, joints), dtype=np.bool_), np.zeros(count)
    detections = np.zeros((views, 3))
    for row in range(count):
        shared, agreed = 0.0, 0.0
        for joint in range(joints):
            weight, there = 1.0, 0
            for view in range(views):
                detections[view] = 0.0
                if members[row, view] >= 0:
                    detections[view] = sight[view, members[row, view], joint]
                    weight *= detections[view, 2]
                there += detections[view, 2] > 0.0
            shared += weight
            if there >= 2:
                known[row, joint] = triangulate_fresh(
                    detections, eyes, gate, points[row, joint], spread[row, joint]
                )
            agreed += weight if known[row, joint] else 0.0
        met[row] = agreed / shared if shared > 0.0 else 0.0
    return points, spread, known, met


@_compiled
@no_type_check
def expected_joints(points, known, eyes):
    """Count the known joints that lie in each image (hypothesis, view)."""
    views = len(eyes.cameras)
    expected, jacobian = np.zeros((len(points), views)), np.zeros((2, 3))
    for row in range(len(points)):
        for view in range(views):
            camera, size = eyes.cameras[view], eyes.size_px[view]
            for joint in range(known.shape[1]):
                if known[row, joint]:
                    x, y, ahead = look(camera, points[row, joint], jacobian)
                    u, v = camera[0] * x + camera[2], camera[1] * y + camera[3]
                    expected[row, view] += ahead and 0.0 <= u < size[0] and 0.0 <= v < size[1]
    return expected
