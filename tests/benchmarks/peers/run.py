"""Run one peer over a list of jobs, in the peers' environment: `python -m peers.run JOBS`.

It runs from the folder above as the package `peers`, for a peer installs a package named `tests` too.
JOBS is a JSON file: {"peer": name, "warm": true, "jobs": [{"scene": path, "settings": {}, "answer": path}]}.
Warm runs the first job once more before the clocks count, so that compilers are done.
"""

import importlib
import json
import logging
import sys
import warnings
from pathlib import Path

from .exchange import read_scene, write_arrays

RUNNERS = {
    "aniposelib": "aniposelib_runner",
    "Pose2Sim": "pose2sim_runner",
    "EKS": "eks_runner",
    "pycolmap": "pycolmap_runner",
}


def main(path):
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    order = json.loads(Path(path).read_text(encoding="utf-8"))
    runner = importlib.import_module(f".{RUNNERS[order['peer']]}", package=__package__)
    jobs = order["jobs"]
    for job in ([jobs[0]] if order["warm"] else []) + jobs:
        answer = runner.reconstruct(read_scene(job["scene"]), job["settings"])
        write_arrays(Path(job["answer"]), answer)


if __name__ == "__main__":
    main(sys.argv[1])
