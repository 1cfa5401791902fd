"""Start a peer in its own environment and collect its answers."""

import json
import os
import subprocess
from pathlib import Path

from tests.benchmarks.peers.exchange import read_answer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PEERS = ("aniposelib", "Pose2Sim", "EKS", "pycolmap")
THREADS = ("OMP_NUMTHREADS", "OPENBLAS_NUMTHREADS", "MKL_NUMTHREADS", "NUMBA_NUMTHREADS")
_QUIET = {
    "MPLBACKEND": "Agg",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def is_installed():
    return PYTHON.exists()


def run_peer(peer, jobs, *, folder, warm):
    """Run a peer on (scene path, settings) jobs one after another; return its answers.

    `warm` repeats the first job first, so that compilers are done when the clocks start.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    answers = [folder / f"answer_{number:03d}.npz" for number in range(len(jobs))]
    order = {
        "peer": peer,
        "warm": warm,
        "jobs": [
            {"scene": str(scene), "settings": settings, "answer": str(answer)}
            for (scene, settings), answer in zip(jobs, answers, strict=True)
        ],
    }
    path = folder / "jobs.json"
    path.write_text(json.dumps(order), encoding="utf-8")
    # Only what the runners need: none of our own variables change how a peer works.
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment |= dict.fromkeys(THREADS, "1") | _QUIET
    command = [str(PYTHON), "-m", "peers.run", str(path)]
    done = subprocess.run(
        command, cwd=HERE.parent, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{peer} failed:\n{done.stderr[-3000:]}")
    return [read_answer(answer) for answer in answers]


def versions():
    """Return name and version of what is installed for the peers."""
    names = ("aniposelib", "pose2sim", "ensemble-kalman-smoother", "pycolmap", "jax", "numpy", "scipy")
    code = "import sys; from importlib.metadata import version\nfor n in sys.argv[1:]: print(n, version(n))"
    command = [str(PYTHON), "-c", code, *names]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return output.strip().splitlines()
