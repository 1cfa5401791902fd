import json
import re
import shutil
from pathlib import Path

import pytest

from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.errors import IntegrityError, InvalidFileError, InvalidRecordError
from tests.export.stand_in import SKELETON


@pytest.fixture
def copy(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))


def _edit(folder: Path, **changes) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_a_bundle_holds_its_skeleton_whole(bundle_folder: Path):
    assert read_bundle(bundle_folder).manifest.skeleton == SKELETON


def test_the_smallest_graph_that_takes_all_cameras_is_chosen(bundle_folder: Path):
    bundle = read_bundle(bundle_folder)
    assert [bundle.graph_for(views).views for views in (2, 3, 4)] == [4, 4, 4]
    with pytest.raises(InvalidRecordError, match=r"5 cameras, but .* at most 4; .*--views 5"):
        bundle.graph_for(5)


@pytest.mark.parametrize("name", ["model.onnx", "selftest.npz", "MODEL_CARD.md"])
def test_one_flipped_bit_is_found(copy: Path, name: str):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(IntegrityError, match=f"{name}: SHA-256 .* copy the bundle again"):
        read_bundle(copy)


@pytest.mark.parametrize("name", ["model.onnx", "selftest.npz", "MODEL_CARD.md"])
def test_a_bundle_without_one_of_its_files_is_refused(copy: Path, name: str):
    (copy / name).unlink()
    with pytest.raises(InvalidFileError, match=f"lacks {name}"):
        read_bundle(copy)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": 99}, "schema version 99, expected 1"),
        ({"schema": None}, "schema version None, expected 1"),
        ({"skeleton": None}, "missing required field `skeleton`"),
        ({"graphs": []}, "no graphs, expected at least one"),
        ({"inputs": []}, "inputs , but this runtime knows pixels"),
        ({"surprise": 1}, "unknown field `surprise`"),
        ({"tolerances": {"points_m": "much"}}, "Expected `float`, got `str` - at `$.tolerances.points_m`"),
        ({"card": {"name": "../card.md", "sha256": ""}}, "'../card.md' is outside the bundle"),
    ],
)
def test_a_manifest_that_is_not_of_this_runtime_is_refused_by_name(copy: Path, changes: dict, words: str):
    _edit(copy, **changes)
    with pytest.raises(InvalidFileError, match=re.escape(words)):
        read_bundle(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_manifest_that_is_not_a_json_object_is_refused(copy: Path, content: bytes):
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(InvalidFileError, match=r"manifest\.json"):
        read_bundle(copy)


def test_a_folder_without_manifest_is_not_a_bundle(tmp_path: Path):
    with pytest.raises(InvalidFileError, match=r"no bundle at .*: manifest\.json: No such file"):
        read_bundle(tmp_path)
