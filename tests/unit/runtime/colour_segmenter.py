"""A segmenter that anyone can check: red is transparent, blue is a mirror, green is sky, grey is opaque. Made without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.runtime.segmenter_card import SegmenterCard

CARD = SegmenterCard("colour.v1", mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0), size_multiple=8, input_size=64)


def write_colour_segmenter(path: Path, *, classes: int = 4, card: SegmenterCard | None = CARD, sharpness: float = 40.0) -> Path:
    """Write an ONNX file and, unless it is None, its card beside it."""
    import onnx
    from onnx import TensorProto, helper

    weights = np.zeros((4, 3), np.float32)
    for index, channel in ((1, 0), (2, 2), (3, 1)):  # each colour against the mean of the other two
        weights[index] = -0.5
        weights[index, channel] = 1
    bias = np.array([0.15, 0, 0, 0], np.float32)
    kernel = (sharpness * weights[:classes]).reshape(classes, 3, 1, 1)
    constants = [
        helper.make_tensor("kernel", TensorProto.FLOAT, kernel.shape, kernel.ravel()),
        helper.make_tensor("bias", TensorProto.FLOAT, (classes,), sharpness * bias[:classes]),
    ]
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["classes"], axis=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    out = helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["n", classes, "h", "w"])
    graph = helper.make_graph(nodes, "colour", [image], [out], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    if card is not None:
        path.with_suffix(".json").write_text(card.to_json())
    return path
