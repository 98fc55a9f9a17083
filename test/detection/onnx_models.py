"""Tiny .onnx models that return fixed arrays, in the layouts of detection networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt
import pytest

onnx = pytest.importorskip('onnx')
helper, numpy_helper = onnx.helper, onnx.numpy_helper


def write_model(
    path: Path,
    outputs: dict[str, npt.NDArray[Any]],
    *,
    size: tuple[int | str, int | str] = (64, 64),
    image: str = 'images',
    dtype: int = onnx.TensorProto.FLOAT,
    metadata: dict[str, str] | None = None,
    others: tuple[str, ...] = (),
    bright: str = '',
) -> Path:
    """Write a model.

    Parameters
    ----------
    path
        File to write.
    outputs
        Name -> array that the model returns for every image.
    size
        Height and width of its input; a text is a free dimension.
    image, dtype
        Name and type of the input.
    metadata
        Metadata of the file.
    others
        Names of further inputs, (1, 2) int64, which the model ignores.
    bright
        Output to which the mean of the pixels is added, so that it depends on the image.

    """
    inputs = [helper.make_tensor_value_info(image, dtype, [1, 3, *size])]
    inputs += [helper.make_tensor_value_info(n, onnx.TensorProto.INT64, [1, 2]) for n in others]
    nodes, results, constants = [], [], []
    for name, array in outputs.items():
        constants.append(numpy_helper.from_array(array, f'{name}_value'))
        result = f'{name}_value'
        if name == bright:
            nodes += [
                helper.make_node('Cast', [image], ['numbers'], to=onnx.TensorProto.FLOAT),
                helper.make_node('ReduceMean', ['numbers'], ['mean'], keepdims=0),
                helper.make_node('Add', [result, 'mean'], ['sum']),
            ]
            result = 'sum'
        nodes.append(helper.make_node('Identity', [result], [name]))
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        results.append(helper.make_tensor_value_info(name, kind, list(array.shape)))
    graph = helper.make_graph(nodes, 'fixed', inputs, results, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path
