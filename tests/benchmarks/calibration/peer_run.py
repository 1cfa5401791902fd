"""Run one peer over a list of jobs, in the peers' environment.

`python -m benchmarks.calibration.peer_run JOBS` runs from the folder of all tests, for a peer installs a
package named `tests` too. JOBS is a JSON file: {"peer": name, "jobs": [{"boards": path, "settings": {},
"answer": path}]}. The first job runs once more before the clocks count, so that compilers are done.
"""

import importlib
import json
import logging
import sys
import warnings
from pathlib import Path

from .exchange import read_boards, write_arrays

RUNNERS = {"aniposelib": "aniposelib_runner", "OpenCV": "opencv_runner"}


def main(path):
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    order = json.loads(Path(path).read_text(encoding="utf-8"))
    runner = importlib.import_module(f".{RUNNERS[order['peer']]}", package=__package__)
    jobs = order["jobs"]
    for job in [jobs[0], *jobs]:
        write_arrays(Path(job["answer"]), runner.solve(read_boards(job["boards"]), job["settings"]))


if __name__ == "__main__":
    main(sys.argv[1])
