"""How long one set of frames takes on this machine."""

import time
from dataclasses import dataclass

import numpy as np

from mvmono3d.deploy.agreement import Tensors
from mvmono3d.deploy.selftest import Runner

_WARM_UP = 20
_MS_PER_NS = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time for one set of frames through a graph, from arrays to arrays, without cameras."""

    frames: int
    p50_ms: float
    p95_ms: float
    worst_ms: float


def measure_latency(engine: Runner, inputs: Tensors, *, state_size: int, frames: int = 500) -> Latency:
    """Run frames round and round, state in, state out, and time each one."""
    state = np.zeros(state_size, dtype=np.float32)
    taken_ns = np.empty(frames)
    for frame in range(-_WARM_UP, frames):
        place = frame % len(inputs["time_step_s"])
        feed = {name: tensor[place] for name, tensor in inputs.items()} | {"state": state}
        start = time.perf_counter_ns()
        state = engine.run(feed)["next_state"]
        if frame >= 0:
            taken_ns[frame] = time.perf_counter_ns() - start
    p50, p95, worst = np.quantile(taken_ns, [0.5, 0.95, 1.0]) * _MS_PER_NS
    return Latency(frames=frames, p50_ms=float(p50), p95_ms=float(p95), worst_ms=float(worst))
