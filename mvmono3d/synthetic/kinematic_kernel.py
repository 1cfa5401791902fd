# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled forward kinematics over time."""

from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled


@compiled
@no_type_check
def _multiply(a, b, out):
    for row in range(3):
        for column in range(3):
            out[row, column] = a[row, 0] * b[0, column] + a[row, 1] * b[1, column] + a[row, 2] * b[2, column]


@compiled
@no_type_check
def turn_nodes(angles, angle_node, axis, nodes):
    """Return every node's local rotation: its angles' Rodrigues rotations, multiplied in order."""
    frames, count = angles.shape
    local = np.zeros((frames, nodes, 3, 3))
    turn = np.empty((3, 3))
    product = np.empty((3, 3))
    for frame in range(frames):
        for node in range(nodes):
            for row in range(3):
                local[frame, node, row, row] = 1.0
        for angle in range(count):
            x, y, z = axis[angle, 0], axis[angle, 1], axis[angle, 2]
            c, s = np.cos(angles[frame, angle]), np.sin(angles[frame, angle])
            rest = 1.0 - c
            turn[0, 0], turn[0, 1], turn[0, 2] = c + x * x * rest, x * y * rest - z * s, x * z * rest + y * s
            turn[1, 0], turn[1, 1], turn[1, 2] = x * y * rest + z * s, c + y * y * rest, y * z * rest - x * s
            turn[2, 0], turn[2, 1], turn[2, 2] = x * z * rest - y * s, y * z * rest + x * s, c + z * z * rest
            target = local[frame, angle_node[angle]]
            _multiply(target, turn, product)
            target[:] = product
    return local


@compiled
@no_type_check
def chain_rotations(local, parents, offset, root_position, root_rotation, stretch):
    """Return every node's place and world rotation, parents first."""
    frames, nodes = local.shape[:2]
    points = np.empty((frames, nodes, 3))
    rotations = np.empty((frames, nodes, 3, 3))
    for frame in range(frames):
        scales = stretch[min(frame, stretch.shape[0] - 1)]
        points[frame, 0] = root_position[frame]
        _multiply(root_rotation[frame], local[frame, 0], rotations[frame, 0])
        for node in range(1, nodes):
            above = rotations[frame, parents[node]]
            for row in range(3):
                moved = 0.0
                for column in range(3):
                    moved += above[row, column] * offset[node, column]
                points[frame, node, row] = points[frame, parents[node], row] + scales[node] * moved
            _multiply(above, local[frame, node], rotations[frame, node])
    return points, rotations
