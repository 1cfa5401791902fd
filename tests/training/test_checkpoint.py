import os
import subprocess
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch

from mvmono3d.core import schema
from mvmono3d.errors import IntegrityError, InvalidFileError
from mvmono3d.training.checkpoint import SafeCheckpoints, hash_file, read_checkpoint


def saved(path: Path, value: float = 1.0) -> Path:
    SafeCheckpoints().save_checkpoint({"state_dict": {"weight": torch.full((64,), value)}}, path)
    return path


def value_of(path: Path) -> float:
    return float(read_checkpoint(path)["state_dict"]["weight"][0])


def test_a_checkpoint_written_is_the_checkpoint_read(tmp_path):
    assert value_of(saved(tmp_path / "a.ckpt", 3.0)) == 3.0


def test_sha256sum_agrees(tmp_path):
    saved(tmp_path / "a.ckpt")
    done = subprocess.run(
        ["sha256sum", "--check", "a.ckpt.sha256"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "a.ckpt: OK\n"


def test_any_flipped_bit_is_refused(tmp_path):
    path = saved(tmp_path / "a.ckpt")
    content = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(content) * 8, size=100):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        with pytest.raises(IntegrityError, match="damaged"):
            read_checkpoint(path)


def test_a_truncated_checkpoint_without_hash_is_refused_too(tmp_path):
    path = saved(tmp_path / "a.ckpt")
    hash_file(path).unlink()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidFileError, match="not a checkpoint"):
        read_checkpoint(path)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(InvalidFileError, match=r"none\.ckpt"):
        read_checkpoint(tmp_path / "none.ckpt")


def test_objects_are_refused_because_they_could_run_code(tmp_path):
    path = tmp_path / "a.ckpt"
    torch.save({"path": PurePosixPath("a")}, path)
    with pytest.raises(InvalidFileError, match="could run code"):
        read_checkpoint(path)


@pytest.mark.parametrize("renames_before_the_kill", range(4))
def test_a_write_that_dies_at_any_moment_leaves_a_readable_checkpoint(
    tmp_path, monkeypatch, renames_before_the_kill
):
    path = saved(tmp_path / "a.ckpt", 1.0)
    done = 0
    replace = os.replace

    def dying(source, target, **keywords):
        nonlocal done
        if done == renames_before_the_kill:
            raise KeyboardInterrupt
        done += 1
        replace(source, target, **keywords)

    monkeypatch.setattr(schema.Path, "replace", lambda self, target: dying(self, target))
    if renames_before_the_kill < 3:
        with pytest.raises(KeyboardInterrupt):
            saved(path, 2.0)
    else:
        saved(path, 2.0)
    monkeypatch.undo()
    assert value_of(path) == (1.0 if renames_before_the_kill < 2 else 2.0)


def test_a_full_disk_keeps_the_old_checkpoint_and_stops_at_the_third_failure(tmp_path, monkeypatch, caplog):
    path = saved(tmp_path / "a.ckpt", 1.0)

    def full(content):
        raise OSError(28, "No space left on device")

    checkpoints = SafeCheckpoints()
    monkeypatch.setattr(schema.os, "fsync", full)
    for _ in range(2):
        checkpoints.save_checkpoint({"state_dict": {}}, path)
    assert "No space left" in caplog.text
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save_checkpoint({"state_dict": {}}, path)
    monkeypatch.undo()
    assert value_of(path) == 1.0


def test_removing_a_checkpoint_removes_its_hash(tmp_path):
    path = saved(tmp_path / "a.ckpt")
    SafeCheckpoints().remove_checkpoint(path)
    assert list(tmp_path.iterdir()) == []
