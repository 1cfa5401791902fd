"""Train a task: compose its configuration, build it, fit it, report.

python train.py experiment=ssl_multiview            the default experiment
python train.py experiment=NAME data=recorded …     any other; conf/train.yaml says what can be set
python train.py -m experiment=NAME seed=0,1,2       a sweep
"""

import sys

import hydra
from omegaconf import DictConfig

from mvmono3d.training.command import errors_as_one_line, main


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def train(cfg: DictConfig) -> float | None:
    """Run one training; a sweep optimises what it returns."""
    with errors_as_one_line():
        # Imported here: a typo is answered before torch is loaded.
        from mvmono3d.training.fit import run

        return run(cfg)


if __name__ == "__main__":
    main(train, sys.argv)
