"""How long one step of an exported graph takes on one core."""

import time
from pathlib import Path

import numpy as np

from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.engines.load import load_graph
from mvmono3d.deploy.selftest import read_selftest
from tests.benchmarks.learned.sample import interval_of

VIEWS = 4
_WARM_UP, _BLOCK = 30, 100


def step_ms(folder, *, blocks=10):
    """Return the median CPU time of a step with its interval over blocks, and the wall clock's median.

    CPU time of the calling thread, in which a graph of one thread runs: another program on the same core
    doesn't count.
    """
    bundle = read_bundle(Path(folder))
    graph = bundle.graph_for(VIEWS)
    engine, (inputs, _) = load_graph(bundle, graph, threads=1), read_selftest(bundle, graph)
    state, cpu, wall = np.zeros(graph.state_size, dtype=np.float32), [], []
    for number in range(_WARM_UP + blocks * _BLOCK):
        place = number % len(inputs["time_step_s"])
        feed = {name: tensor[place] for name, tensor in inputs.items()} | {"state": state}
        begin, begin_wall = time.thread_time_ns(), time.perf_counter_ns()
        state = engine.run(feed)["next_state"]
        cpu.append(1e-6 * (time.thread_time_ns() - begin))
        wall.append(1e-6 * (time.perf_counter_ns() - begin_wall))
    kept = np.array(cpu[_WARM_UP:]).reshape(blocks, _BLOCK)
    picked = np.random.default_rng(0).integers(0, blocks, size=(500, blocks))
    drawn = np.median(kept[picked].reshape(500, -1), axis=1)
    return interval_of(np.median(kept), drawn, count=blocks), float(np.median(wall[_WARM_UP:]))
