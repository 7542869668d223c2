"""The weights of an exported network, to go on training from: names and numbers as in `leadline.export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leadline.errors import LeadlineError
from leadline.models.efficientnet_lite import ConvNorm

HALF = ".half"  # behind the names of weights stored in half precision


def read_onnx_weights(path: Path | str) -> dict[str, Tensor]:
    """Return the trained tensors of an ONNX file that leadline exported, by their names in the network, in single precision.

    Convolutions hold their normalisations (see `fold_norms`). A linear layer's matrix is stored transposed and without a name;
    it gets that of the bias that is added to its product.

    Raises:
        LeadlineError: the file can't be read.
    """
    import onnx

    try:
        graph = onnx.load(path).graph
    except Exception as error:  # whatever protobuf raises for a file that is none
        raise LeadlineError(f"can't read weights {path} ({str(error).splitlines()[0][:120]}): expected an .onnx file") from None
    stored = {tensor.name.removesuffix(HALF): onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    matrices = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul" and node.input[1] in stored}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        product = next((name for name in node.input if name in matrices), None)
        bias = next((name for name in node.input if name.endswith(".bias")), None)
        if product and bias:
            stored[f"{bias.removesuffix('.bias')}.weight"] = stored.pop(matrices[product]).T
    return {name: _tensor(values) for name, values in stored.items() if "." in name}


def fold_norms(network: nn.Module) -> None:
    """Put fixed batch normalisations into their convolutions, in place: the network computes the same, its names change."""
    for module in network.modules():
        if isinstance(module, ConvNorm) and module.norm is not None:
            module.fold()


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
