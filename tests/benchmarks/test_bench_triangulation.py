"""The robust triangulation against its peers: the bars it must clear."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FASTER_THAN_COLMAP = 25
COLMAP, OURS, GRAPH = "pycolmap LO-RANSAC", "ours, compiled", "ours, graph in torch"

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def results():
    # A process of its own: there no import hook checks types, and one thread is one thread.
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.triangulation_table",
        str(ROOT / "docs" / "benchmarks"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    output = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return json.loads(output[output.index("{") :])


@pytest.mark.parametrize("views", ["2", "4", "8", "16"])
def test_the_kernel_is_much_faster_than_colmaps_ransac(results, views):
    speed = results["speed"][views]
    assert speed[COLMAP] >= FASTER_THAN_COLMAP * speed[OURS]


@pytest.mark.parametrize("regime", ["A", "B", "C"])
@pytest.mark.parametrize("method", [OURS, GRAPH])
def test_it_is_as_good_as_knowing_the_outliers(results, regime, method):
    row = results["accuracy"][regime][method]
    assert row["ratio"] <= 1.01
    assert row["bad"] == 0.0


@pytest.mark.parametrize("regime", ["A", "B", "C"])
def test_no_peer_is_better(results, regime):
    rows = results["accuracy"][regime]
    peers = [row["ratio"] for name, row in rows.items() if "ratio" in row and not name.startswith("ours")]
    assert rows[OURS]["ratio"] <= min(peers)
