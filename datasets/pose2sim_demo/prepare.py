"""Pose2Sim's demo → detections.npz and rig.toml: `python datasets/pose2sim_demo/prepare.py RAW OUT`."""

import sys
from pathlib import Path

from mvmono3d.formats.raw_dataset import prepare_readable, run_prepare

if __name__ == "__main__":
    sys.exit(run_prepare(prepare_readable, manifest=Path(__file__).with_name("manifest.yaml")))
