# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""The compiled inner loop of the Kalman filter: small dense algebra over joints, in float64.

Every joint has its own state: position (m) and velocity (m/s) with a 6 x 6 covariance. What a view saw
comes in as normalised undistorted coordinates with a precision (1 / variance of one axis).
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.geometry.compiled import compiled

# The gate starts as wide as the prediction is uncertain and ends at the pixel noise alone.
_SHARES = np.array([1.0, 0.3, 0.1, 0.0, 0.0, 0.0])
_NEAREST_M = 0.02
_CHI2_MEDIAN = 2.366


class FilterNumbers(NamedTuple):
    """The settings as the kernel takes them: `KalmanSettings` says what they mean."""

    acceleration: float
    velocity_memory_s: float
    first_velocity: float
    gate: float
    few_views_doubt: float
    jump_gate: float
    jump_frames: int
    adapt: float
    adapt_range: float
    horizon_s: float
    largest_sigma_m: float
    support: float


class JointStates(NamedTuple):
    """What the filter remembers of every joint from frame to frame; changed in place."""

    mean: Float[Array, "joint 6"]
    """Position and velocity."""
    covariance: Float[Array, "joint 6 6"]
    known: Bool[Array, " joint"]
    unseen_s: Float[Array, " joint"]
    """Time since a view last supported the joint; negative before its first fix."""
    jumps: Int[Array, " joint"]
    """Frames in a row in which the consensus lay elsewhere."""
    acceleration: Float[Array, " joint"]
    """The process noise, adapted to how surprisingly the joint moves."""


class FrameSight(NamedTuple):
    """What the cameras saw in one frame."""

    seen: Float[Array, "joint view 2"]
    """Normalised undistorted coordinates."""
    precision: Float[Array, "joint view"]
    """1 / variance of one normalised coordinate; 0 where nothing was detected."""
    consensus: Float[Array, "joint 3"]
    """The robust triangulation of this frame alone."""
    agreeing: Int[Array, " joint"]
    """How many views stand behind it; 0 where there is none."""


@compiled
@no_type_check
def _inverse3(matrix):
    """Invert a symmetric 3 x 3 matrix by its adjugate; `geometry.solve.inverse3` is the reference."""
    a, b, c = matrix[0, 0], matrix[0, 1], matrix[0, 2]
    d, e, f = matrix[1, 1], matrix[1, 2], matrix[2, 2]
    first, second, third = d * f - e * e, c * e - b * f, b * e - c * d
    scale = 1.0 / (a * first + b * second + c * third)
    out = np.empty((3, 3))
    out[0, 0], out[0, 1], out[0, 2] = first, second, third
    out[1, 1], out[1, 2], out[2, 2] = a * f - c * c, b * c - a * e, a * d - b * b
    out[1, 0], out[2, 0], out[2, 1] = second, third, out[1, 2]
    return out * scale


@compiled
@no_type_check
def _predict(mean, covariance, numbers, acceleration, step_s):
    """Move one state on: the velocity fades to rest, and the noise is an acceleration."""
    keep = np.exp(-step_s / numbers.velocity_memory_s)
    reach = numbers.velocity_memory_s * (1.0 - keep)
    transition = np.eye(6)
    for axis in range(3):
        transition[axis, 3 + axis] = reach
        transition[3 + axis, 3 + axis] = keep
    mean[:] = transition @ mean
    covariance[:] = transition @ covariance @ transition.T
    power = acceleration * acceleration
    for axis in range(3):
        covariance[axis, axis] += power * step_s**4 / 4.0
        covariance[axis, 3 + axis] += power * step_s**3 / 2.0
        covariance[3 + axis, axis] += power * step_s**3 / 2.0
        covariance[3 + axis, 3 + axis] += power * step_s**2


@compiled
@no_type_check
def _look(point, seen, precision, camera, spread, gate):
    """Linearise one view at a point: (information, pull, belief, squared distance in sigmas)."""
    information, pull = np.zeros((3, 3)), np.zeros(3)
    depth = camera[2, 0] * point[0] + camera[2, 1] * point[1] + camera[2, 2] * point[2] + camera[2, 3]
    if depth < _NEAREST_M:
        return information, pull, 0.0, np.inf
    jacobian, residual = np.empty((2, 3)), np.empty(2)
    for axis in range(2):
        row = camera[axis]
        place = (row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3]) / depth
        residual[axis] = place - seen[axis]
        for k in range(3):
            jacobian[axis, k] = (row[k] - place * camera[2, k]) / depth
    square = residual[0] ** 2 + residual[1] ** 2
    doubt = 0.5 * (np.sum((jacobian @ spread) * jacobian))
    distance = square * precision
    ratio = square / (1.0 / precision + doubt) / gate
    belief = 1.0 / (1.0 + ratio) ** 2
    information[:] = belief * precision * (jacobian.T @ jacobian)
    pull[:] = information @ point - belief * precision * (jacobian.T @ residual)
    return information, pull, belief, distance


