import re
from pathlib import Path

import pytest
import torch
import yaml

from mvmono3d.core.schema import sha256_of_file
from mvmono3d.errors import ConfigurationError, IntegrityError, InvalidFileError, MVMono3DError
from mvmono3d.export.checkpoint import load_trained
from mvmono3d.export.saved_run import build
from tests.export.runs import MADE_FROM, write_run


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


def _without_hash(path: Path) -> Path:
    path.with_name(f"{path.name}.sha256").unlink()
    return path


def _edit_config(checkpoint: Path, edit) -> None:
    path = checkpoint.parent.parent / "config.yaml"
    content = yaml.safe_load(path.read_text())
    edit(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def test_a_checkpoint_becomes_the_network_that_was_saved(checkpoint: Path):
    trained = load_trained(checkpoint)
    saved = torch.load(checkpoint, weights_only=True)["state_dict"]
    loaded = trained.reconstructor.state_dict()
    assert {f"reconstructor.{name}" for name in loaded} == set(saved)
    assert all(torch.equal(value, saved[f"reconstructor.{name}"]) for name, value in loaded.items())
    assert not trained.reconstructor.training
    assert trained.reconstructor.skeleton.name == "hand21"


def test_where_the_weights_come_from_is_kept(checkpoint: Path):
    training = load_trained(checkpoint).training
    assert training == {
        **MADE_FROM, "epoch": 2, "global_step": 40, "best val/loss": 0.25,
        "checkpoint_sha256": sha256_of_file(checkpoint),
    }  # fmt: skip


def test_what_the_training_measured_is_kept(checkpoint: Path):
    assert load_trained(checkpoint).measured == ""
    (checkpoint.parent.parent / "comparison.md").write_text("| held mm | 3.1 |\n")
    assert load_trained(checkpoint).measured == "| held mm | 3.1 |"


def test_the_configuration_may_lie_beside_the_checkpoint(checkpoint: Path):
    run = checkpoint.parent.parent
    (run / "config.yaml").rename(checkpoint.parent / "config.yaml")
    assert load_trained(checkpoint).training["experiment"] == "tiny"
    (checkpoint.parent / "config.yaml").unlink()
    with pytest.raises(InvalidFileError, match=r"no config\.yaml beside .*keep the run's folder together"):
        load_trained(checkpoint)


def test_a_flipped_bit_is_found(checkpoint: Path):
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"differs from best\.ckpt\.sha256"):
        load_trained(checkpoint)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_half_a_checkpoint_is_one_line_even_without_its_hash(checkpoint: Path, share: float):
    content = checkpoint.read_bytes()
    _without_hash(checkpoint).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(MVMono3DError) as caught:
        load_trained(checkpoint)
    assert "\n" not in str(caught.value)


class _Attack:
    def __reduce__(self):
        return (Path.touch, (Path("attacked"),))


def test_a_checkpoint_cannot_run_code(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"weights": _Attack()}}, _without_hash(checkpoint))
    with pytest.raises(InvalidFileError, match="not a checkpoint of plain values"):
        load_trained(checkpoint)
    assert not Path("attacked").exists()


@pytest.mark.parametrize(
    "target",
    ["os.system", "builtins.eval", "mvmono3d_evil.run", "mvmono3d.core.__builtins__.eval", "torch.load"],
)
def test_a_configuration_cannot_call_what_is_not_ours(checkpoint: Path, target: str):
    _edit_config(checkpoint, lambda content: content["task"]["reconstructor"].update(_target_=target))
    with pytest.raises(ConfigurationError, match=re.escape(f"{target!r}; only mvmono3d.* is exported")):
        load_trained(checkpoint)


def test_a_configuration_that_fits_no_constructor_is_refused_by_its_place():
    node = {"net": [{"_target_": "mvmono3d.prior.net.PriorNet", "depth": 3}]}
    with pytest.raises(ConfigurationError, match=r"task\.net\[0\]: can't build .*PriorNet"):
        build(node, where="task")


def test_weights_of_another_network_are_refused(checkpoint: Path):
    _edit_config(checkpoint, lambda content: content["task"]["reconstructor"]["prior"].update(width=9))
    with pytest.raises(InvalidFileError, match=r"does not fit the network of its config\.yaml.*prior"):
        load_trained(checkpoint)


def test_a_task_of_one_part_is_refused(checkpoint: Path):
    _edit_config(checkpoint, lambda content: content["task"].pop("reconstructor"))
    with pytest.raises(InvalidFileError, match="has no reconstructor: only reconstructor tasks"):
        load_trained(checkpoint)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(InvalidFileError, match=r"can't read checkpoint .*none\.ckpt: No such file"):
        load_trained(tmp_path / "none.ckpt")
