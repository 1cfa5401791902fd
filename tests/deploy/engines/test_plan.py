import json
from pathlib import Path

import msgspec
import pytest

from mvmono3d.deploy.engines.plan import PlanKey, read_plan, write_plan
from mvmono3d.errors import IntegrityError, InvalidFileError

KEY = PlanKey(onnx_sha256="ab" * 32, gpu="NVIDIA RTX 4000 Ada", capability="8.9", tensorrt="10.16.1.11")
HOW = "mvmono3d export bundle --tensorrt"


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path):
    path = write_plan(tmp_path / "plans", KEY, b"plan")
    assert path.name.startswith("nvidia-rtx-4000-ada-sm89-trt10.16.1.11-")
    assert read_plan(tmp_path / "plans", KEY, how=HOW) == b"plan"


@pytest.mark.parametrize(
    "changes",
    [
        {"onnx_sha256": "cd" * 32},
        {"gpu": "NVIDIA H200"},
        {"capability": "9.0"},
        {"tensorrt": "11.4.0.106"},
        {"shapes": {"crops": ((1, 2), (4, 2), (8, 2))}},
    ],
)
def test_a_plan_for_anything_else_is_not_found_and_the_command_is_named(tmp_path: Path, changes: dict):
    write_plan(tmp_path, KEY, b"plan")
    with pytest.raises(InvalidFileError, match=f"build it here with: {HOW}"):
        read_plan(tmp_path, msgspec.structs.replace(KEY, **changes), how=HOW)


def test_a_damaged_or_exchanged_plan_is_refused(tmp_path: Path):
    path = write_plan(tmp_path, KEY, b"plan")
    path.write_bytes(b"plot")
    with pytest.raises(IntegrityError, match=f"build it again with: {HOW}"):
        read_plan(tmp_path, KEY, how=HOW)
    other = write_plan(tmp_path, msgspec.structs.replace(KEY, capability="9.0"), b"other")
    other.rename(path)
    other.with_suffix(".json").rename(path.with_suffix(".json"))
    with pytest.raises(IntegrityError):
        read_plan(tmp_path, KEY, how=HOW)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 1}'])
def test_a_note_that_is_none_is_refused(tmp_path: Path, content: bytes):
    path = write_plan(tmp_path, KEY, b"plan")
    path.with_suffix(".json").write_bytes(content)
    with pytest.raises(InvalidFileError, match="build it again"):
        read_plan(tmp_path, KEY, how=HOW)


def test_a_note_of_another_schema_is_refused(tmp_path: Path):
    path = write_plan(tmp_path, KEY, b"plan").with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 2}))
    with pytest.raises(InvalidFileError, match="schema version 2, expected 1"):
        read_plan(tmp_path, KEY, how=HOW)