@compiled
@no_type_check
def _fuse(prior, prior_information, spread, seen, precision, cameras, numbers):
    """Find the point that a prior and the views agree on: Gauss-Newton with Geman-McClure weights.

    Starts at the prior, whose `spread` (covariance) widens the gate at first. Returns the point, the
    information of the views, the robust cost, and how much each view was believed and contributed.
    """
    point, information, cost = prior.copy(), np.zeros((3, 3)), 0.0
    belief, share = np.zeros(len(cameras)), np.zeros(len(cameras))
    for step in range(len(_SHARES)):
        information[:] = 0.0
        pull = np.zeros(3)
        cost = 0.0
        for view in range(len(cameras)):
            if precision[view] <= 0.0:
                continue
            part, part_pull, belief[view], distance = _look(
                point, seen[view], precision[view], cameras[view], spread * _SHARES[step], numbers.gate
            )
            information += part
            pull += part_pull
            share[view] = part[0, 0] + part[1, 1] + part[2, 2]
            cost += numbers.gate * min(distance / (numbers.gate + min(distance, 1e9)), 1.0)
        if np.sum(belief > numbers.support) < 3:
            # Two views may agree on a guess, one view always agrees with itself.
            information /= numbers.few_views_doubt
            pull /= numbers.few_views_doubt
        total = prior_information + information
        for axis in range(3):
            total[axis, axis] += 1e-6
        point = _inverse3(total) @ (prior_information @ prior + pull + 1e-6 * point)
    difference = point - prior
    return point, information, cost + difference @ prior_information @ difference, belief, share


@compiled
@no_type_check
def _correct(mean, covariance, point, information):
    """Bring the whole state to the fused point; symmetric form, safe where the views see one axis only."""
    spread = covariance[:3, :3].copy()
    prior_information = _inverse3(spread)
    gain = covariance[:, :3].copy()
    mean += gain @ (prior_information @ (point - mean[:3]))
    inner = information - information @ _inverse3(prior_information + information) @ information
    covariance -= gain @ inner @ gain.T
    covariance[:] = 0.5 * (covariance + covariance.T)


@compiled
@no_type_check
def _surprise(mean, covariance, point, information):
    """Return the squared Mahalanobis distance between the prediction and what the views alone say.

    With information L of the views and A = P^-1 + L, the views' pull y = A (fused - predicted) has
    covariance L + L P L under the model.
    """
    spread = covariance[:3, :3].copy()
    pull = (_inverse3(spread) + information) @ (point - mean[:3])
    expected = information + information @ spread @ information
    for axis in range(3):
        expected[axis, axis] += 1.0
    return pull @ _inverse3(expected) @ pull


@compiled
@no_type_check
def _restart(mean, covariance, point, information, first_velocity):
    """Begin a state at a point that views alone agree on."""
    mean[:3] = point
    mean[3:] = 0.0
    covariance[:] = 0.0
    covariance[:3, :3] = _inverse3(information)
    for axis in range(3, 6):
        covariance[axis, axis] = first_velocity**2


@compiled
@no_type_check
def predict_joints(states, numbers, step_s):
    """Move all states on by a time step; forget those unseen for too long or lost in their own doubt."""
    for joint in range(len(states.known)):
        if not states.known[joint]:
            continue
        _predict(states.mean[joint], states.covariance[joint], numbers, states.acceleration[joint], step_s)
        states.unseen_s[joint] += step_s
        sigma = np.sqrt(np.trace(states.covariance[joint, :3, :3]) / 3.0)
        if states.unseen_s[joint] > numbers.horizon_s or sigma > numbers.largest_sigma_m:
            states.known[joint] = False


@compiled
@no_type_check
def _accept(states, numbers, joint, point, information, supporting):
    mean, covariance = states.mean[joint], states.covariance[joint]
    if supporting >= 2:
        # A median keeps its place whatever outliers do: half of all steps should surprise by more.
        direction = 1.0 if _surprise(mean, covariance, point, information) > _CHI2_MEDIAN else -1.0
        scaled = states.acceleration[joint] * np.exp(numbers.adapt * direction)
        lowest, highest = (
            numbers.acceleration / numbers.adapt_range,
            numbers.acceleration * numbers.adapt_range,
        )
        states.acceleration[joint] = min(max(scaled, lowest), highest)
    if supporting >= 1:
        states.unseen_s[joint] = 0.0
    _correct(mean, covariance, point, information)


@compiled
@no_type_check
def update_joints(states, sight, cameras, numbers, belief, share):
    """Bring all states to what the views say; fills `belief` and `share` (joint view).

    Two readings compete: the views explained from the prediction, and from the frame's own consensus
    without it. The consensus must win several frames in a row before the state jumps to it.
    """
    free = np.zeros((3, 3))
    for joint in range(len(states.known)):
        seen, precision = sight.seen[joint], sight.precision[joint]
        mean, covariance = states.mean[joint], states.covariance[joint]
        fresh = _fuse(sight.consensus[joint].copy(), free, free, seen, precision, cameras, numbers)
        found = sight.agreeing[joint] >= 2 and np.sum(fresh[3] > numbers.support) >= 2
        if states.known[joint]:
            spread = covariance[:3, :3].copy()
            held = _fuse(mean[:3].copy(), _inverse3(spread), spread, seen, precision, cameras, numbers)
            elsewhere = found and fresh[2] + numbers.jump_gate < held[2]
            states.jumps[joint] = states.jumps[joint] + 1 if elsewhere else 0
            if states.jumps[joint] < numbers.jump_frames:
                _accept(states, numbers, joint, held[0], held[1], np.sum(held[3] > numbers.support))
                belief[joint], share[joint] = held[3], held[4]
                continue
            states.known[joint] = False
        if found:
            _restart(mean, covariance, fresh[0], fresh[1], numbers.first_velocity)
            states.known[joint] = True
            states.unseen_s[joint] = 0.0
            states.jumps[joint] = 0
            belief[joint], share[joint] = fresh[3], fresh[4]
