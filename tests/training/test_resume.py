"""A run that was killed and resumed ends in the same weights, bit by bit, as one that was not."""

import hashlib
from pathlib import Path

import pytest
import torch

from tests.training.runs import run_folder, train

KILLED = -9


def weights(run: Path) -> str:
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def resumed(folder: Path, *, hook: str, call: int, more: tuple[str, ...] = ()) -> Path:
    kill = (
        "+callbacks.kill._target_=tests.training.tiny.KillAt",
        f"+callbacks.kill.hook={hook}",
        f"+callbacks.kill.call={call}",
    )
    more = ("evaluate=false", *more)
    train(folder, "name=killed", *kill, *more, code=KILLED)
    killed = run_folder(folder, "killed")
    train(folder, "name=resumed", f"ckpt_path={killed}/checkpoints/last.ckpt", *more)
    return run_folder(folder, "resumed")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("uninterrupted")
    train(folder, "evaluate=false")
    return weights(run_folder(folder))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("hook", "call"),
    [
        ("on_train_batch_start", 2),
        ("on_before_optimizer_step", 5),
        ("on_train_batch_end", 7),
        ("on_train_batch_start", 8),
        ("on_train_batch_end", 8),
        ("on_train_batch_end", 10),
        ("on_validation_start", 1),
        ("on_validation_end", 1),
        ("on_train_epoch_end", 1),
        ("on_train_epoch_start", 2),
        ("on_validation_batch_start", 2),
        ("on_train_batch_end", 20),
        ("on_before_backward", 21),
    ],
)
def test_wherever_it_is_killed_it_resumes_bit_by_bit(tmp_path, uninterrupted, hook, call):
    assert weights(resumed(tmp_path, hook=hook, call=call)) == uninterrupted
