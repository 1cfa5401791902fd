"""A joint network's checkpoint becomes a bundle that gives what the network gives."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mvmono3d.cli import main
from mvmono3d.deploy.detect.batch import grey
from mvmono3d.deploy.detect.bundle import FINDER, JOINTS, read_detector_bundle
from mvmono3d.deploy.detect.network import open_detector
from mvmono3d.deploy.detect.selftest import check_detector
from mvmono3d.deploy.engines.onnxruntime import Engine
from mvmono3d.errors import ConfigurationError, IntegrityError, ParityError
from mvmono3d.export.command import add_arguments, run
from mvmono3d.export.detector_graph import JointGraph, fused
from mvmono3d.export.from_detector import export_detector, load_net
from tests.deploy.detect.crops import random_crops
from tests.export.detector_runs import SIZE, write_detector_run


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_detector_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def bundle(checkpoint, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "detector_hand21"
    export_detector(checkpoint, folder, finder=checkpoint, precision="fp32")
    return folder


def test_the_graph_gives_what_the_network_gives_for_any_number_of_crops(checkpoint, bundle):
    network, detector = JointGraph(load_net(checkpoint).net), open_detector(bundle)
    for views in (1, 3, 8):
        crops = random_crops(views, size=SIZE, seed=views)
        with torch.no_grad():
            expected = network(torch.from_numpy(grey(crops.images)))
        got = detector.detect(crops)
        np.testing.assert_allclose(got.pixels, expected.pixels.numpy(), atol=1e-2)
        np.testing.assert_allclose(got.confidence, expected.confidence.numpy(), atol=1e-4)
        np.testing.assert_allclose(got.sigma_px, expected.sigma_px.numpy(), rtol=1e-3)


def test_normalisation_within_the_convolutions_changes_nothing(checkpoint):
    net = load_net(checkpoint).net
    images = torch.rand(2, 1, SIZE, SIZE)
    with torch.no_grad():
        for one, other in zip(net(images), fused(net)(images), strict=True):
            torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
    assert not any(isinstance(each, torch.nn.BatchNorm2d) for each in fused(net).modules())


def test_a_bundle_says_what_it_is_and_checks_itself(bundle):
    read = read_detector_bundle(bundle)
    assert [graph.role for graph in read.manifest.graphs] == [JOINTS, FINDER]
    assert all(off < 1e-3 for off in check_detector(read).values())
    card = (bundle / "MODEL_CARD.md").read_text()
    assert "python train.py experiment=detector skeleton=hand21" in card
    assert "| visible |" in card


def test_a_bundle_of_a_changed_graph_is_refused(bundle, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in bundle.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    graph = copy / "joints.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\x00")
    with pytest.raises(IntegrityError, match=r"joints\.onnx: SHA-256"):
        read_detector_bundle(copy)


def test_another_network_s_answers_fail_the_self_test(bundle, tmp_path, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    checkpoint = write_detector_run(other, width=8)
    export_detector(checkpoint, other / "bundle", finder=None, precision="fp32")
    manifest = json.loads((bundle / "manifest.json").read_text())
    mixed = json.loads((other / "bundle" / "manifest.json").read_text())
    (other / "bundle" / "selftest.npz").write_bytes((bundle / "selftest.npz").read_bytes())
    mixed["selftest"] = manifest["selftest"]
    (other / "bundle" / "manifest.json").write_text(json.dumps(mixed))
    with pytest.raises(ParityError, match="fails its self-test"):
        check_detector(read_detector_bundle(other / "bundle"))


def test_eight_bits_keep_the_answers_near_or_are_refused(checkpoint, bundle, tmp_path):
    folder = tmp_path / "int8"
    try:
        manifest = export_detector(checkpoint, folder, finder=None, precision="int8")
    except ParityError:
        # An untrained network's maps are flat: its answers may move too far.
        refused = not folder.exists()
    else:
        graph, refused = manifest.graphs[0], False
        assert graph.lowered_share >= 0.5
        assert all(figure.found <= figure.allowed for figure in graph.figures)
        assert (folder / "joints.onnx").stat().st_size < (bundle / "joints.onnx").stat().st_size
    assert refused or folder.exists()


def test_the_command_writes_a_detector(checkpoint, tmp_path, capsys):
    assert main(["export", str(checkpoint), "--out", str(tmp_path / "out")]) == 0
    assert "detector of skeleton hand21: joints (64 px, fp32)" in capsys.readouterr().out
    assert Engine(tmp_path / "out" / "joints.onnx").input_names == ("images",)


def test_options_of_reconstructors_are_refused(checkpoint, tmp_path):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    arguments = parser.parse_args([str(checkpoint), "--out", str(tmp_path / "out"), "--views", "4"])
    with pytest.raises(ConfigurationError, match="without --views"):
        run(arguments)
