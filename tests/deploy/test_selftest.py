import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mvmono3d.core.schema import sha256_of_file
from mvmono3d.deploy.__main__ import main
from mvmono3d.deploy.bundle import Bundle, read_bundle
from mvmono3d.deploy.engines.load import load_graph
from mvmono3d.deploy.latency import measure_latency
from mvmono3d.deploy.manifest import BundleFile
from mvmono3d.deploy.selftest import check_bundle, read_selftest, write_selftest
from mvmono3d.errors import InvalidFileError, ParityError
from tests.export.stand_in import FRAMES


def _with_selftest(bundle: Bundle, folder: Path, change) -> Bundle:
    """The bundle, copied, with a self-test that expects something else."""
    shutil.copytree(bundle.folder, folder)
    inputs, outputs = read_selftest(bundle, bundle.manifest.graphs[0])
    path = folder / "selftest.npz"
    write_selftest(path, {4: change(dict(inputs), dict(outputs))})
    selftest = BundleFile(name=path.name, sha256=sha256_of_file(path))
    manifest = msgspec.structs.replace(bundle.manifest, selftest=selftest)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return read_bundle(folder)


def test_an_exported_bundle_passes_its_own_self_test(bundle_folder: Path):
    (agreement,) = check_bundle(read_bundle(bundle_folder)).values()
    assert agreement.frames == FRAMES
    assert agreement.points_m < 1e-4
    assert agreement.pixels_px < 0.1


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("points_world", lambda points: points + np.float32(2e-4), "points differ by 0.34. mm, allowed 0.1"),
        ("source", lambda source: 1 - source, "of sources, decisions and reasons differ"),
        ("occlusion_logits", lambda logits: -logits, "of occlusion states differ"),
    ],
)
def test_other_answers_than_expected_fail(bundle_folder: Path, tmp_path: Path, name, change, words):
    def spoil(inputs, outputs):
        return inputs, outputs | {name: change(outputs[name])}

    bundle = _with_selftest(read_bundle(bundle_folder), tmp_path / "spoilt", spoil)
    with pytest.raises(ParityError, match=words):
        check_bundle(bundle)


def test_a_self_test_of_another_shape_is_refused(bundle_folder: Path, tmp_path: Path):
    def widen(inputs, outputs):
        return inputs | {"confidence": inputs["confidence"].astype(np.float64)}, outputs

    bundle = _with_selftest(read_bundle(bundle_folder), tmp_path / "wide", widen)
    with pytest.raises(InvalidFileError, match=r"confidence is float64 .* expected float32"):
        check_bundle(bundle)


def test_the_state_that_comes_out_goes_into_the_next_frame(bundle_folder: Path):
    bundle = read_bundle(bundle_folder)
    graph = bundle.manifest.graphs[0]
    engine, (inputs, _) = load_graph(bundle, graph), read_selftest(bundle, graph)
    latency = measure_latency(engine, inputs, state_size=graph.state_size, frames=20)
    assert 0 < latency.p50_ms <= latency.p95_ms <= latency.worst_ms


def test_the_runtime_reports_self_test_and_latency(bundle_folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(bundle_folder), "--frames", "20"]) == 0
    out = capsys.readouterr().out
    assert "4 views: 12 frames agree" in out
    assert "p50" in out
    assert main([str(bundle_folder), "--selftest"]) == 0
    assert "p50" not in capsys.readouterr().out


def test_a_damaged_bundle_is_one_line_and_exit_code_2(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    damaged = Path(shutil.copytree(bundle_folder, tmp_path / "damaged"))
    (damaged / "model.onnx").write_bytes(b"")
    assert main([str(damaged)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
