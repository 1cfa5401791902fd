"""Engines of a detector: built, found again, run. No GPU, no TensorRT: stand-ins on the CPU."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.schema import SCHEMA_VERSION, sha256_of_bytes
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.detect.bundle import (
    DetectorBundle,
    DetectorGraph,
    DetectorManifest,
    read_detector_bundle,
)
from mvmono3d.deploy.detect.network import batch_shapes, load_detector_graph
from mvmono3d.deploy.engines import load
from mvmono3d.deploy.engines.cuda import Gpu
from mvmono3d.deploy.manifest import BundleFile
from mvmono3d.errors import ConfigurationError, InvalidFileError, UnknownNameError
from mvmono3d.export import engines
from tests.deploy.detect import graphs
from tests.deploy.engines.fakes import FakeDevice, fake_tensorrt

SIZE = 64


@pytest.fixture
def bundle(tmp_path: Path) -> DetectorBundle:
    graphs.finder(tmp_path / "finder.onnx", size=SIZE)
    content = (tmp_path / "finder.onnx").read_bytes()
    file = BundleFile(name="finder.onnx", sha256=sha256_of_bytes(content))
    graph = DetectorGraph(role="finder", size=SIZE, precision="fp16", file=file, figures=(), training={})
    manifest = DetectorManifest(
        schema=SCHEMA_VERSION, kind="detector", version="", commit="", opset=17,
        skeleton=load_skeleton("hand21"), margin=1.35, graphs=(graph,), selftest=file, card=file,
        tolerance_px=0.1,
    )  # fmt: skip
    return DetectorBundle(folder=tmp_path, manifest=manifest)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: DetectorBundle) -> list[dict]:
    """A machine with a GPU; what its builder was asked for."""
    device, asked = FakeDevice(), []
    vars(device)["gpu"] = Gpu(name="Stand-in", capability="9.0")
    trt = fake_tensorrt(device)
    vars(trt)["__version__"] = "11.0"

    def build(onnx: bytes, *, trt: ModuleType, timing_cache: Path, shapes: dict) -> bytes:
        asked.append(shapes)
        return onnx

    for module in (load, engines):
        monkeypatch.setattr(module, "tensorrt_module", lambda: trt)
        monkeypatch.setattr(module, "CudaDevice", lambda: device)
        monkeypatch.setattr(module, "plan_folder", lambda: tmp_path / "plans")
    monkeypatch.setattr(engines, "build_plan", build)
    monkeypatch.setattr(engines, "is_detector_bundle", lambda folder: True)
    monkeypatch.setattr(engines, "read_detector_bundle", lambda folder: bundle)
    return asked


def test_an_engine_that_was_built_answers_like_onnxruntime(bundle: DetectorBundle, machine: list[dict]):
    (graph,) = bundle.manifest.graphs
    built = engines.build_engines(bundle.folder)
    assert [path.suffix for path in built] == [".plan"]
    assert machine == [batch_shapes(graph)]
    engine = load_detector_graph(bundle, graph, engine="tensorrt")
    for count in (1, 4, 4, 3):
        images = np.random.default_rng(count).random((count, 1, SIZE, SIZE)).astype(np.float32)
        expected = load_detector_graph(bundle, graph).run({"images": images})
        got = engine.run({"images": images})
        for name, value in expected.items():
            np.testing.assert_array_equal(got[name], value)


def test_an_engine_that_was_not_built_names_the_command(bundle: DetectorBundle, machine: list[dict]):
    with pytest.raises(InvalidFileError, match=r"mvmono3d export .* --tensorrt"):
        load_detector_graph(bundle, bundle.manifest.graphs[0], engine="tensorrt")


def test_another_engine_is_no_silent_choice(bundle: DetectorBundle):
    with pytest.raises(UnknownNameError, match="engine 'vulkan'"):
        load_detector_graph(bundle, bundle.manifest.graphs[0], engine="vulkan")


def test_unsigned_integers_are_refused_before_anything_is_built(monkeypatch: pytest.MonkeyPatch, machine):
    released = resource_folder("deploy", "models", "detector_hand21")
    monkeypatch.setattr(engines, "read_detector_bundle", read_detector_bundle)
    with pytest.raises(ConfigurationError, match="int8 is for CPUs"):
        engines.build_engines(released)
    assert machine == []
