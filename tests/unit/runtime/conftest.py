"""Tiny networks, made without torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.depth_map import RELATIVE_DISPARITY
from leadline.predictor import ModelCard

# Network input = the picture's own numbers; the map is then the mean of red, green and blue.
PLAIN_CARD = ModelCard(
    "mean.test", RELATIVE_DISPARITY, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), size_multiple=8, input_size=64
)


@pytest.fixture
def card() -> ModelCard:
    return PLAIN_CARD


@pytest.fixture
def mean_onnx(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the network "mean over the channels" to an ONNX file, with variations."""
    onnx = pytest.importorskip("onnx", reason="onnx writes the tests' networks; it comes with the extra 'train'")
    from onnx import TensorProto, helper

    def write(
        name: str = "mean.onnx",
        *,
        shape: tuple[Any, ...] = ("n", 3, "h", "w"),
        keep_channel: bool = False,
        shrink: int = 1,
        extra_input: bool = False,
        outputs: tuple[str, ...] = ("disparity",),
        half: bool = False,
        logarithm: bool = False,
        baked_hw: tuple[int, int] | None = None,
        metadata: dict[str, str] | None = None,
    ) -> Path:
        dtype = TensorProto.FLOAT16 if half else TensorProto.FLOAT
        axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
        nodes, at, constants = [], "image", [axes]
        if baked_hw:  # says that sizes are free, and then adds a constant of one size
            size = (1, 3, *baked_hw)
            constants.append(helper.make_tensor("offset", dtype, size, np.zeros(size).ravel()))
            nodes.append(helper.make_node("Add", [at, "offset"], ["moved"]))
            at = "moved"
        if shrink > 1:
            nodes.append(
                helper.make_node("AveragePool", [at], ["small"], kernel_shape=[shrink, shrink], strides=[shrink, shrink])
            )
            at = "small"
        if logarithm:
            nodes.append(helper.make_node("Log", [at], ["log"]))
            at = "log"
        nodes += [helper.make_node("ReduceMean", [at, "axes"], [out], keepdims=int(keep_channel)) for out in outputs]
        inputs = [helper.make_tensor_value_info("image", dtype, list(shape))]
        if extra_input:
            inputs.append(helper.make_tensor_value_info("hint", dtype, [1]))
            nodes.append(helper.make_node("Identity", ["hint"], ["unused"]))
        rank = 4 if keep_channel else 3
        infos = [helper.make_tensor_value_info(out, dtype, [None] * rank) for out in outputs]
        graph = helper.make_graph(nodes, "mean", inputs, infos, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        helper.set_model_props(model, metadata or {})
        path = tmp_path / name
        onnx.save(model, str(path))
        return path

    return write


@pytest.fixture
def gradient_photo() -> np.ndarray:
    """Return a (48, 80, 3) picture that grows from left to right and from top to bottom."""
    y, x = np.mgrid[0:48, 0:80]
    return np.stack([x * 3, y * 4, x + y], axis=-1).astype(np.uint8)
