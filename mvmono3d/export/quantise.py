"""Chosen layers in 8-bit integers: weights per channel, activations by the range that calibration saw.

Written as pairs of QuantizeLinear and DequantizeLinear, which onnxruntime computes in integers on CPUs and,
of signed ones with zero point 0, TensorRT on GPUs. Biases and outputs stay in single precision.
"""

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QDQQuantizer, QuantType, TensorsData
from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

_OPERATORS = ["Conv", "Gemm", "MatMul"]
_BETWEEN = ["Add", "Relu", "Resize"]
"""What stands between convolutions of pictures: in integers too, or every sum of a residual block would go to
floating point and back, and its convolution with it."""
_PICTURE_AXES = 4


class Quantiser:
    """A graph and the ranges of its values; quantises any choice of its layers."""

    def __init__(
        self, model: onnx.ModelProto, *, feeds: Iterable[Mapping[str, np.ndarray]], signed: bool = True
    ) -> None:
        """Run the graph over the feeds and note what every layer takes.

        Args:
            model: with a name for every node.
            feeds: inputs of the whole graph, as many as its layers' ranges need.
            signed: activations from -128 to 127, as TensorRT takes them, and outputs in floating point; else
                from 0 to 255 over the range that was seen, twice as fine behind a ReLU, and what stands
                between convolutions of pictures in integers as well.
        """
        self._model = onnx.shape_inference.infer_shapes(model)
        self._signed = signed
        self._ranges = _ranges(model, feeds, symmetric=signed, operators=self._operators)

    def quantise(self, layers: Collection[str]) -> onnx.ModelProto:
        """Return the graph with the layers of these names (Conv, Gemm, MatMul) in 8-bit integers."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self._model)
        quantiser = QDQQuantizer(
            copy,
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QInt8 if self._signed else QuantType.QUInt8,
            tensors_range=self._ranges,
            nodes_to_quantize=sorted({*layers, *self._between()}),
            nodes_to_exclude=[],
            op_types_to_quantize=self._operators,
            extra_options={
                "ActivationSymmetric": self._signed,
                "WeightSymmetric": True,
                "QuantizeBias": not self._signed,
                "OpTypesToExcludeOutputQuantization": _OPERATORS if self._signed else _OPERATORS[1:],
            },
        )
        quantiser.quantize_model()
        quantiser.model.topological_sort()
        return quantiser.model.model

    @property
    def _operators(self) -> list[str]:
        return _OPERATORS if self._signed else [*_OPERATORS, *_BETWEEN]

    def _between(self) -> set[str]:
        if self._signed:
            return set()
        pictures = {
            value.name
            for value in self._model.graph.value_info
            if len(value.type.tensor_type.shape.dim) == _PICTURE_AXES
        }
        constants = {tensor.name for tensor in self._model.graph.initializer}
        return {
            node.name
            for node in self._model.graph.node
            if node.op_type in _BETWEEN and pictures.issuperset({*node.input[:1], *node.output})
            if node.op_type != "Add" or not constants.intersection(node.input)
        }


def _ranges(
    model: onnx.ModelProto,
    feeds: Iterable[Mapping[str, np.ndarray]],
    *,
    symmetric: bool,
    operators: list[str],
) -> TensorsData:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        calibrator = create_calibrator(
            path,
            operators,
            augmented_model_path=str(Path(folder) / "watched.onnx"),
            calibrate_method=CalibrationMethod.MinMax,
            providers=["CPUExecutionProvider"],
            extra_options={"symmetric": symmetric},
        )
        calibrator.collect_data(_Feeds(feeds))
        return calibrator.compute_data()


class _Feeds(CalibrationDataReader):
    """Gives each feed once."""

    def __init__(self, feeds: Iterable[Mapping[str, np.ndarray]]) -> None:
        self._rest: Iterator[Mapping[str, np.ndarray]] = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        feed = next(self._rest, None)
        return None if feed is None else {name: np.asarray(value) for name, value in feed.items()}
