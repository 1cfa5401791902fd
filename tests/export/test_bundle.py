from dataclasses import replace
from pathlib import Path

import pytest

from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.errors import InvalidFileError, ParityError
from mvmono3d.export.bundle import write_bundle
from tests.export.stand_in import StandIn, source


def test_a_bundle_is_a_model_a_manifest_a_self_test_and_a_card(bundle_folder: Path):
    names = sorted(path.name for path in bundle_folder.iterdir())
    assert names == ["MODEL_CARD.md", "manifest.json", "model.onnx", "selftest.npz"]


def test_the_manifest_says_where_the_weights_come_from(bundle_folder: Path):
    manifest = read_bundle(bundle_folder).manifest
    assert manifest.training == {"experiment": "stand_in", "val/mpjpe_mm": 12.5}
    assert (manifest.opset, manifest.precision) == (20, "fp32")
    assert [graph.views for graph in manifest.graphs] == [4]


def test_the_card_states_metrics_agreement_latency_and_limits(bundle_folder: Path):
    card = (bundle_folder / "MODEL_CARD.md").read_text()
    for words in (
        "three bundle",
        "val/mpjpe_mm | 12.5",
        "held mm | 3.1 [2.9, 3.4]",
        "| 4 | 12 |",
        "p95",
        "## Limits",
        "commit",
    ):
        assert words in card


def test_an_existing_folder_is_left_alone(bundle_folder: Path):
    before = (bundle_folder / "manifest.json").read_bytes()
    with pytest.raises(InvalidFileError, match="already exists"):
        write_bundle(bundle_folder, source(), views=(4,))
    assert (bundle_folder / "manifest.json").read_bytes() == before


def _refuse(views: int) -> StandIn:
    raise ParityError(f"the graph for {views} views is wrong")


def test_what_fails_the_gate_leaves_nothing_behind(tmp_path: Path):
    with pytest.raises(ParityError):
        write_bundle(tmp_path / "bundle", replace(source(), network_for=_refuse), views=(4,))
    assert list(tmp_path.iterdir()) == []
