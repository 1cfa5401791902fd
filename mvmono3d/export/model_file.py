"""A graph's file, whole or absent."""

from pathlib import Path

import onnx

from mvmono3d.core.schema import atomic_write


def write_model(path: Path, model: onnx.ModelProto) -> None:
    """Write a graph into one file."""
    with atomic_write(path) as file:
        file.write(model.SerializeToString())
