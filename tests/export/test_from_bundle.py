"""A bundle made from a bundle, and what the command does with either."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mvmono3d.cli import main
from mvmono3d.core.schema import sha256_of_file
from mvmono3d.deploy.agreement import compare
from mvmono3d.deploy.bundle import Bundle, read_bundle
from mvmono3d.deploy.engines.load import load_graph
from mvmono3d.deploy.manifest import Figure, Tolerances
from mvmono3d.deploy.selftest import Runner, check_bundle, read_selftest, run_sequence
from mvmono3d.errors import ConfigurationError, ParityError
from mvmono3d.export.rewrite import rewrite_bundle
from mvmono3d.export.trial import Lowering

EXACT = Tolerances(share=0.0)


@pytest.fixture
def bundle(bundle_folder: Path) -> Bundle:
    return read_bundle(bundle_folder)


def test_a_rewritten_bundle_answers_as_before_and_says_what_it_was_held_to(bundle: Bundle, tmp_path: Path):
    manifest = rewrite_bundle(bundle, tmp_path / "new")
    new = read_bundle(tmp_path / "new")
    for old_graph, graph in zip(bundle.manifest.graphs, new.manifest.graphs, strict=True):
        inputs, expected = read_selftest(bundle, old_graph)
        got = run_sequence(load_graph(new, graph), inputs, state_size=graph.state_size)
        assert compare(expected, got, inputs=inputs, tolerances=EXACT).problems(EXACT) == ()
        before, after = (onnx.load(each.path_of(g)) for each, g in ((bundle, old_graph), (new, graph)))
        assert len(after.graph.node) <= len(before.graph.node)
    (gate,) = manifest.gates
    assert (gate.views, gate.against) == (4, "the graph it was made from")
    assert {each.name: each.allowed for each in gate.figures}["points"] == pytest.approx(0.1)
    assert all(each.found <= each.allowed for each in gate.figures)
    assert manifest.training == bundle.manifest.training


def test_the_card_keeps_what_the_training_measured(bundle: Bundle, tmp_path: Path):
    rewrite_bundle(bundle, tmp_path / "new")
    card = (tmp_path / "new" / "MODEL_CARD.md").read_text()
    assert "held mm | 3.1 [2.9, 3.4]" in card
    assert "without training again" in card
    assert card.count("## Latency") == card.count("## Limits") == card.count("## Gate of fp32") == 1


class _Trial:
    """Lets everything through, or nothing."""

    def __init__(self, *, fine: bool) -> None:
        self.fine = fine

    def feeds(self) -> Iterator[Mapping[str, np.ndarray]]:
        return iter(())

    def figures(self, engine: Runner, *, glance: bool = False) -> tuple[Figure, ...]:
        del engine, glance
        return (Figure(name="loss", unit="mm", allowed=0.1, found=0.0 if self.fine else 2.5),)


def _lowering(*, fine: bool) -> Lowering:
    return Lowering(precision="fp16", trial_for=lambda reference, views, size: _Trial(fine=fine))


@pytest.fixture
def weighty(bundle_folder: Path, tmp_path: Path) -> Bundle:
    """The bundle with layers that are worth lowering: its state goes through 300 columns and back."""
    bundle = read_bundle(bundle_folder)
    (graph,) = bundle.manifest.graphs
    folder = tmp_path / "weighty"
    folder.mkdir()
    model = onnx.load(bundle.path_of(graph))
    for node in model.graph.node:
        node.output[:] = ["inner" if name == "next_state" else name for name in node.output]
    eye = np.zeros((3, 300), np.float32)
    eye[np.arange(3), np.arange(3)] = 1
    model.graph.initializer.extend(
        [numpy_helper.from_array(eye, "wide"), numpy_helper.from_array(np.ascontiguousarray(eye.T), "back")]
    )
    model.graph.node.extend(
        [
            onnx.helper.make_node("MatMul", ["inner", "wide"], ["middle"], name="widen"),
            onnx.helper.make_node("MatMul", ["middle", "back"], ["next_state"], name="narrow"),
        ]
    )
    for file in bundle_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    onnx.save(model, folder / graph.file.name)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["graphs"][0]["file"]["sha256"] = sha256_of_file(folder / graph.file.name)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return read_bundle(folder)


def test_a_bundle_in_lower_precision_states_it_and_passes_its_own_self_test(weighty: Bundle, tmp_path: Path):
    manifest = rewrite_bundle(weighty, tmp_path / "half", lowering=_lowering(fine=True))
    assert manifest.precision == "fp16"
    (gate,) = manifest.gates
    assert (gate.lowered, gate.layers, gate.lowered_share) == (2, 2, 1.0)
    assert gate.figures == (Figure(name="loss", unit="mm", allowed=0.1, found=0.0),)
    assert "2 of 2 layers with weights are in fp16" in (tmp_path / "half" / "MODEL_CARD.md").read_text()
    half = read_bundle(tmp_path / "half")
    assert check_bundle(half)[4].points_m == 0.0
    (graph,) = half.manifest.graphs
    assert any(
        t.data_type == onnx.TensorProto.FLOAT16 for t in onnx.load(half.path_of(graph)).graph.initializer
    )
    with pytest.raises(ConfigurationError, match=r"is in fp16: .*start from an fp32 bundle"):
        rewrite_bundle(half, tmp_path / "again")


def test_a_precision_that_misses_its_gate_leaves_nothing_behind(weighty: Bundle, tmp_path: Path):
    with pytest.raises(ParityError, match=r"fp16: loss 2\.5 mm \(allowed 0\.1\)"):
        rewrite_bundle(weighty, tmp_path / "half", lowering=_lowering(fine=False))
    assert not (tmp_path / "half").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--out BUNDLE is missing"),
        (["--out", "new", "--views", "4"], "a bundle's graphs are fixed"),
        (["--out", "new", "--precision", "int8"], "skeleton 'three' does not ship"),
    ],
)
def test_what_a_bundle_cannot_become_is_one_line(
    bundle_folder: Path, tmp_path, capsys, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(bundle_folder), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert list(tmp_path.glob("new")) == []


def test_tensorrt_on_a_machine_without_it_says_what_to_install(bundle_folder: Path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert main(["export", str(bundle_folder), "--tensorrt"]) == 2
    assert "pip install 'mvmono3d[tensorrt]'" in capsys.readouterr().err
