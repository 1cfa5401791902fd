"""Start a peer in its own environment on one scene's boards, and collect a rig per setting."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from tests.benchmarks.calibration.exchange import read_solved, write_arrays
from tests.benchmarks.machine import ROOT
from tests.benchmarks.peers.peer_process import PYTHON

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def rigs_of(peer, boards, settings):
    """Return label → `Solved` for label → settings, one after another in one process, one thread."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_arrays(folder / "boards.npz", boards)
        jobs = [
            {
                "boards": str(folder / "boards.npz"),
                "settings": each,
                "answer": str(folder / f"{number}.npz"),
            }
            for number, each in enumerate(settings.values())
        ]
        order = folder / "jobs.json"
        order.write_text(json.dumps({"peer": peer, "jobs": jobs}), encoding="utf-8")
        _run(peer, order)
        return {label: read_solved(job["answer"]) for label, job in zip(settings, jobs, strict=True)}


def _run(peer, order):
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment |= dict.fromkeys(_THREADS, "1")
    done = subprocess.run(
        [str(PYTHON), "-m", "benchmarks.calibration.peer_run", str(order)],
        cwd=ROOT / "tests",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{peer} failed:\n{done.stderr[-3000:]}")
